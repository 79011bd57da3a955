"""An image's layers → the files that a container of it sees, each with its content's digest."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.image.comparing import SeenFile
from whit.packer.image.overlaying import overlay
from whit.packer.store.rootfs import layer_tar
from whit.packer.store.unpack import absolute_path
from whit.packer.support.errors import InvalidFileError
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.store.layout import Layout
    from whit.packer.store.store import StoredImage
    from whit.packer.tar.member import Member

_MOST = 1_000_000


def files_of(layout: Layout, image: StoredImage) -> dict[str, SeenFile]:
    """The files by path. Raises what reading a damaged or hostile image raises."""
    known: dict[str, SeenFile] = {}
    pairs = zip(image.manifest.layers, image.config.diff_ids, strict=True)
    layers = [
        list(_members(TarReader(layer_tar(layout, layer, diff_id)), layer.digest, known)) for layer, diff_id in pairs
    ]
    return overlay(layers)[0]


def _members(tar: TarReader, layer: str, known: dict[str, SeenFile]) -> Iterator[SeenFile]:
    """One layer's members; a hard link is the file that it leads to."""
    for number, member in enumerate(tar.members()):
        if number >= _MOST:
            raise InvalidFileError(f"a layer holds more than {_MOST} files")
        file = _seen(member, layer)
        if member.kind is Kind.HARD_LINK:
            origin = known.get(absolute_path(member.target))
            file = replace(origin, path=file.path, layer=layer) if origin else file
        elif member.kind is Kind.FILE:
            hashed = sha256()
            for piece in tar.content():
                hashed.update(piece)
            file = replace(file, digest=f"sha256:{hashed.hexdigest()}")
        if file.path != "/":
            known[file.path] = file
            yield file


def _seen(member: Member, layer: str) -> SeenFile:
    return SeenFile(
        path=absolute_path(member.name),
        kind=member.kind,
        layer=layer,
        mode=member.mode,
        uid=member.uid,
        gid=member.gid,
        size=member.size,
        target=os.fsdecode(member.target),
        device=member.device,
        xattrs=member.xattrs,
    )
