"""Owners that a file system can't give, since a user namespace doesn't have them: kept beside the files, as extended attributes.

So an image's files keep their owners where its builder has one user alone. On the disk such a file is the builder's own.
An attribute goes along when overlayfs copies a file up. Links can have none: theirs are their folder's.

A file that only a record makes somebody else's has no set-user-ID and no set-group-ID bit on the disk that would be that
one's: a program that copies it would make one of root's. Its mode is recorded, too, and is its mode as long as no program
has given it another.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from hashlib import sha256

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.userns import FEW_USERS
from whit.packer.tar.member import OWN_XATTRS

Owner = tuple[int, int]

OWNER = f"{OWN_XATTRS}owner"
_MODE = f"{OWN_XATTRS}mode"
_NOTE = f"{OWN_XATTRS}some"
_OF_LINK = f"{OWN_XATTRS}link."
_LONGEST = 255
_MOST = 32
"""Bytes of two numbers."""

_NO_ROOM = (errno.EOPNOTSUPP, errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.EDQUOT)


def give(target: int | str, owner: Owner) -> bool:
    """Make a file or folder somebody's; whether that had to be recorded, since there is no such user.

    Raises OSError, and :class:`UnsupportedError` where the file system has no room for that.
    """
    try:
        os.chown(target, *owner)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _record(target, OWNER, owner, b"%d:%d" % owner)
        return True
    return False


def withhold(target: int | str, owner: Owner, mode: int) -> int:
    """The mode that a file with a recorded owner gets on the disk; its own is recorded if that is another. Raises as :func:`give`."""
    given = _without(mode, owner)
    if given != mode:
        _record(target, _MODE, owner, b"%o" % mode)
    return given


def mode_of(target: int | str, owner: Owner, given: int) -> int:
    """The mode of a file with a recorded owner that has this one on the disk."""
    try:
        mode = int(os.getxattr(target, _MODE)[:_MOST], 8) & 0o7777
    except (OSError, ValueError):
        return given
    return mode if _without(mode, owner) == given else given


def _without(mode: int, owner: Owner) -> int:
    """A mode without the bits that would make whoever runs the file the one who isn't there."""
    return mode & ~((stat.S_ISUID if owner[0] else 0) | (stat.S_ISGID if owner[1] else 0))


def note(tree: str) -> None:
    """Remember with a tree's root that it has recorded owners."""
    with contextlib.suppress(OSError):
        os.setxattr(tree, _NOTE, b"1")


def has_some(tree: str) -> bool:
    """Whether a tree has recorded owners, by its root."""
    try:
        return bool(os.getxattr(tree, _NOTE))
    except OSError:
        return False


def give_if_there(target: int | str, owner: Owner) -> None:
    """The same for what is in no image: nothing is recorded."""
    try:
        os.chown(target, *owner)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def forget(target: int | str) -> None:
    """Forget what has been recorded of a file: it is given anew."""
    for key in (OWNER, _MODE):
        with contextlib.suppress(OSError):
            os.removexattr(target, key)


def give_link(folder: int, name: bytes, owner: Owner) -> bool:
    """The same for a link in a folder, which may be open as a path only."""
    try:
        os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _record(f"/proc/self/fd/{folder}", _name_of_link(name), owner, b"%d:%d" % owner)
        return True
    return False


def forget_link(folder: int, name: bytes) -> None:
    """Forget what has been recorded of a link that was there before."""
    with contextlib.suppress(OSError):
        os.removexattr(f"/proc/self/fd/{folder}", _name_of_link(name))


def owner_of(target: int | str) -> Owner | None:
    """What has been recorded of a file or folder."""
    return _read(target, OWNER)


def owners_of_links(folder: int, names: list[bytes]) -> dict[bytes, Owner]:
    """What has been recorded of links in a folder, by the names of what is in it."""
    try:
        there = {name for name in os.listxattr(folder) if name.startswith(_OF_LINK)}
    except OSError:
        return {}
    if not there:
        return {}
    found = {name: _read(folder, key) for name in names if (key := _name_of_link(name)) in there}
    return {name: owner for name, owner in found.items() if owner}


def _name_of_link(name: bytes) -> str:
    plain = _OF_LINK + os.fsdecode(name)
    if len(os.fsencode(plain)) <= _LONGEST:
        return plain
    return f"{_OF_LINK}/{sha256(name).hexdigest()}"


def _record(target: int | str, key: str, owner: Owner, value: bytes) -> None:
    try:
        os.setxattr(target, key, value)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise UnsupportedError(
            f"there is no user {owner[0]}:{owner[1]} here, and the store's file system has no room to remember one",
            hint=FEW_USERS,
        ) from None


def _read(target: int | str, key: str) -> Owner | None:
    try:
        user, _, group = os.getxattr(target, key)[:_MOST].partition(b":")
    except OSError:
        return None
    return (int(user), int(group)) if user.isdigit() and group.isdigit() else None
