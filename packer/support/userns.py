"""A user namespace of the caller's: root there is the caller, and after it come its subordinate ids (user_namespaces(7), subuid(5)).

``python -m whit.packer.support.userns FOLDER`` removes a folder with files of those.
"""

from __future__ import annotations

import os
import sys

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Range = tuple[int, int]
"""First, how many."""

Map = tuple[int, int, int]
"""Inside, outside, how many."""

SUBORDINATE = ("/etc/subuid", "/etc/subgid")
ALL = (0, 0, (1 << 32) - 1)
_NEW_USERS = 0x1000_0000
ALLOW = (
    "allow user namespaces: sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone (or its AppArmor twin)"
)

FEW_USERS = (
    "other users than root take subordinate ids; have root give you some: "
    "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 YOU, and install newuidmap (package uidmap)"
)
"""What to do about users who aren't there."""


@dataclass(frozen=True, slots=True)
class Subordinate:
    """Ids that are the caller's to use, and the programs newuidmap and newgidmap that map them."""

    users: tuple[Range, ...]
    groups: tuple[Range, ...]
    mappers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Ids:
    """How many users and groups there are in a namespace, from 0 on."""

    users: int
    groups: int

    def have(self, user: int, group: int) -> bool:
        """Whether both are there."""
        return user < self.users and group < self.groups


def parse_subordinate(text: str, names: Iterable[str]) -> tuple[Range, ...]:
    """What /etc/subuid or /etc/subgid gives to a user of these names, one of which may be its number (subuid(5))."""
    wanted = set(names)
    found = []
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        first, _, count = rest.partition(":")
        if name in wanted and first.isdecimal() and count.isdecimal() and int(count) > 0:
            found.append((int(first), int(count)))
    return tuple(found)


def outer(own: int, more: Iterable[Range]) -> Iterator[Map]:
    """The namespace's map: the caller is 0, the others follow in their order."""
    yield 0, own, 1
    inside = 1
    for first, count in more:
        yield inside, first, count
        inside += count


def count_ids(text: str) -> int | None:
    """How many ids ``/proc/PID/uid_map`` has from 0 on; None for all that there are."""
    found = 0
    maps = sorted(tuple(map(int, line.split())) for line in text.splitlines())
    if maps == [ALL]:
        return None
    for inside, _, count in maps:
        if inside > found:
            break
        found = inside + count
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib costs more than the rest
            return file.read()
    except OSError:
        return ""


def read_ids() -> Ids | None:
    """The ids of the namespace that this process is in; None where all are there, as outside of any."""
    users, groups = (count_ids(_read(f"/proc/self/{kind}_map")) for kind in ("uid", "gid"))
    if users is None and groups is None:
        return None
    return Ids(ALL[2] if users is None else users, ALL[2] if groups is None else groups)


def few_users() -> bool:
    """Whether some users aren't there, as in a namespace of somebody's own."""
    return read_ids() is not None


def is_alone(ids: Ids | None) -> bool:
    """Whether there is one user, root: nothing can become anybody else's."""
    return ids is not None and ids.users == 1


def find_mappers() -> tuple[str, str] | None:
    """The programs newuidmap and newgidmap, of Debian's package uidmap (shadow)."""
    for folder in os.environ.get("PATH", os.defpath).split(":"):
        users, groups = f"{folder}/newuidmap", f"{folder}/newgidmap"
        if folder.startswith("/") and os.access(users, os.X_OK) and os.access(groups, os.X_OK):
            return users, groups
    return None


def read_subordinate() -> Subordinate | None:
    """The caller's; None where there are none, or nothing that could map them."""
    import contextlib  # noqa: PLC0415 - for users alone
    import pwd  # noqa: PLC0415

    number = os.geteuid()
    names = [str(number)]
    with contextlib.suppress(KeyError):
        names.append(pwd.getpwuid(number).pw_name)
    mappers = find_mappers()
    users, groups = (parse_subordinate(_read(path), names) for path in SUBORDINATE)
    return Subordinate(users, groups, mappers) if mappers and users and groups else None


def enter() -> Ids:
    """From now on this process, which has one thread, is root of a namespace with all ids that are the caller's.

    Raises :class:`UnsupportedError` where that isn't allowed.
    """
    user, group = os.geteuid(), os.getegid()
    more = read_subordinate()
    if more:
        _enter_helped(more, [*outer(user, more.users)], [*outer(group, more.groups)])
    else:
        _unshare()
        try:
            for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - as above
                    file.write(text)
        except OSError as error:
            raise UnsupportedError(
                f"this system lets you be no namespace's root: {error.strerror}", hint=ALLOW
            ) from None
    return read_ids() or Ids(1, 1)


def _unshare() -> None:
    import ctypes  # noqa: PLC0415 - few commands need it

    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_USERS):
        said = os.strerror(ctypes.get_errno())
        raise UnsupportedError(f"this system lets you make no user namespace: {said}", hint=ALLOW)


def _enter_helped(more: Subordinate, users: list[Map], groups: list[Map]) -> None:
    """Only who stands outside may map others than the caller: a child does, before which nothing else happens."""
    own = os.getpid()
    ready, tell = os.pipe()
    heard, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        os._exit(_map(own, more, users, groups, say) if os.read(ready, 1) else 1)
    os.close(ready)
    os.close(say)
    try:
        _unshare()
        os.write(tell, b"+")
    finally:
        os.close(tell)
        said = os.read(heard, 1 << 12).decode(errors="replace")
        os.close(heard)
        _, status = os.waitpid(child, 0)
    if status:
        line = (said.splitlines() or ["it failed"])[0]
        raise UnsupportedError(
            f"your subordinate ids can't be mapped: {line}",
            hint="see subuid(5); without your lines in /etc/subuid and /etc/subgid whit has one user do",
        )


def _map(process: int, more: Subordinate, users: list[Map], groups: list[Map], said: int) -> int:
    import subprocess  # noqa: PLC0415 - for users with subordinate ids alone

    for program, maps in zip(more.mappers, (users, groups), strict=True):
        words = [program, str(process), *(str(number) for item in maps for number in item)]
        if code := subprocess.run(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False).returncode:
            return abs(code)
    return 0


def remove_tree_within(folder: Path) -> None:
    """Remove a folder with files of the caller's subordinate users. Raises PermissionError where it can't be."""
    import subprocess  # noqa: PLC0415 - rare

    if os.geteuid() != 0 and read_subordinate():
        words = [sys.executable, "-P", "-m", __name__, str(folder)]
        if subprocess.run(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return
    raise PermissionError(1, "files of other users are in it", str(folder))


if __name__ == "__main__":
    import shutil

    enter()
    shutil.rmtree(sys.argv[1])
