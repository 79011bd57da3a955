"""``linux.namespaces``, mappings and time offsets → how the container's first process comes to be. Pure.

One clone makes all new namespaces. Two cases need a second one: a new user namespace beside joined ones, which that
namespace would have no right to join, and new ones beside a joined user namespace, which they are to belong to.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.model import Op
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.linux import NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.linux import Linux
    from whit.runtime.oci.model import OciHost
    from whit.runtime.oci.mountspec import IdMapping

NEW_USER = NAMESPACES["user"]
JOIN_ORDER = ("ipc", "uts", "network", "cgroup", "time", "user", "mount")
"""The user namespace late: joining others takes rights that one loses in it. The mount namespace last: paths are the host's."""


@dataclass(frozen=True, slots=True)
class NamespacePlan:
    """The operations before the clone, the flags of the clone, and the operations of the child right after it.

    ``own`` are the types that the container has apart from the host, ``new`` those of them that are made for it; ``user``
    tells whether a user namespace is among them.
    """

    parent: tuple[Op, ...]
    flags: int
    child: tuple[Op, ...]
    own: frozenset[str]
    new: frozenset[str]
    user: bool


def packed(mappings: tuple[IdMapping, ...]) -> bytes:
    """Mappings as MAP_RANGES takes them."""
    return b"".join(struct.pack("=III", item.inside, item.outside, item.size) for item in mappings)


def lookup(mappings: tuple[IdMapping, ...], number: int) -> int | None:
    """The host's number of one in the container; None where it has none."""
    for item in mappings:
        if item.inside <= number < item.inside + item.size:
            return item.outside + number - item.inside
    return None


def needs_mappers(linux: Linux, host: OciHost) -> bool:
    """Whether it takes more than what everybody may map: one's own user and group, each once (user_namespaces(7))."""
    own = ((linux.uid_mappings, host.user), (linux.gid_mappings, host.group))
    return any(len(maps) > 1 or (maps and (maps[0].size, maps[0].outside) != (1, number)) for maps, number in own)


def may_group(linux: Linux, host: OciHost) -> bool:
    """Whether the container's processes may have additional groups: who maps only oneself has given that up."""
    return host.sets_groups and (host.privileged or needs_mappers(linux, host))


def root_op(linux: Linux, host: OciHost) -> Op:
    """Who acts in the user namespace: its root, or the first user that it has; files that the launcher makes belong to it."""
    uid, gid = (
        maps[0].inside if maps and lookup(maps, 0) is None else 0 for maps in (linux.uid_mappings, linux.gid_mappings)
    )
    return Op("SET_IDS", (uid, gid, b"", int(may_group(linux, host))), "the user namespace's own root")


def _map_ops(linux: Linux, host: OciHost) -> Iterator[Op]:
    uids, gids = linux.uid_mappings, linux.gid_mappings
    for name, mappings in (("uidMappings", uids), ("gidMappings", gids)):
        if not mappings:
            raise InvalidFileError(f"linux.{name} is missing: a new user namespace needs it", hint=HINT)
    if host.privileged:
        yield Op("MAP_RANGES", (packed(uids), packed(gids)), "linux.uidMappings and linux.gidMappings")
    elif not needs_mappers(linux, host):
        ids = (uids[0].inside, uids[0].outside, gids[0].inside, gids[0].outside)
        yield Op("MAP_IDS", ids, "linux.uidMappings and linux.gidMappings")
    elif host.mappers is None:
        raise refused(
            "linux.uidMappings",
            f"without root only your own ids can be mapped, {host.user} and {host.group}, or more by newuidmap and newgidmap,"
            " which aren't installed",
            "install them: Debian's package uidmap",
        )
    else:
        users, groups = host.mappers
        yield Op("MAP_HELPED", (users, packed(uids), groups, packed(gids)), "linux.uidMappings and linux.gidMappings")
    yield root_op(linux, host)


def _offsets_op(linux: Linux, new: frozenset[str]) -> Iterator[Op]:
    if linux.time_offsets and "time" not in new:
        raise InvalidFileError("linux.timeOffsets: there is no new time namespace", hint=HINT)
    if "time" in new:
        lines = [f"{item.clock} {item.seconds} {item.nanoseconds}\n" for item in linux.time_offsets]
        yield Op("TIME_OFFSETS", ("".join(lines),), "linux.timeOffsets")


def _check(linux: Linux, joined: dict[str, str], new: frozenset[str], host: OciHost) -> None:
    if "mount" not in new and (not host.privileged or "user" in (*joined, *new)):
        raise refused("linux.namespaces", "a user namespace needs a new mount namespace beside it", "add it")
    if not host.privileged and "user" not in (*joined, *new):
        raise refused("linux.namespaces", "without root a user namespace is needed", "add it, or run as root")
    if (linux.uid_mappings or linux.gid_mappings) and "user" not in (*joined, *new):
        raise InvalidFileError("linux.uidMappings: there is no user namespace", hint=HINT)


def plan_namespaces(linux: Linux, host: OciHost) -> NamespacePlan:
    """How the namespaces are made and joined. Raises what can't be, by its name."""
    joined = {item.type: item.path for item in linux.namespaces if item.path}
    new = frozenset(item.type for item in linux.namespaces if not item.path)
    _check(linux, joined, new, host)
    parent = list(_offsets_op(linux, new))
    if "pid" in joined:
        parent.append(Op("JOIN_PROCESSES", (joined["pid"],), "linux.namespaces"))
    # Time is unshared by the parent, the cgroup namespace by the child once it stands in its cgroup.
    flags = sum(NAMESPACES[kind] for kind in new - {"time", "cgroup"})
    twice = ("user" in new and set(joined) - {"pid"}) or ("user" in joined and new - {"time", "cgroup"})
    sysctls = {name.replace("/", ".").partition(".")[0] for name, _ in linux.sysctl}
    foreign = {"network": "net" in sysctls, "ipc": bool({"kernel", "fs"} & sysctls), "uts": "kernel" in sysctls}
    child = [
        Op("JOIN_NAMESPACE", (joined[kind], NAMESPACES[kind], int(foreign.get(kind, False))), "linux.namespaces")
        for kind in JOIN_ORDER
        if kind in joined
    ]
    if twice:
        child.append(Op("CLONE_AGAIN", (flags,), f"new namespaces: {', '.join(sorted(new - {'time', 'cgroup'}))}"))
    if "user" in new:
        child += _map_ops(linux, host)
    elif "user" in joined:
        child.append(root_op(linux, host))
    return NamespacePlan(
        parent=tuple(parent),
        flags=0 if twice else flags,
        child=tuple(child),
        own=frozenset((*joined, *new)),
        new=new,
        user="user" in joined or "user" in new,
    )


SYSCTLS: dict[str, tuple[str, ...]] = {
    "ipc": (
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.auto_msgmni", "kernel.msg_next_id", "kernel.sem_next_id",
        "kernel.shm_next_id", "fs.mqueue.",
    ),
    "network": ("net.",),
    "uts": ("kernel.domainname",),
    "user": ("user.max_",),
}  # fmt: skip
"""Kernel parameters that a namespace has of its own (namespaces(7), sysctl documentation); with a dot at its end, all below."""


def sysctl_file(name: str) -> str:
    """As sysctl(8) reads names: the first separator tells which of the two it is, the other one is part of a name."""
    first = next((letter for letter in name if letter in "./"), ".")
    parts = name.split(first)
    if first == ".":
        parts = [part.replace("/", ".") for part in parts]
    if not all(part and part not in {".", ".."} and "/" not in part for part in parts):
        raise InvalidFileError(f"linux.sysctl[{name!r}] is no kernel parameter", hint=HINT)
    return "/".join(parts)


def sysctl_ops(linux: Linux, own: frozenset[str]) -> Iterator[Op]:
    """The kernel parameters. Raises for one that isn't of a namespace of the container's own: it would be the host's too."""
    for name, value in linux.sysctl:
        file = sysctl_file(name)
        dotted = file.replace("/", ".")
        needed = [
            kind
            for kind, names in SYSCTLS.items()
            if any(dotted == known or (known[-1] in "._" and dotted.startswith(known)) for known in names)
        ]
        if not needed:
            raise refused(f"linux.sysctl[{name!r}]", "no namespace has it of its own, so it would change the host")
        if needed[0] not in own:
            raise refused(f"linux.sysctl[{name!r}]", f"the container shares the host's {needed[0]} namespace")
        yield Op("SYSCTL", (file, value), f"linux.sysctl[{name!r}]")


def check_network(linux: Linux, namespaces: NamespacePlan, host: OciHost) -> None:
    """Raises :class:`UnsupportedError` where the host's interfaces can't be moved."""
    where = "linux.netDevices"
    if linux.network_devices and "network" not in namespaces.own:
        raise refused(where, "the container shares the host's network namespace", "add a network namespace")
    if linux.network_devices and not host.machine_root:
        raise refused(where, "only root can move the host's network interfaces", "run as root, or leave it out")
