"""What an archive says of one of its members. Pure."""

from __future__ import annotations

from enum import StrEnum

from whit.packer.support.light import dataclass

RECORD = 512
"""Headers are of this size, and contents are filled up to a multiple of it, in bytes."""


OWN_XATTRS = "user.whit."
"""How the names of extended attributes begin that are whit's own."""


class Kind(StrEnum):
    """What a member of an archive is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARD_LINK = "hard link"
    FIFO = "fifo"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    OTHER = "other"

    @property
    def is_device(self) -> bool:
        """Whether it is a device of either kind."""
        return self in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)


def is_kept(xattr: str) -> bool:
    """Whether an extended attribute is part of an image: a file's capabilities, and what is a person's own.

    Not what overlayfs and whit keep there for themselves, and nothing that means something to this machine alone (SELinux, IMA).
    """
    return xattr == "security.capability" or (
        xattr.startswith("user.") and not xattr.startswith(("user.overlay.", OWN_XATTRS))
    )


@dataclass(frozen=True, slots=True)
class Member:
    """One member's header. Names are bytes, as they are on Linux; ``size`` is 0 for all but files.

    ``xattrs`` are extended attributes (name, value), ``device`` a device's major and minor number.
    """

    name: bytes
    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    target: bytes = b""
    xattrs: tuple[tuple[str, bytes], ...] = ()
    device: tuple[int, int] = (0, 0)
