"""Images made by hand, in a store: what busybox and a tar hold."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.image.oci import CONFIG, LAYER_GZIP, Descriptor, ImageConfig, Manifest
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import RunConfig
from whit.packer.store.store import Store
from whit.runtime.machine import architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

BUSYBOX = Path("/bin/busybox")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def entry(name: str, kind: bytes = tarfile.REGTYPE, **members: object) -> tarfile.TarInfo:
    """A header."""
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, 0o755
    for key, value in members.items():
        setattr(info, key, value)
    return info


def make_image(
    root: Path, name: str, members: Mapping[tarfile.TarInfo, bytes], config: RunConfig | None = None, level: int = 1
) -> str:
    """An image with /bin/busybox, a folder /tmp, and these members; its name. Bytes by chance are best at level 0, for they don't compress."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        program = BUSYBOX.read_bytes()
        for info, data in {entry("bin/busybox"): program, entry("tmp", tarfile.DIRTYPE): b"", **members}.items():
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    data = written.getvalue()
    with Store(root).adding() as layout:
        blob = gzip.compress(data, level, mtime=0)
        with layout.new_blob() as writer:
            writer.write(blob)
        layer = Descriptor(LAYER_GZIP, writer.digest, len(blob))
        machine = architecture()
        made = ImageConfig(
            Platform("linux", ARCHITECTURES.get(machine, machine)),
            config or RunConfig(entrypoint=("/bin/busybox",)),
            diff_ids=(f"sha256:{hashlib.sha256(data).hexdigest()}",),
        )
        manifest = Manifest(layout.put(made.to_json(), CONFIG), (layer,))
        Store(root).add(layout.put(manifest.to_json(), manifest.media_type), (parse_reference(name),))
    return name
