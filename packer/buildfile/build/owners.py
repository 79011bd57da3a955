"""``--chown``: users and groups, by number or by the image's own files."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from whit.packer.image.accounts import Accounts, identify
from whit.packer.support.errors import UsageError
from whit.packer.store.inroot import open_in_root

if TYPE_CHECKING:
    from collections.abc import Callable

Owner = tuple[int, int]
_MOST = 1 << 20


def numeric_owner(text: str) -> Owner | None:
    """The owner, where both are numbers, or ``root``; a user alone is a group of the same number, as in docker."""
    user, _, group = text.partition(":")
    words = ["0" if word == "root" else word for word in (user, group or user)]
    if not all(word.isascii() and word.isdigit() for word in words):
        return None
    return int(words[0]), int(words[1])


def parse_owner(text: str, root: Callable[[], Accounts]) -> Owner:
    """The owner; ``root`` gives the accounts of the image, and is asked only for names. Raises :class:`UsageError`."""
    found = numeric_owner(text)
    if found:
        return found
    user, _, group = text.partition(":")
    if not group and user.isascii() and user.isdigit():
        return int(user), int(user)
    identity = identify(text, root())
    return identity.uid, identity.gid


def accounts_in(root: int) -> Accounts:
    """What a root says of its users."""
    return Accounts(_text(root, b"/etc/passwd"), _text(root, b"/etc/group"))


def _text(root: int, path: bytes) -> str:
    try:
        found = open_in_root(root, path)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise UsageError(f"{os.fsdecode(path)} of the image isn't a file", hint="give numbers: --chown=1000:1000")
        with open(f"/proc/self/fd/{found}", "rb") as file:  # noqa: PTH123 - a descriptor's path
            return file.read(_MOST).decode("utf-8", "replace")
    finally:
        os.close(found)
