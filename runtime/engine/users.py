"""The users of a container that isn't root's: who is who in its two user namespaces, and what else is other than with root. Pure.

The supervisor's own namespace has the caller as its root, and after it the subordinate ids, if there are any. The
container's namespace is inside it: there the image's user is the caller, whatever its number, and all others are
subordinate ones. So a file that the container's user writes is the caller's own on the host, and the other way around.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.support.userns import outer
from whit.runtime.cgroup import CgroupLayout, CgroupVersion, cgroup_ops
from whit.runtime.engine.networks.model import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from whit.packer.support.userns import Map
    from whit.runtime.engine.model import Container, Users
    from whit.runtime.limits import Limits

    Document = dict[str, Any]

TERMINAL_GROUP = 5


def inner(number: int, more: int) -> tuple[Map, ...]:
    """The container's users in the supervisor's namespace, of which ``more`` are subordinate: ``number`` is its root."""
    maps = [(0, 1, min(number, more)), (number, 0, 1), (number + 1, number + 1, more - number)]
    return tuple(item for item in maps if item[2] > 0)


def _packed(maps: Iterable[Map]) -> bytes:
    return b"".join(struct.pack("=III", *item) for item in maps)


def settings(users: Users) -> tuple[str, bytes, str, bytes]:
    """The arguments of KEEP_USERS."""
    newuidmap, newgidmap = users.mappers or ("", "")
    return (
        newuidmap,
        _packed(outer(users.user, users.more_users)),
        newgidmap,
        _packed(outer(users.group, users.more_groups)),
    )


def _mappings(maps: Iterable[Map]) -> list[Document]:
    return [{"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in maps]


def _is_mapped(number: int, maps: Iterable[Map]) -> bool:
    return any(inside <= number < inside + size for inside, _, size in maps)


def mount_without(mount: Document, *, has_terminals: bool) -> Document:
    """A mount as a user may have it. What is sysfs belongs to the network namespace, which is the supervisor's: what the host has there is bound. The rest is the same."""
    if mount["type"] == "sysfs":
        options = ["rbind", "nosuid", "noexec", "nodev", "rro"]
        return {**mount, "type": "none", "source": "/sys", "options": options}
    if mount["type"] == "devpts" and not has_terminals:
        return {**mount, "options": [option for option in mount["options"] if not option.startswith("gid=")]}
    return mount


def without_root(document: Document, users: Users, cgroup: str | None) -> Document:
    """A configuration for root's container as one of a user's; ``cgroup`` is where its cgroup is, if it may have one."""
    process, linux = document["process"], document["linux"]
    user = process["user"]
    uids = inner(user["uid"], sum(count for _, count in users.more_users))
    gids = inner(user["gid"], sum(count for _, count in users.more_groups))
    groups = [group for group in user["additionalGids"] if users.mappers and _is_mapped(group, gids)]
    resources = {name: value for name, value in linux["resources"].items() if name != "devices"}
    return {
        **document,
        "process": {**process, "user": {**user, "additionalGids": groups}},
        "mounts": [
            mount_without(mount, has_terminals=_is_mapped(TERMINAL_GROUP, gids)) for mount in document["mounts"]
        ],
        "linux": {
            **linux,
            "namespaces": [*linux["namespaces"], {"type": "user"}],
            "uidMappings": _mappings(uids),
            "gidMappings": _mappings(gids),
            "resources": resources if cgroup else {},
            **({"cgroupsPath": cgroup} if cgroup else {}),
        },
    }


def check_network(container: Container) -> None:
    """Raises :class:`UsageError` for a network that only root can have."""
    other = [wish.network for wish in container.networks if wish.network != DEFAULT]
    if other:
        raise UsageError(
            f"--network {other[0]}: only root can make networks",
            hint="leave it out: the container gets a way out, and published ports; or take none, host or container:NAME",
        )
    if any(wish.address or wish.address6 or wish.mac or wish.interface for wish in container.networks):
        raise UsageError("only root can choose addresses", hint="leave out --ip, --ip6, --mac-address and driver-opt")


def limits_without(limits: Limits, why_not: str) -> Limits:
    """What is left of limits where there is no cgroup. Raises :class:`UnsupportedError` for one that was asked for."""
    cgroup_ops(limits, CgroupLayout(CgroupVersion.NONE, why_not=why_not))
    return replace(limits, pids=None)
