"""An image as ``docker image inspect`` shows it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.image.oci import health_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.store.store import StoredImage


def image_document(image: StoredImage, names: Iterable[str]) -> dict[str, object]:
    """Docker's names, as far as whit has such a thing; ``names`` are all that lead to it."""
    run = image.config.run
    named = sorted(names)
    repositories = sorted({name.rpartition(":")[0] or name for name in named})
    return {
        "Id": image.image_id,
        "Digest": image.digest,
        "RepoTags": named,
        "RepoDigests": [f"{name}@{image.digest}" for name in repositories],
        "Created": image.config.created or "",
        "Architecture": image.platform.architecture,
        "Variant": image.platform.variant or "",
        "Os": image.platform.os,
        "Size": image.size,
        "Config": {
            "User": run.user,
            "ExposedPorts": {port: {} for port in run.exposed_ports},
            "Env": list(run.env),
            "Entrypoint": list(run.entrypoint),
            "Cmd": list(run.cmd),
            "Volumes": {path: {} for path in run.volumes},
            "WorkingDir": run.working_dir,
            "Labels": dict(run.labels),
            "StopSignal": run.stop_signal or "",
            **({"Healthcheck": health_document(run.health)} if run.health else {}),
            **({"Shell": list(run.shell)} if run.shell else {}),
            **({"OnBuild": list(run.on_build)} if run.on_build else {}),
        },
        "RootFS": {"Type": "layers", "Layers": list(image.config.diff_ids)},
        "Annotations": dict(image.manifest.annotations),
        "History": [
            {"CreatedBy": step.created_by, "Created": step.created or "", "EmptyLayer": step.empty_layer}
            for step in image.config.history
        ],
    }
