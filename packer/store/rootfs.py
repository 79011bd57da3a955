"""An image's files, unpacked once for all containers that run it, with the places that the runtime mounts over."""

from __future__ import annotations

import os
import time

from whit.packer.image.oci import WASM_LAYERS
from whit.packer.store.layout import REPACK
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.hashing import sha256, sha256_of_much
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from whit.packer.image.oci import Descriptor
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store, StoredImage
    from whit.packer.support.userns import Ids

UNPACK_VERSION = 2
"""Raised when the same layers would be unpacked differently, so that what is there isn't taken for it."""
_LARGE = 1 << 20
"""Bytes of a layer's blob from which on it is uncompressed by a thread of its own, while files are written."""

_UNPACK_PAUSE = 0.01
"""Seconds between two looks at whether somebody else has unpacked the image."""


@dataclass(frozen=True, slots=True)
class MountPoint:
    """A folder or a file that must be there, most often for something to be mounted over it; ``path`` is absolute.

    ``content`` is a file's, where the image brings none of its own.
    """

    path: str
    is_directory: bool = True
    content: bytes = b""


def _order(point: MountPoint) -> tuple[str, bool, bytes]:
    return point.path, point.is_directory, point.content


def rootfs_path(store: Store, image: StoredImage, mount_points: tuple[MountPoint, ...], ids: Ids | None = None) -> Path:
    """Where an image is unpacked, or would be: KEY is its manifest's digest and what stands for the mount points.

    ``ids`` are those of the user namespace in which the files get their owners, None where there is none.
    """
    wanted = [
        [os.fsencode(point.path).decode("utf-8", "backslashreplace"), point.is_directory, point.content.hex()]
        for point in sorted(set(mount_points), key=_order)
    ]
    document: dict[str, object] = {"version": UNPACK_VERSION, "mount_points": wanted}
    if ids:
        document["ids"] = [ids.users, ids.groups]
    version = sha256(canonical_json(document)).hexdigest()
    return store.rootfs_folder / f"{image.descriptor.hex}.{version[:16]}"


def lock_path(rootfs: Path) -> Path:
    """The lock of an unpacked image. Whoever uses the files holds it shared; it is only removed under it."""
    return rootfs.with_name(f"{rootfs.name}.lock")


def prepare_rootfs(
    store: Store, image: StoredImage, mount_points: tuple[MountPoint, ...], ids: Ids | None = None
) -> Path:
    """The folder with an image's files, unpacked now if it isn't there; its lock file is there too.

    It belongs to all containers of the image and must not be written to. Several processes may ask at once.
    Raises :class:`InvalidFileError`, :class:`UnsupportedError`, :class:`StoreError`.
    """
    rootfs = rootfs_path(store, image, mount_points, ids)
    while not (rootfs.is_dir() and lock_path(rootfs).exists()):
        # Never waiting for the lock: whoever unpacked the files first holds it, shared, for as long as its program runs.
        with store.adding(), durable.locked(lock_path(rootfs), exclusive=True, wait=False) as got:
            if got and not rootfs.is_dir():
                _unpack(store, image, mount_points, rootfs)
        if not got:
            time.sleep(_UNPACK_PAUSE)
    return rootfs


def _unpack(store: Store, image: StoredImage, mount_points: tuple[MountPoint, ...], rootfs: Path) -> None:
    # Once an image: what runs it again needs none of them.
    from whit.packer.store.unpack import Unpacker  # noqa: PLC0415
    from whit.packer.support.ahead import ahead  # noqa: PLC0415
    from whit.packer.tar.read import TarReader  # noqa: PLC0415

    temporary = durable.temporary_beside(rootfs)
    temporary.mkdir(mode=0o755)
    try:
        temporary.chmod(0o755)
        with Unpacker(temporary) as unpacker:
            for descriptor, diff_id in zip(image.manifest.layers, image.config.diff_ids, strict=True):
                try:
                    tar = layer_tar(store.layout, descriptor, diff_id)
                    unpacker.layer(TarReader(ahead(tar) if descriptor.size > _LARGE else tar))
                except InvalidFileError:
                    store.layout.check(descriptor)
                    raise
            for point in mount_points:
                unpacker.mount_point(os.fsencode(point.path), point.content, is_directory=point.is_directory)
            unpacker.finish()
        durable.sync_file_system(temporary)
        temporary.rename(rootfs)
    except BaseException:
        durable.remove_tree(temporary)
        raise
    durable.sync_folder(rootfs.parent)


def layer_tar(layout: Layout, descriptor: Descriptor, diff_id: str) -> Iterator[bytes]:
    """A layer's tar, uncompressed, in pieces. A wrong digest of blob or tar is raised after the last piece.

    Of a layer that is a module, the tar that holds it as a file.
    """
    if descriptor.media_type in WASM_LAYERS:
        from whit.packer.image.wasmimage import module_tar  # noqa: PLC0415 - few images are such

        yield from module_tar(descriptor, layout.chunks(descriptor))
        return
    from whit.packer.image.decompress import decompressed  # noqa: PLC0415 - an image is unpacked once

    hashed = sha256_of_much()
    for chunk in decompressed(descriptor.media_type, layout.chunks(descriptor), descriptor.size):
        hashed.update(chunk)
        yield chunk
    if f"sha256:{hashed.hexdigest()}" != diff_id:
        raise StoreError(f"layer {descriptor.digest} is not what its image says: its diff_id differs", hint=REPACK)
