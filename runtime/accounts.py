"""Users and groups of an image: ``--user`` and the image's ``User`` → numbers, by the image's own passwd and group. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from whit.packer.errors import UsageError

MAX_ID = (1 << 32) - 2
"""The highest user or group number; the one above means "unchanged" to the kernel."""


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
    if text.isascii() and text.isdigit() and int(text) <= MAX_ID:
        return int(text)
    return None


def _rows(text: str, least: int) -> list[list[str]]:
    rows = (line.split(":") for line in text.splitlines())
    return [row for row in rows if len(row) >= least and _number(row[2]) is not None]


def _user(word: str, accounts: Accounts) -> tuple[int, int, str, str]:
    """(uid, gid, name, home) of a user's name or number."""
    for name, _, uid, gid, _, home, *_ in _rows(accounts.passwd, 6):
        if word in (name, uid) and _number(gid) is not None:
            return int(uid), int(gid), name, home
    number = _number(word)
    if number is None:
        raise UsageError(f"the image has no user '{word}'", hint="give a number, as in --user 1000:1000")
    return number, 0, "", ""


def _group(word: str, accounts: Accounts) -> int:
    for name, _, gid, *_ in _rows(accounts.group, 3):
        if word in (name, gid):
            return int(gid)
    number = _number(word)
    if number is None:
        raise UsageError(f"the image has no group '{word}'", hint="give a number, as in --user 1000:1000")
    return number


def _memberships(name: str, accounts: Accounts) -> tuple[int, ...]:
    rows = _rows(accounts.group, 4)
    return tuple(int(row[2]) for row in rows if name and name in row[3].split(","))


def identify(user: str, accounts: Accounts) -> Identity:
    """``USER[:GROUP]``, names or numbers; empty is root. A group that is given takes the place of all others, as in docker."""
    name_or_id, colon, group = user.partition(":")
    uid, gid, name, home = _user(name_or_id or "0", accounts)
    if colon and group:
        return Identity(uid, _group(group, accounts), (), home)
    return Identity(uid, gid, _memberships(name, accounts), home)
