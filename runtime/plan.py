"""(image, options, host) → LaunchPlan: the one place where it is decided how a container is confined. Pure.

Everything starts from nothing allowed: every namespace is new, no capability is kept, the root is read-only, and what
the image or the person asks for is added.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

from whit.packer.image.accounts import Identity, identify
from whit.packer.support.errors import LaunchError, UnsupportedError, UsageError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.capabilities import mask
from whit.runtime.cgroup import CgroupOps, cgroup_ops
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.mounts import HARDENED, NOEXEC, MountWish, Tmpfs, mount_ops
from whit.runtime.opcodes import PLAN_VERSION
from whit.runtime.options import Bridge, Guards, Host, Network, Program, RunOptions, WayOut
from whit.runtime.sandbox import landlock_op, nameless_op, said_of, settled, user_of, walls_of
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.wasm.settings import settings_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.callsclaim import Calls
    from whit.runtime.sandbox import Walls

NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000
NAMESPACES = {
    "mount": 0x0002_0000,
    "host name": 0x0400_0000,
    "IPC": 0x0800_0000,
    "process": 0x2000_0000,
}
"""Clone flags of the namespaces that every container has (clone(2)); the cgroup namespace follows the cgroup."""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Docker's, where the image sets none."""

_PROGRAM = 9
"""The descriptor by which a program is executed whose filter allows nothing else to be: beyond those that the launcher has."""

_TEMPORARY = "/tmp"  # noqa: S108 - a path in the container

HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")


def check_host_name(text: str) -> str:
    """A name that a machine can have. Raises :class:`UsageError`."""
    if not HOST_NAME.fullmatch(text):
        raise UsageError(f"'{text}' is no host name", hint="use letters, digits, '-' and '.', at most 64")
    return text


def host_name(options: RunOptions, program: Program) -> str:
    """The host name that was asked for, or one made of the image's name (hostname(7): letters, digits, dashes)."""
    if options.hostname is not None:
        return check_host_name(options.hostname)
    return re.sub(r"[^A-Za-z0-9-]+", "-", program.name).strip("-")[:63].strip("-") or "whit"


def command_line(options: RunOptions, program: Program) -> tuple[str, ...]:
    """The program and its arguments, as docker puts them together (image-spec, config: Entrypoint and Cmd)."""
    if options.entrypoint is not None:
        entrypoint: tuple[str, ...] = (options.entrypoint,) if options.entrypoint else ()
        command = entrypoint + options.arguments
    else:
        command = program.config.entrypoint + (options.arguments or program.config.cmd)
    if not command:
        raise LaunchError(f"image {program.name} names no program to run", hint="give one: whit run IMAGE PROGRAM")
    return command


def search_path(options: RunOptions, program: Program) -> str:
    """The PATH that the program will see, by which it is itself found."""
    variables = dict(item.partition("=")[::2] for item in program.config.env) | dict(options.env)
    return variables.get("PATH", DEFAULT_PATH)


def environment(options: RunOptions, program: Program, identity: Identity) -> tuple[str, ...]:
    """The program's whole environment: nothing of the caller's own is passed on."""
    variables = {"PATH": DEFAULT_PATH, "HOSTNAME": host_name(options, program)}
    if identity.home or identity.uid == 0:
        variables["HOME"] = identity.home or "/root"
    for item in program.config.env:
        name, _, value = item.partition("=")
        variables[name] = value
    variables.update(options.env)
    return tuple(f"{name}={value}" for name, value in variables.items())


def guard_ops(guards: Guards) -> Iterator[Op]:
    """The operations that tell whether a cached plan still holds."""
    yield Op("GUARD_COMMAND", (guards.command,), "this plan is for this command line only")
    yield Op("GUARD_KERNEL", guards.kernel, "this plan is for this kernel only")
    yield Op("GUARD_STORE", (guards.plans,), "its paths lead to this store, not to a copy of it")
    yield Op("GUARD_LAUNCHER", (guards.launcher,), "whether it must hide depends on who owns it")
    if guards.cgroup is not None:
        yield Op("GUARD_CGROUP", (guards.cgroup,), "the container's cgroup is made beside this one")
    if guards.landlock is not None:
        yield Op("GUARD_LANDLOCK", (guards.landlock,), "what the kernel lacks of it was said when the plan was made")
    if guards.directory is not None:
        yield Op("GUARD_DIRECTORY", (guards.directory,), "the command line has a relative path")
    for path, *identity in guards.files:
        yield Op("GUARD_FILE", (path, *identity), "the plan was made from it")
    for path in guards.absent:
        yield Op("GUARD_ABSENT", (path,), "a file of this name would be run instead of the image")
    for name, value in guards.environment:
        args = (name, int(value is not None), value or "")
        yield Op("GUARD_ENVIRONMENT", args, "the plan was made from it")


def _clone_op(options: RunOptions, host: Host, cgroup: CgroupOps) -> Op:
    flags, names = 0, list(NAMESPACES)
    for flag in NAMESPACES.values():
        flags |= flag
    if options.network is not Network.HOST:
        flags, names = flags | NEW_NETWORK, [*names, "network"]
    if not host.privileged:
        flags, names = flags | NEW_USER, ["user", *names]
    return Op("CLONE", (flags, cgroup.clone_into), f"new namespaces: {', '.join(names)}")


def _parent_ops(
    options: RunOptions, program: Program, host: Host, cgroup: CgroupOps, identity: Identity
) -> Iterator[Op]:
    yield Op("HOLD_LOCK", (program.lock,), "the image's files stay while the container runs")
    if host.may_write_launcher(identity.uid):
        yield Op("SEAL_SELF", (), "the program's user may write the launcher's own file: it must not reach it")
    yield from cgroup.parent
    yield from _outside_ops(options)
    if options.time_offset is not None:
        if not host.privileged:
            raise UnsupportedError("--time-offset needs root", hint="run as root, or leave it out")
        text = f"monotonic {options.time_offset} 0\nboottime {options.time_offset} 0\n"
        yield Op("TIME_OFFSETS", (text,), f"clocks since boot are {options.time_offset} s ahead")


def _isolation_ops(
    options: RunOptions, program: Program, host: Host, cgroup: CgroupOps, identity: Identity
) -> Iterator[Op]:
    if not host.privileged:
        # With a way out there are users in between, of whom the caller is the root (runtime/launcher/guardian.c).
        user, group = (0, 0) if isinstance(options.bridge, WayOut) else (host.user, host.group)
        ids = (identity.uid, user, identity.gid, group)
        yield Op("MAP_IDS", ids, f"user {identity.uid} in the container is user {host.user} on the host")
    yield from cgroup.child
    yield Op("NEW_SESSION", (), "the program can't type into the caller's terminal")
    yield Op("NEW_KEYRING", (), "the program doesn't see the caller's keys")
    yield Op("SET_HOSTNAME", (host_name(options, program),), "a host name of its own")
    if options.bridge:
        yield Op("LOOPBACK_UP", (), "127.0.0.1 and ::1 work")
        yield _join_op(options.bridge, host_name(options, program))
    elif options.network is not Network.HOST:
        yield Op("LOOPBACK_UP", (), "127.0.0.1 and ::1 work; there is no other network")


def _executed(command: tuple[str, ...], options: RunOptions, program: Program) -> tuple[str, ...]:
    """The words that are executed. Raises :class:`UsageError` for limits that only WebAssembly can be held to."""
    if program.wasm:
        return (settings_text(program.wasm, options), *command)
    for name, value in (("--timeout", options.timeout_ms), ("--fuel", options.fuel)):
        if value is not None:
            raise UsageError(
                f"{name} is for WebAssembly, and {command[0]} is none", hint="limit it by --cpus and --memory"
            )
    return command


def _outside_ops(options: RunOptions) -> Iterator[Op]:
    if isinstance(options.bridge, Bridge):
        why = f"whit's network {options.bridge.network}, which the program is to be in"
        yield Op("BRIDGE_FIND", (options.bridge.device, options.bridge.mac), why)
    elif options.bridge:
        yield Op("WAY_OUT", (options.bridge.program, options.bridge.arguments), "it speaks for the program outside")


def _join_op(bridge: Bridge | WayOut, hostname: str) -> Op:
    if isinstance(bridge, WayOut):
        return Op("WAY_OUT_WAIT", (), "a way out: --network none for none")
    numbers = (bridge.number, bridge.gateway, bridge.first, bridge.count, bridge.prefix, bridge.mtu, 0)
    place = struct.pack("=Q6I", *numbers)
    args = (bridge.networks, bridge.network, place, hostname, bridge.hosts_head.encode())
    return Op(
        "BRIDGE_JOIN", args, f"an address of the network {bridge.network}, and a way out: --network none for none"
    )


def _is_below(folder: str, command: tuple[str, ...]) -> bool:
    """Whether the image's program itself lies there: an empty folder over it would hide it."""
    return any(word.startswith(f"{folder}/") for word in command[:1])


def _mount_wish(options: RunOptions, program: Program, host: Host) -> MountWish:
    limits = options.limits
    limited = (("memory", limits.memory), ("cpu", limits.cpu_quota_us))
    tmpfs = options.tmpfs
    taken = {mount.target for mount in tmpfs} | {volume.target for volume in options.volumes}
    if program.has_tmp and _TEMPORARY not in taken and not _is_below(_TEMPORARY, program.config.entrypoint):
        tmpfs = (Tmpfs(_TEMPORARY, ("mode=1777",), HARDENED, program.fills_tmp), *tmpfs)
    volumes = options.volumes
    if options.sandbox:
        # Neither executed nor mapped to be: of what is mapped Landlock knows nothing.
        tmpfs = tuple(replace(mount, attributes=mount.attributes | NOEXEC) for mount in tmpfs)
        volumes = tuple(replace(volume, runs_nothing=True) for volume in volumes)
    return MountWish(
        rootfs=program.rootfs,
        privileged=host.privileged,
        own_network=options.network is not Network.HOST,
        layout=host.cgroups,
        cgroups=tuple(controller for controller, value in limited if value is not None),
        volumes=volumes,
        tmpfs=tmpfs,
    )


def _privilege_ops(options: RunOptions, host: Host, identity: Identity) -> Iterator[Op]:
    for limit in options.rlimits:
        yield Op("SET_RLIMIT", (limit.resource, limit.soft, limit.hard), "asked for")
    kept = mask(options.add_capabilities)
    told = ", ".join(sorted(options.add_capabilities))
    yield Op(
        "DROP_BOUNDING", (kept,), f"no program may ever have other rights than {told}" if kept else "no rights, ever"
    )
    # The user's own group among the others: a file that shuts that group out shuts this program out (CVE-2022-36109).
    numbers = tuple(dict.fromkeys((identity.gid, *identity.groups)))
    groups = struct.pack(f"={len(numbers)}I", *numbers)
    who = f"run as user {identity.uid}, group {identity.gid}"
    yield Op("SET_IDS", (identity.uid, identity.gid, groups, int(host.privileged)), who)
    # Only the ambient set survives the start of a program that isn't root's; it needs the inheritable one.
    ambient = kept if identity.uid else 0
    yield Op(
        "SET_CAPABILITIES", (kept, kept, ambient, ambient), f"asked for: {told}" if kept else "no capability is kept"
    )
    yield Op("NO_NEW_PRIVILEGES", (), "no set-user-ID program gives rights")


def _nameless_ops(options: RunOptions) -> Iterator[Op]:
    if options.landlock or options.sandbox:
        yield nameless_op()


def _landlock_ops(path: str, options: RunOptions, program: Program, host: Host, wish: MountWish) -> Iterator[Op]:
    """A layer of the kernel's own (Documentation/userspace-api/landlock.rst): it holds whatever becomes of the mounts."""
    if not (options.landlock or options.sandbox):
        return
    writable = (
        "/dev",
        "/proc",
        *(mount.target for mount in wish.tmpfs),
        *(volume.target for volume in wish.volumes if not volume.read_only),
    )
    if not program.wasm:
        yield Op("FIND_PROGRAM", (path, search_path(options, program)), "the one program that may be executed")
    sandbox = options.sandbox
    if sandbox:
        mounted = (*(mount.target for mount in wish.tmpfs), *(volume.target for volume in wish.volumes))
        said = said_of(program, options, command_line(options, program))
        sandbox = settled(sandbox, program, path, said, mounted=mounted)
    from whit.runtime.seccomp.nameless import nameless_filter  # noqa: PLC0415 - few ask for it

    yield landlock_op(writable, sandbox, nameless_filter(host.architecture))


def _engine_ops(program: Program) -> Iterator[Op]:
    if program.wasm:
        args = (program.wasm.engine, program.wasm.code)
        yield Op("OPEN_ENGINE", args, "WebAssembly is run by an engine of whit's, from code that was compiled here")


@lru_cache(maxsize=4)
def _filter(architecture: str, capabilities: frozenset[str], calls: Calls | None, walls: Walls | None) -> bytes:
    names = frozenset(f"CAP_{name}" for name in capabilities)
    made = default_filter(architecture, names)
    if calls is not None:
        from whit.runtime.seccomp.proven import proven_filter  # noqa: PLC0415 - few images have one

        made = proven_filter(calls, architecture, names, start=_PROGRAM)
    if walls is not None:
        from whit.runtime.seccomp.strict import strict_filter  # noqa: PLC0415 - few ask for it

        made = strict_filter(made, walls)
    return compile_filter(made, architecture)


def _filter_ops(options: RunOptions, program: Program, host: Host, path: str) -> Iterator[Op]:
    """The last before the program's start: a filter of its own calls allows hardly more than that."""
    calls = None if program.wasm else program.calls
    if calls is not None:
        yield Op(
            "OPEN_PROGRAM",
            (path, _PROGRAM),
            "it is executed by this descriptor, and nothing else is, unless it does that itself",
        )
    why = (
        "whit's default filter: docs/seccomp.md"
        if calls is None
        else "of whit's default filter the calls that the program's code makes: docs/syscalls.md"
    )
    walls = None
    if options.sandbox:
        walls = walls_of(program, has_network=options.network is not Network.NONE)
        why += ", and less: docs/security.md"
    yield Op("SECCOMP", (_filter(host.architecture, options.add_capabilities, calls, walls),), why)


def compile_plan(
    program: Program, options: RunOptions, host: Host, *, executable: str | None = None, guards: Guards | None = None
) -> LaunchPlan:
    """The launch plan. Raises :class:`UsageError`, :class:`LaunchError` or :class:`UnsupportedError`.

    ``executable`` is the absolute path in the container of the file to execute, where it isn't the command's first
    word; ``guards`` make the plan one that may be kept.
    """
    identity = identify(user_of(options, program.config), program.accounts)
    cgroup = cgroup_ops(options.limits, host.cgroups)
    command = command_line(options, program)
    directory = options.working_dir or program.config.working_dir or "/"
    if not directory.startswith("/"):
        raise UsageError(f"the working directory '{directory}' isn't absolute", hint="begin it with /")
    wish = _mount_wish(options, program, host)
    ops = [
        *(guard_ops(guards) if guards else ()),
        *_parent_ops(options, program, host, cgroup, identity),
        _clone_op(options, host, cgroup),
        *_isolation_ops(options, program, host, cgroup, identity),
        *_engine_ops(program),
        *_nameless_ops(options),
        *mount_ops(wish),
        *_privilege_ops(options, host, identity),
        Op("CHANGE_DIRECTORY", (directory,), "the working directory"),
    ]
    if options.warning:
        ops.append(Op("WARN", (f"warning: {options.warning[0]}", options.warning[1]), "a person should know it"))
    path = executable or command[0]
    if options.init:
        ops.append(Op("INIT", (), "a first process that reaps orphans and passes signals on"))
    ops += [
        *_landlock_ops(path, options, program, host, wish),
        *_filter_ops(options, program, host, path),
        Op(
            "EXEC",
            (path, _executed(command, options, program), environment(options, program, identity)),
            "the program itself",
        ),
    ]
    return LaunchPlan(PLAN_VERSION, tuple(ops))
