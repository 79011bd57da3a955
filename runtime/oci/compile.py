"""(specification, bundle, host) → LaunchPlan: how an OCI container is made, decided in one place. Pure.

The order is that of OCI runtime-spec, runtime, "Lifecycle", with the operations of runtime/opcodes.py. docs/oci.md
says of each member where it is honoured.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.capabilities import NAMES
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.oci.cgroups import CgroupPlan, join_cgroups, plan_cgroups
from whit.runtime.oci.fields import HINT, refused
from whit.runtime.oci.filesystem import COVER, ENTER, PIVOT, plan_filesystem
from whit.runtime.oci.landlock import nameless_ops
from whit.runtime.oci.linux import NAMESPACES
from whit.runtime.oci.loading import agent_ops, last_ops
from whit.runtime.oci.mountspec import RDONLY
from whit.runtime.oci.namespaces import (
    JOIN_ORDER,
    check_network,
    lookup,
    may_group,
    plan_namespaces,
    root_op,
    sysctl_ops,
)
from whit.runtime.oci.process import CapabilitySets, Process
from whit.runtime.oci.resources import listed
from whit.runtime.opcodes import PLAN_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.linux import Linux
    from whit.runtime.oci.model import Cgroup, OciHost, Running, Scope
    from whit.runtime.oci.namespaces import NamespacePlan
    from whit.runtime.oci.spec import Spec

SYS_ADMIN = 1 << NAMES.index("SYS_ADMIN")
"""What loading a filter takes where new privileges aren't forbidden (seccomp(2))."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The operations of the lifecycle's own, put at their places: what is decided by the command and not by config.json.

    ``first`` stand before the container exists, ``inside`` right after its namespaces, ``console`` where /dev is
    mounted, ``before_root`` before the root is changed, ``before_exec`` as the container's user, before the filter.
    ``keyring`` and ``pivot`` tell whether keys of its own and pivot_root are wanted; ``state`` is what a seccomp agent is
    told, in parts between which the process's number stands, and ``early_state`` the same before the container is created,
    None where nothing is created.
    ``filters`` is linux.seccomp's where it has been compiled before. ``movers`` bring the host's interfaces.
    """

    first: tuple[Op, ...] = ()
    inside: tuple[Op, ...] = ()
    before_root: tuple[Op, ...] = ()
    console: tuple[Op, ...] = ()
    before_exec: tuple[Op, ...] = ()
    keyring: bool = True
    pivot: bool = True
    state: tuple[str, str, str] = ("", "", "")
    early_state: tuple[str, str, str] | None = None
    filters: tuple[Op, ...] | None = None
    scope: Scope | None = None
    movers: tuple[Op, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """The plan, the cgroups that it makes, and what couldn't be honoured and is no error."""

    plan: LaunchPlan
    cgroup: Cgroup
    warnings: tuple[str, ...] = ()


def _names(mask: int) -> str:
    return ", ".join(f"CAP_{name}" for bit, name in enumerate(NAMES) if mask >> bit & 1)


def _granted(sets: CapabilitySets, available: int, warnings: list[str]) -> CapabilitySets:
    """The sets as far as they can be given: the specification wants a warning of the rest, and no error."""
    where = "process.capabilities"
    asked = sets.bounding | sets.effective | sets.inheritable | sets.permitted | sets.ambient
    if asked & ~available:
        warnings.append(f"{where}: {_names(asked & ~available)} can't be granted here, ignored")
    permitted, inheritable = sets.permitted & available, sets.inheritable & sets.bounding & available
    for name, mask, within, needs in (
        ("inheritable", sets.inheritable & available, sets.bounding, "bounding"),
        ("effective", sets.effective & available, permitted, "permitted"),
        ("ambient", sets.ambient & available, permitted & inheritable, "permitted and inheritable"),
    ):
        if mask & ~within:
            # The kernel would refuse the whole set (capabilities(7)).
            warnings.append(f"{where}.{name}: {_names(mask & ~within)} would have to be {needs}, ignored")
    return CapabilitySets(
        bounding=sets.bounding & available,
        effective=sets.effective & permitted,
        inheritable=inheritable,
        permitted=permitted,
        ambient=sets.ambient & permitted & inheritable,
    )


def _capability_op(sets: CapabilitySets, more: int = 0) -> Op:
    arguments = (sets.effective | more, sets.permitted | more, sets.inheritable, sets.ambient)
    why = "process.capabilities" + (", and what loading the filter takes" if more else "")
    return Op("SET_CAPABILITIES", arguments, why)


def _label_ops(process: Process, host: OciHost) -> Iterator[Op]:
    if process.apparmor_profile and process.apparmor_profile != "unconfined":
        if not host.apparmor:
            raise refused("process.apparmorProfile", "this host has no AppArmor")
        yield Op("PROC_WRITE", ("attr/apparmor/exec", f"exec {process.apparmor_profile}"), "process.apparmorProfile")
    if process.selinux_label:
        if not host.selinux:
            raise refused("process.selinuxLabel", "this host has no SELinux")
        yield Op("PROC_WRITE", ("attr/exec", process.selinux_label), "process.selinuxLabel")


def _scheduling_ops(process: Process) -> Iterator[Op]:
    scheduler = process.scheduler
    if scheduler is not None:
        attributes = struct.pack(
            "=IIQiIQQQ",
            48,
            scheduler.policy,
            scheduler.flags,
            scheduler.nice,
            scheduler.priority,
            scheduler.runtime,
            scheduler.deadline,
            scheduler.period,
        )
        yield Op("SET_SCHEDULER", (attributes,), "process.scheduler")
    if process.io_priority is not None:
        value = process.io_priority.class_number << 13 | process.io_priority.priority
        yield Op("SET_IO_PRIORITY", (value,), "process.ioPriority")


def _early_ops(process: Process | None) -> Iterator[Op]:
    """What is set while the process still has the caller's rights and the host's view."""
    if process is not None and process.oom_score_adj is not None:
        yield Op("PROC_WRITE", ("oom_score_adj", str(process.oom_score_adj)), "process.oomScoreAdj")
    if process is not None:
        yield from _scheduling_ops(process)


def _kernel_ops(linux: Linux) -> Iterator[Op]:
    if linux.personality is not None:
        yield Op("SET_PERSONALITY", (linux.personality,), "linux.personality")
    policy = linux.memory_policy
    if policy is not None:
        mask = sum(1 << node for node in policy.nodes)
        size = (max(policy.nodes, default=-1) // 64 + 1) * 8
        yield Op("SET_MEMORY_POLICY", (policy.mode, mask.to_bytes(size, "little")), "linux.memoryPolicy")


def _privilege_ops(
    process: Process, spec: Spec, host: OciHost, lifecycle: Lifecycle, warnings: list[str], *, user: bool
) -> Iterator[Op]:
    """From the new root to the program. ``user``: in a user namespace, where every capability can be had."""
    linux = spec.linux
    available = (1 << len(NAMES)) - 1 if user else host.capabilities
    sets = _granted(process.capabilities or CapabilitySets(), available, warnings)
    for limit in process.rlimits:
        yield Op("SET_RLIMIT", (limit.resource, limit.soft, limit.hard), "process.rlimits")
    if not any(item.startswith("HOME=") and item != "HOME=" for item in process.env):
        yield Op("SET_HOME", (process.user.uid,), "programs expect a HOME, as runc sets it")
    yield Op("DROP_BOUNDING", (sets.bounding,), "process.capabilities.bounding")
    ids = process.user
    groups = struct.pack(f"={len(ids.additional_gids)}I", *ids.additional_gids)
    grouped = may_group(linux, host)
    if groups and user and not grouped:
        raise refused("process.user.additionalGids", "the user namespace has one group: setgroups is denied in it")
    yield Op("SET_IDS", (ids.uid, ids.gid, groups, int(grouped)), "process.user")
    yield from _label_ops(process, host)
    if process.no_new_privileges:
        yield Op("NO_NEW_PRIVILEGES", (), "process.noNewPrivileges")
    late = linux.seccomp is not None and not process.no_new_privileges and not sets.effective & SYS_ADMIN
    yield _capability_op(sets, SYS_ADMIN if late else 0)
    yield Op("CHANGE_DIRECTORY", (process.cwd,), "process.cwd")
    if ids.umask is not None:
        yield Op("SET_UMASK", (ids.umask,), "process.user.umask")
    yield from last_ops(process, spec, host.architecture, lifecycle, (_capability_op(sets),) if late else ())
    environment = tuple(item for item in process.env if item != "HOME=")
    yield Op("EXEC", (process.args[0], process.args, environment), "process.args")


def _name_ops(spec: Spec, own: frozenset[str]) -> Iterator[Op]:
    for member, name, operation in (
        ("hostname", spec.hostname, "SET_HOSTNAME"),
        ("domainname", spec.domainname, "SET_DOMAINNAME"),
    ):
        if not name:
            continue
        if "uts" not in own:
            raise refused(member, "the container shares the host's uts namespace", "add a uts namespace")
        if len(name.encode("utf-8", "surrogateescape")) > 64:  # noqa: PLR2004 - __NEW_UTS_LEN
            raise InvalidFileError(f"{member}: {name!r} is longer than the kernel's 64 bytes", hint=HINT)
        yield Op(operation, (name,), member)


def _outside_ops(process: Process | None, linux: Linux, host: OciHost) -> Iterator[Op]:
    """The launcher's copy of itself, where the container's user is one who may write its file on the host."""
    uid = process.user.uid if process is not None else 0
    if any(item.type == "user" for item in linux.namespaces) and linux.uid_mappings:
        uids = {lookup(linux.uid_mappings, uid), lookup(linux.uid_mappings, 0)} - {None}
    else:
        uids = {uid, 0 if host.privileged else host.user}
    if any(host.may_write_launcher(number) for number in uids if number is not None):
        yield Op("SEAL_SELF", (), "the container's user may write the launcher's own file: it must not reach it")


def _unsupported(spec: Spec) -> None:
    linux = spec.linux
    if linux.intel_rdt is not None:
        raise refused("linux.intelRdt", "whit-oci doesn't use resctrl")


def _child_ops(spec: Spec, namespaces: NamespacePlan, cgroups: CgroupPlan, lifecycle: Lifecycle) -> Iterator[Op]:
    """From the clone to the first mount."""
    yield from cgroups.child
    yield from _early_ops(spec.process)
    yield from namespaces.child
    if "cgroup" in namespaces.new:
        yield Op("CGROUP_UNSHARE", (), "linux.namespaces: the container sees its cgroup as the root")
    yield Op("NEW_SESSION", (), "nothing can be typed into the caller's terminal")
    if lifecycle.keyring:
        yield Op("NEW_KEYRING", (), "keys of its own, not the caller's")
    yield from _name_ops(spec, namespaces.own)
    if "network" in namespaces.new:
        yield Op("LOOPBACK_UP", (), "programs expect to reach themselves")
    yield from lifecycle.movers
    yield from lifecycle.inside
    yield from nameless_ops(spec)


def cgroup_owner(spec: Spec) -> int:
    """The host's user that the cgroup is given to; 0 where it stays root's.

    As config-linux, "Cgroup ownership", has it: in a cgroup namespace of its own, with the cgroup mounted writable.
    """
    linux = spec.linux
    new = {item.type for item in linux.namespaces if not item.path}
    mounted = [
        item for item in spec.mounts if item.destination == "/sys/fs/cgroup" and item.type in {"cgroup", "cgroup2"}
    ]
    if "cgroup" not in new or not mounted or mounted[-1].attributes.set & RDONLY or spec.process is None:
        return 0
    uid = spec.process.user.uid
    if not any(item.type == "user" for item in linux.namespaces):
        return uid
    return (lookup(linux.uid_mappings, uid) if "user" in new else 0) or 0


def _cgroups(spec: Spec, container: str, host: OciHost, scope: Scope | None) -> CgroupPlan:
    linux = spec.linux
    if scope is None:
        return plan_cgroups(linux.cgroups_path, container, linux.resources, host, cgroup_owner(spec))
    from whit.runtime.oci.scope import scoped_cgroups  # noqa: PLC0415 - for systemd's containers alone

    return scoped_cgroups(linux.resources, host, scope)


def compile_container(spec: Spec, bundle: str, container: str, host: OciHost, lifecycle: Lifecycle) -> Compiled:
    """The plan of ``create``. Raises :class:`InvalidFileError` or :class:`UnsupportedError` with the member's path.

    ``bundle`` is absolute; ``container`` its id.
    """
    _unsupported(spec)
    if spec.process is None:
        raise InvalidFileError("process is missing: whit-oci makes no container without one", hint=HINT)
    linux, warnings = spec.linux, list[str]()
    namespaces = plan_namespaces(linux, host)
    check_network(linux, namespaces, host)
    cgroups = _cgroups(spec, container, host, lifecycle.scope)
    own_cgroups = "cgroup" in namespaces.own
    user = namespaces.user or not host.first_users
    own_mounts = "mount" in namespaces.new
    files = plan_filesystem(
        spec, bundle, host, cgroups.cgroup, own_cgroups=own_cgroups, user=user, own_mounts=own_mounts
    )
    how = (PIVOT if lifecycle.pivot else COVER) if own_mounts else ENTER
    ops = [
        *_outside_ops(spec.process, linux, host),
        *lifecycle.first,
        *agent_ops(linux),
        *cgroups.parent,
        *files.parent,
        *namespaces.parent,
        Op("CLONE_FREE", (namespaces.flags, cgroups.clone_into), "linux.namespaces"),
        *_child_ops(spec, namespaces, cgroups, lifecycle),
        *files.mounts,
        *lifecycle.console,
        *lifecycle.before_root,
        *files.after,
        *sysctl_ops(linux, namespaces.own),
        Op("ROOT_SWITCH", (how,), "the container's root; no way back to the host's files stays"),
        *files.switched,
        *_kernel_ops(linux),
        *_privilege_ops(spec.process, spec, host, lifecycle, warnings, user=namespaces.user),
    ]
    every = (*cgroups.warnings, *files.warnings, *warnings)
    return Compiled(LaunchPlan(PLAN_VERSION, tuple(ops)), cgroups.cgroup, every)


def _cpu_mask(text: str, where: str) -> bytes:
    """A list of CPUs as sched_setaffinity(2) takes it."""
    numbers = (number for part in text.split(",") for number in part.strip().split("-", 1))
    if not all(number.isascii() and number.isdigit() and len(number) < 5 for number in numbers):  # noqa: PLR2004
        raise InvalidFileError(f"{where}: {text!r} is no list of CPUs such as 0-3,7", hint=HINT)
    mask = 0
    for cpu in listed(text):
        mask |= 1 << cpu
    return mask.to_bytes(max(8, (mask.bit_length() + 63) // 64 * 8), "little")


def _affinity_ops(process: Process, *, final: bool) -> Iterator[Op]:
    affinity = process.exec_affinity
    name = "final" if final else "initial"
    text = (affinity.final if final else affinity.initial) if affinity is not None else ""
    if text:
        where = f"execCPUAffinity.{name}"
        yield Op("SET_AFFINITY", (_cpu_mask(text, where),), where)


def _join_ops(own: set[str], linux: Linux, host: OciHost) -> tuple[list[Op], list[Op]]:
    """(before, after the clone) what a process joins of the container's.

    The user namespace comes last: whoever is in it may no longer look at a first process that has executed nothing there,
    as whit's own is (``--init``; ptrace(2), "Ptrace access mode checking"). Without root all of it belongs to the user
    namespace, and one has rights in it only inside of that: it comes first, and the process namespace takes a second
    clone, while /proc is still the host's.
    """
    files = {"network": "net", "mount": "mnt"}
    why, others = "the container's own", [kind for kind in JOIN_ORDER if kind != "user"]

    def join(*kinds: str) -> list[Op]:
        return [
            Op("JOIN_NAMESPACE", (f"ns/{files.get(kind, kind)}", NAMESPACES[kind], 0), why)
            for kind in kinds
            if kind in own
        ]

    within = [root_op(linux, host)] if "user" in own else []
    if host.privileged or "user" not in own:
        outside = [Op("JOIN_PROCESSES", ("ns/pid",), why)] if "pid" in own else []
        return outside, [*join(*others, "user"), *within]
    again = [*join("pid"), Op("CLONE_AGAIN", (0,), "a process in the container's namespaces")] if "pid" in own else []
    return [], [*join("user"), *again, *join(*others), *within]


def compile_exec(process: Process, spec: Spec, running: Running, host: OciHost, lifecycle: Lifecycle) -> Compiled:
    """The plan of ``exec``: ``process`` joins what ``spec``'s container has."""
    linux, warnings = spec.linux, list[str]()
    own = {item.type for item in linux.namespaces}
    scope = lifecycle.scope
    cgroups = CgroupPlan((), (scope.attach,), 0, running.cgroup) if scope else join_cgroups(running.cgroup)
    outside, joins = _join_ops(own, linux, host)
    if not any(item.type == "mount" and not item.path for item in linux.namespaces):
        why = "the container's root, which no mount namespace has"
        joins = [Op("ROOT_FIND", ("root",), why), *joins, Op("ROOT_SWITCH", (ENTER,), why)]
    ops = [
        *_outside_ops(process, linux, host),
        Op("CONTAINER_FIND", (running.pid, running.started), "the container's process, no other of its number"),
        *lifecycle.first,
        *agent_ops(linux),
        *cgroups.parent,
        *outside,
        Op("CLONE_FREE", (0, cgroups.clone_into), "a process in the container's namespaces"),
        *_affinity_ops(process, final=False),
        *cgroups.child,
        *_affinity_ops(process, final=True),
        *_early_ops(process),
        # Before it has joined the container's, it would be told to the caller's.
        *(nameless_ops(spec) if outside else ()),
        *joins,
        Op("NEW_SESSION", (), "nothing can be typed into the caller's terminal"),
        Op("NEW_KEYRING", (), "keys of its own, not the caller's"),
        *lifecycle.inside,
        *lifecycle.console,
        *_kernel_ops(linux),
        *_privilege_ops(process, spec, host, lifecycle, warnings, user="user" in own),
    ]
    return Compiled(LaunchPlan(PLAN_VERSION, tuple(ops)), running.cgroup, tuple(warnings))
