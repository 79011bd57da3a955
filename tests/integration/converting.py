"""What tests of conversions share: an image as another builder makes it, and what has become of one."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

from tests.unit.packer.images import GOOD, Members, folder, link, write_layout
from whit.packer.image import oci
from whit.packer.image.decompress import decompressed
from whit.packer.store.layout import Layout
from whit.packer.store.store import StoredImage, read_image
from whit.packer.support.times import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

EPOCH = 1_600_000_000
REWRITE = ("--rewrite-timestamps", "--timestamp", str(EPOCH))


def done(run_whit: RunWhit, *words: str | Path) -> str:
    result = run_whit(*words)
    assert result.returncode == 0, result.stderr
    return result.stdout


def converted(run_whit: RunWhit, *words: str | Path) -> str:
    """The digest that ``whit copy`` tells."""
    return str(json.loads(done(run_whit, "copy", "--json", *words))["digest"])


def in_layout(path: Path) -> StoredImage:
    layout = Layout(path, private=False)
    (found,) = layout.index().manifests
    return read_image(layout, found)


def tars(path: Path) -> list[bytes]:
    """The layers of a layout's image, unpacked."""
    layout = Layout(path, private=False)
    layers = in_layout(path).manifest.layers
    return [b"".join(decompressed(one.media_type, layout.chunks(one), one.size)) for one in layers]


def foreign_image(path: Path, time: int) -> Path:
    def at(info: tarfile.TarInfo, seconds: float) -> tarfile.TarInfo:
        info.mtime = seconds
        return info

    capability = at(folder(), time)
    capability.pax_headers = {"SCHILY.xattr.user.note": "x"}
    first: Members = {
        "etc": at(folder(), time), "etc/new": at(tarfile.TarInfo(), time + 0.5), "etc/old": at(tarfile.TarInfo(), EPOCH - 9),
        "link": at(link("etc/new"), time), "hard": at(link("etc/new", hard=True), time), "noted": capability,
    }  # fmt: skip
    second: Members = {"etc/.wh.old": at(tarfile.TarInfo(), time), "var/.wh..wh..opq": at(tarfile.TarInfo(), time)}
    dated = rfc3339(time).replace("Z", ".5Z")
    history = [{"created": dated, "created_by": "RUN x"}, {"created": dated, "created_by": "RUN y"}]
    labels = {**GOOD["Labels"], "org.opencontainers.image.created": dated}
    return write_layout(
        path, [first, second], {**GOOD, "Labels": labels}, created=dated, history=history, container="x"
    )


def edited(path: Path, change: Any, what: str = "manifest") -> Path:
    """The layout with another manifest, or configuration."""
    layout = Layout(path, private=False)
    image = in_layout(path)
    manifest = json.loads(layout.read(image.descriptor))
    if what == "config":
        config = json.loads(layout.read(image.manifest.config))
        change(config)
        put = layout.put(json.dumps(config).encode(), oci.CONFIG)
        manifest["config"].update(digest=put.digest, size=put.size)
    else:
        change(manifest)
    put = layout.put(json.dumps(manifest).encode(), oci.MANIFEST)
    (path / "index.json").write_bytes(oci.Index((put,)).to_json())
    return path
