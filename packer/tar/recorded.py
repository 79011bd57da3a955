"""Owners that a file system can't give, since a user namespace doesn't have them: kept beside the files, as extended attributes.

So an image's files keep their owners where its builder has one user alone. On the disk such a file is the builder's own.
An attribute goes along when overlayfs copies a file up. Links can have none: theirs are their folder's.
"""

from __future__ import annotations

import contextlib
import errno
import os
from hashlib import sha256

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.userns import FEW_USERS
from whit.packer.tar.member import OWN_XATTRS

Owner = tuple[int, int]

OWNER = f"{OWN_XATTRS}owner"
_OF_LINK = f"{OWN_XATTRS}link."
_LONGEST = 255
_MOST = 32
"""Bytes of two numbers."""

_NO_ROOM = (errno.EOPNOTSUPP, errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.EDQUOT)


def give(target: int | str, owner: Owner) -> None:
    """Make a file or folder somebody's; it is recorded where there is no such user.

    Raises OSError, and :class:`UnsupportedError` where the file system has no room for that.
    """
    try:
        os.chown(target, *owner)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _record(target, OWNER, owner)


def give_if_there(target: int | str, owner: Owner) -> None:
    """The same for what is in no image: nothing is recorded."""
    try:
        os.chown(target, *owner)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def forget(target: int | str) -> None:
    """Forget what has been recorded of a file: it is given anew."""
    with contextlib.suppress(OSError):
        os.removexattr(target, OWNER)


def give_link(folder: int, name: bytes, owner: Owner) -> None:
    """The same for a link in a folder, which may be open as a path only."""
    try:
        os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _record(f"/proc/self/fd/{folder}", _name_of_link(name), owner)


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


def _record(target: int | str, key: str, owner: Owner) -> None:
    try:
        os.setxattr(target, key, b"%d:%d" % owner)
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
