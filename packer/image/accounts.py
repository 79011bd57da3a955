"""Users and groups of an image: ``--user`` and the image's ``User`` → numbers, by the image's own passwd and group. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import dataclass

MAX_ID = (1 << 32) - 2
"""The highest user or group number; the one above means "unchanged" to the kernel."""

MAX_GROUPS = 65_536
"""The kernel's own limit (limits.h, NGROUPS_MAX)."""

MAX_DIGITS = 20
"""Python itself refuses to read numbers of thousands of digits, and an image's files may hold anything."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The text of the image's /etc/passwd and /etc/group, empty where it has none."""

    passwd: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the program runs as. ``home`` is empty where the image doesn't tell."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = ""


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if number <= MAX_ID else None


def _rows(text: str, least: int) -> list[list[str]]:
    rows = (line.split(":") for line in text.split("\n"))
    return [row for row in rows if len(row) >= least and _number(row[2]) is not None]


def _user(word: str, accounts: Accounts) -> tuple[int, int, str, str]:
    """(uid, gid, name, home) of a user's name or number."""
    # A number is never a name: an image could make root of it.
    number = _number(word)
    for name, _, uid, gid, _, home, *_ in _rows(accounts.passwd, 6):
        found = name == word if number is None else int(uid) == number
        if found and _number(gid) is not None:
            return int(uid), int(gid), name, home
    if number is None:
        raise UsageError(f"the image has no user '{word}'", hint="give a number, as in --user 1000:1000")
    return number, 0, "", ""


def _group(word: str, accounts: Accounts) -> int:
    number = _number(word)
    if number is not None:
        return number
    for name, _, gid, *_ in _rows(accounts.group, 3):
        if word == name:
            return int(gid)
    raise UsageError(f"the image has no group '{word}'", hint="give a number, as in --user 1000:1000")


def _memberships(name: str, accounts: Accounts) -> tuple[int, ...]:
    rows = _rows(accounts.group, 4)
    groups = dict.fromkeys(int(row[2]) for row in rows if name and name in row[3].split(","))
    if len(groups) > MAX_GROUPS:
        raise UsageError(
            f"user {name} is in {len(groups)} of the image's groups, more than {MAX_GROUPS}",
            hint=f"name one group, as in --user {name}:{name}",
        )
    return tuple(groups)


def identify(user: str, accounts: Accounts) -> Identity:
    """``USER[:GROUP]``, names or numbers; empty is root. A group that is given takes the place of all others, as in docker."""
    name_or_id, colon, group = user.partition(":")
    uid, gid, name, home = _user(name_or_id or "0", accounts)
    if colon and group:
        return Identity(uid, _group(group, accounts), (), home)
    return Identity(uid, gid, _memberships(name, accounts), home)
