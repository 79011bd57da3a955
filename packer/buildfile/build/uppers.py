"""A layer → an upper folder of overlayfs's, as a step would have left it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.placing import make_folders
from whit.packer.store.unpack import Unpacker
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.userns import few_users
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.buildfile.build.cache import Workplace
    from whit.packer.tar.member import Member

_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"


class _Layer(TarReader):
    """A layer's members but its whiteouts, which are told apart."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__(chunks)
        self.whiteouts: list[bytes] = []

    def members(self) -> Iterator[Member]:
        """Every other member."""
        for member in super().members():
            if member.name.rpartition(b"/")[2].startswith(_WHITEOUT) and member.kind is Kind.FILE:
                self.whiteouts.append(member.name)
            else:
                yield member


def unpack_upper(where: Workplace, chunks: Iterator[bytes]) -> None:
    """A layer → an upper folder of overlayfs's, in which what is gone is a device 0/0 (overlayfs.rst)."""
    layer = _Layer(chunks)
    with Unpacker(where.upper, is_layer=False) as unpacker:
        unpacker.layer(layer)
        root = os.open(where.upper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in layer.whiteouts:
                _hide(root, name)
        finally:
            os.close(root)
        unpacker.finish()


def _hide(root: int, path: bytes) -> None:
    parent, _, name = path.rpartition(b"/")
    folder = make_folders(root, os.fsdecode(b"/" + parent), None)
    try:
        opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if name == _OPAQUE:
            os.setxattr(opened, f"{'user' if few_users() else 'trusted'}.overlay.opaque", b"y")
        elif (hidden := name.removeprefix(_WHITEOUT)) and not hidden.startswith(_WHITEOUT) and hidden not in (b".", b".."):
            os.mknod(hidden, 0o020000, os.makedev(0, 0), dir_fd=opened)
    except FileExistsError:
        raise InvalidFileError("a layer of a cache both has a file and takes it away") from None
    finally:
        os.close(opened)
