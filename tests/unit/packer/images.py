"""Images made by hand: layers of a few files, in a layout as any builder writes it; and what lint finds in them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from tests.programs.build import build
from whit.packer.lint import fetch, lint_image
from whit.packer.store.store import read_image

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.lint.image import Image
    from whit.packer.lint.model import Finding

EXIT = build("exit", "c-musl", stripped=True).read_bytes()
LABELS = {f"org.opencontainers.image.{key}": "x" for key in ("source", "revision", "version", "licenses")}
GOOD: dict[str, Any] = {"Entrypoint": ["/exit"], "User": "65532:65532", "Labels": LABELS}

Members = dict[str, bytes | tarfile.TarInfo | tuple[bytes, int]]
"""Path → a file's content (mode 0644), or content and mode, or a header for what isn't a file."""


def link(target: str, *, hard: bool = False) -> tarfile.TarInfo:
    """A symbolic or hard link."""
    info = tarfile.TarInfo()
    info.type, info.linkname = tarfile.LNKTYPE if hard else tarfile.SYMTYPE, target
    return info


def folder(mode: int = 0o755) -> tarfile.TarInfo:
    """A folder."""
    info = tarfile.TarInfo()
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info


def layer(members: Members) -> bytes:
    """A layer's tar."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, member in members.items():
            if isinstance(member, tarfile.TarInfo):
                member.name = path
                tar.addfile(member)
                continue
            content, mode = member if isinstance(member, tuple) else (member, 0o644)
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    return written.getvalue()


def write_layout(
    path: Path, layers: list[Members], config: dict[str, Any], *, architecture: str = "amd64", **document: Any
) -> Path:
    """An OCI layout with one image of these layers; ``config`` is the configuration's ``config``."""
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    tars = [layer(members) for members in layers]
    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    whole = {"os": "linux", "architecture": architecture, "config": config, **document}
    whole["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(json.dumps(whole).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [put(gzip.compress(tar, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip") for tar in tars],
    }
    found = put(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [found]}))
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return path


def archive(layout: Path, target: Path, *, without: str = "") -> Path:
    """The layout as one tar."""
    with tarfile.open(target, "w") as tar:
        for file in sorted(layout.rglob("*")):
            if file.is_file() and file.name != without:
                tar.add(file, file.relative_to(layout).as_posix())
    return target


def image_at(path: Path, *layers: Members, config: dict[str, Any] | None = None, **document: Any) -> Image:
    write_layout(path, list(layers), GOOD if config is None else config, **document)
    with fetch.layout_of(str(path)) as layout:
        assert layout is not None
        return fetch.image_of("image", read_image(layout, fetch.only_image(layout, "image")), layout)


def findings(path: Path, *layers: Members, config: dict[str, Any] | None = None, **document: Any) -> list[Finding]:
    return list(lint_image(image_at(path, *layers, config=config, **document), {"ignores-sigterm", "not-pie"}))


def ids(found: list[Finding]) -> list[str]:
    return sorted({finding.id for finding in found})
