"""A subject and a confinement → what is left, counted, and the figure. Pure.

The figure is the sum of the parts' points (docs/report.md): a call is 1, a capability or a file that gives rights 10,
a device 2, being root 20, a network 10, a shell 20; TCP ports to listen at are 16 if they are all; the number n of places that it may change, and of other programs
that it may execute, count as 10·log2(1+n), for the second of a thousand matters less than the second of all. What is
taken away never raises it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.image.spec import NONROOT_ID
from whit.packer.surface.model import Compared, Part, Surface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from whit.packer.surface.model import Confinement, File, Subject

_SET_ID, _SETGID_RUNS = 0o6000, 0o2010
_EXECUTE, _WRITE = 1, 2
_CALL, _CAPABILITY, _GIVING, _DEVICE, _ROOT, _NETWORK, _SHELL, _PLACES = 1, 10, 10, 2, 20, 10, 20, 10
_ALL_PORTS = 65535
_NAMED = 100
"""Names that a part holds at most."""


def compare(subject: Subject, confinements: Iterable[Confinement]) -> Compared:
    """The subject under each of them."""
    return Compared(subject, tuple(measure(subject, one) for one in confinements))


def measure(subject: Subject, confinement: Confinement) -> Surface:
    """What is left of it; the figure is None if the calls aren't known."""
    if not subject.says_user and not confinement.is_root_by_default:
        subject = replace(subject, user=f"{NONROOT_ID}:{NONROOT_ID}", uid=NONROOT_ID, gid=NONROOT_ID, groups=())
    parts = tuple(part(subject, confinement) for part in _PARTS)
    known = confinement.calls is not None
    return Surface(confinement.name, parts, sum(part.points for part in parts) if known else None)


def may(subject: Subject, file: File, right: int) -> bool:
    """Whether permission bits give the subject's user the right (path_resolution(7)); root may all that docker's root may."""
    if subject.uid == 0:
        return right != _EXECUTE or file.is_folder or bool(file.mode & 0o111)
    if file.uid == subject.uid:
        return bool(file.mode >> 6 & right)
    if file.gid in (subject.gid, *subject.groups):
        return bool(file.mode >> 3 & right)
    return bool(file.mode & right)


def gives_rights(file: File) -> bool:
    """Whether executing it makes one somebody else: set-user-ID, or set-group-ID of what a group may execute (inode(7))."""
    if file.is_folder or file.is_link or not file.mode & 0o111:
        return False
    return bool(file.mode & 0o4000) or file.mode & _SETGID_RUNS == _SETGID_RUNS


def _part(id_: str, title: str, names: Sequence[str], points: int, note: str = "") -> Part:
    return Part(id_, title, len(names), points, tuple(names[:_NAMED]), note)


def _log(count: int) -> int:
    """10·log2(1+n), rounded."""
    return round(_PLACES * math.log2(1 + count))


def _calls(_: Subject, confinement: Confinement) -> Part:
    if confinement.calls is None:
        return Part("calls", "system calls allowed", 0, 0, (), "not known for this architecture")
    calls = sorted(confinement.calls)
    return Part("calls", "system calls allowed", len(calls), len(calls) * _CALL, tuple(calls))


def _capabilities(subject: Subject, confinement: Confinement) -> Part:
    giving = confinement.gives and any(gives_rights(file) and may(subject, file, _EXECUTE) for file in subject.files)
    held = confinement.bounding if subject.uid == 0 or giving else ()
    note = "by files that give their owner's rights" if giving and subject.uid else ""
    return _part("capabilities", "capabilities within reach", held, len(held) * _CAPABILITY, note)


def _giving(subject: Subject, confinement: Confinement) -> Part:
    names = [file.path for file in subject.files if gives_rights(file) and may(subject, file, _EXECUTE)]
    title = "files that give rights"
    if confinement.gives:
        return _part("set_id", title, names, len(names) * _GIVING)
    return _part("set_id", title, [], 0, f"the image's {len(names)} have no effect" if names else "")


def _writable(subject: Subject, confinement: Confinement) -> Part:
    mounts = [path for path, if_there in confinement.mounts if not if_there or _has(subject, path)]
    inside = ("/dev", "/proc", "/sys")  # an engine mounts over what the image has there
    places = [
        file.path
        for file in subject.files
        if confinement.writable_root
        and not file.is_link
        and may(subject, file, _WRITE)
        and not any(file.path == place or file.path.startswith(f"{place}/") for place in inside)
    ]
    if confinement.writable_root and subject.uid == 0:
        places.insert(0, "/")
    names = list(dict.fromkeys((*mounts, *places)))
    return _part("writable", "places that it may change", names, _log(len(names)))


def _devices(_: Subject, confinement: Confinement) -> Part:
    names = [f"/dev/{name}" for name in confinement.devices]
    return _part("devices", "devices", names, len(names) * _DEVICE)


def _executables(subject: Subject, confinement: Confinement) -> Part:
    names = [
        file.path
        for file in subject.files
        if confinement.executes and file.executable and file.path != subject.program and may(subject, file, _EXECUTE)
    ]
    return _part("executables", "other programs it may execute", names, _log(len(names)))


def _shells(subject: Subject, confinement: Confinement) -> Part:
    shells = [path for path in subject.shells if confinement.executes or path == subject.program]
    return _part("shells", "shells", shells, _SHELL if shells else 0)


def _root(subject: Subject, _: Confinement) -> Part:
    is_root = subject.uid == 0
    return Part("root", "runs as root", int(is_root), _ROOT * is_root, (f"user {subject.user}",))


def _network(_: Subject, confinement: Confinement) -> Part:
    there = bool(confinement.network)
    return Part("network", "networks", int(there), _NETWORK * there, (confinement.network,) if there else ())


def _ports(_: Subject, confinement: Confinement) -> Part:
    """A doubling of the ports is a point: whoever may listen anywhere has 16."""
    title = "TCP ports to listen at"
    if not confinement.network:
        return Part("ports", title, 0, 0)
    if confinement.ports is None:
        return Part("ports", title, _ALL_PORTS, round(math.log2(1 + _ALL_PORTS)), (), "all")
    names = [str(port) for port in confinement.ports]
    return _part("ports", title, names, round(math.log2(1 + len(names))))


def _has(subject: Subject, path: str) -> bool:
    return any(file.path == path for file in subject.files)


_PARTS: tuple[Callable[[Subject, Confinement], Part], ...] = (
    *(_calls, _capabilities, _giving, _writable, _devices, _executables, _shells, _root, _network, _ports),
)
