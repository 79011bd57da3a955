"""{operation, errno} → words: what couldn't be done, why it was to be done, and what helps. Pure but for a look into the root."""

from __future__ import annotations

import errno
import os
import struct

from whit.packer.support.errors import ExitCode, LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.opcodes import BY_NAME, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.model import LaunchPlan, Op

USER_NAMESPACES = (
    "allow user namespaces: sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone (or its AppArmor twin)"
)

BRIDGE_GONE = "its bridge has been removed just now: run it again"

NO_WAY_OUT = "slirp4netns has ended or hangs: can this user open /dev/net/tun? Or run it with --network none"

NO_FILTERS = "this kernel lacks seccomp filters: CONFIG_SECCOMP_FILTER"

CLONES = ("CLONE", "CLONE_FREE", "CLONE_AGAIN")

HINTS: dict[tuple[str, int], str] = {
    ("CLONE", errno.EPERM): USER_NAMESPACES,
    **{
        (name, errno.ENOSPC): "raise the one of these sysctls that is 0 or used up: "
        + ", ".join(f"user.max_{kind}_namespaces" for kind in ("user", "pid", "mnt", "net", "ipc", "uts"))
        for name in CLONES
    },
    ("CGROUP_UNSHARE", errno.ENOSPC): "raise sysctl user.max_cgroup_namespaces: it is 0 or used up",
    ("TIME_OFFSETS", errno.ENOSPC): "raise sysctl user.max_time_namespaces: it is 0 or used up",
    ("CLONE", errno.EAGAIN): "the limit of processes is reached: ulimit -u, or pids.max of your cgroup",
    ("CLONE", errno.EINVAL): "this kernel lacks one of the namespaces: whit needs CONFIG_NAMESPACES and its parts",
    ("CLONE", errno.ENOMEM): "the machine is out of memory",
    ("MAP_IDS", errno.EPERM): USER_NAMESPACES,
    ("WAY_OUT_WAIT", errno.ENOTCONN): NO_WAY_OUT,
    ("WAY_OUT_WAIT", errno.EPIPE): NO_WAY_OUT,
    ("WAY_OUT_WAIT", errno.ETIMEDOUT): NO_WAY_OUT,
    ("BRIDGE_FIND", errno.ENODEV): BRIDGE_GONE,
    ("BRIDGE_FIND", errno.ENOENT): BRIDGE_GONE,
    ("BRIDGE_JOIN", errno.EINVAL): BRIDGE_GONE,
    ("BRIDGE_JOIN", errno.ENODEV): BRIDGE_GONE,
    ("BRIDGE_JOIN", errno.EPERM): "this needs CAP_NET_ADMIN: run it as root, or with --network none",
    ("BRIDGE_JOIN", errno.EOPNOTSUPP): "this kernel has no veth pairs: run it with --network none",
    (
        "BRIDGE_JOIN",
        errno.EADDRNOTAVAIL,
    ): "end some of its containers, or run it with --network none, or with --name in a network "
    "of your own: whit network create --subnet 10.99.0.0/16 NAME",
    ("SET_RLIMIT", errno.EPERM): "a limit can't be raised above the caller's own hard limit: ulimit -H -a",
    ("CGROUP_CREATE", errno.EACCES): "this cgroup isn't yours: run as root, or under a delegated systemd scope",
    ("CGROUP_CREATE", errno.EROFS): "the cgroup file system is mounted read-only: whit runs in a container itself?",
    ("CGROUP_WRITE", errno.EINVAL): "the kernel doesn't take this value: is it within what the machine has?",
    ("CGROUP_WRITE", errno.EBUSY): "the limit is below what is in use already",
    ("CGROUP_WRITE", errno.ENOENT): "this kernel or cgroup hasn't got the controller",
    ("SET_IDS", errno.EINVAL): "without ids of yours in /etc/subuid a container has one user alone: leave --user out",
    ("CHANGE_DIRECTORY", errno.ENOENT): "the image has no such directory: choose one by --workdir",
    ("CHANGE_DIRECTORY", errno.EACCES): "the container's user may not enter it: choose another by --workdir or --user",
    ("CHANGE_DIRECTORY", errno.ENOTDIR): "choose a directory by --workdir",
    ("MOUNT_BIND", errno.ENOENT): "create it first, or check its spelling",
    ("MOUNT_BIND", errno.ENOTDIR): "a file can only be mounted on a file, a folder only on a folder",
    ("SECCOMP", errno.EINVAL): NO_FILTERS,
    ("SECCOMP", errno.ENOSYS): NO_FILTERS,
    (
        "NEW_KEYRING",
        errno.EPERM,
    ): "in a container it takes a filter that lets it: docker's --security-opt seccomp=unconfined",
    ("TRACE", errno.EINVAL): "this kernel can't show system calls to a tracer: whit trace needs Linux 5.5 or newer",
    (
        "TRACE",
        errno.EBUSY,
    ): "whit is itself watched in this way, by a container engine or a sandbox: trace outside of it",
    **{
        (name, number): hint
        for names, number, hint in (
            (("CLONE_FREE", "CLONE_AGAIN"), errno.EPERM, USER_NAMESPACES),
            (("CLONE_FREE", "CLONE_AGAIN"), errno.EAGAIN, "the limit of processes is reached: ulimit -u, or pids.max"),
            (("CLONE_FREE",), errno.EBUSY, "the cgroup hands controllers down, so no process may be in it"),
            (("JOIN_NAMESPACE", "JOIN_PROCESSES"), errno.EINVAL, "is it a namespace of the type that is said?"),
            (("JOIN_NAMESPACE",), errno.EEXIST, "it is the host's own, and linux.sysctl would change the host"),
            (("TREE_BIND", "TREE_IDMAPPED"), errno.ENOENT, "create it first, or check its spelling"),
            (("TREE_IDMAPPED",), errno.EINVAL, "this file system can't map users, or is mapped already"),
            (("TREE_NEW",), errno.ENODEV, "this kernel has no file system of that type: see /proc/filesystems"),
            (("TREE_NEW",), errno.EINVAL, "the file system doesn't take one of the options of the mount"),
            (("TREE_ATTACH",), errno.EXDEV, "it leads into /proc, or isn't what is to be mounted there"),
            (("TREE_ATTACH", "DEVICE_NODE", "LINK_ANEW"), errno.ELOOP, "the image has a link there: make it a folder"),
            (
                ("TREE_ATTACH", "PATH_MAKE"),
                errno.ENOTDIR,
                "the image has a file on the way, or where a folder is mounted",
            ),
            (("TREE_ATTACH", "PATH_MAKE"), errno.EROFS, "the image is read-only and has no such place: make it there"),
            (("SYSCTL",), errno.ENOENT, "this kernel has no such parameter"),
            (("SYSCTL",), errno.EINVAL, "the kernel doesn't take this value"),
            (("PROC_WRITE",), errno.EACCES, "only root with CAP_SYS_RESOURCE may lower it"),
            (("SET_SCHEDULER", "SET_IO_PRIORITY"), errno.EPERM, "it takes CAP_SYS_NICE, and real-time in the cgroup"),
            (("MAP_HELPED",), errno.EPERM, "the ranges must be yours: /etc/subuid and /etc/subgid"),
            (("CGROUP_OPEN",), errno.EACCES, "this cgroup isn't yours: run as root"),
            (("CGROUP_OPEN",), errno.EROFS, "the cgroup file system is mounted read-only"),
            (
                (
                    "ROOT_BIND",
                    "TREE_NEW",
                    "TREE_BIND",
                    "TREE_ATTACH",
                    "PATH_ATTRIBUTES",
                ),
                errno.ENOSYS,
                "whit-oci takes Linux 5.6: this kernel lacks one of its system calls on mounts",
            ),
            (("TREE_IDMAPPED",), errno.ENOSYS, "mapped mounts take Linux 5.12: this kernel lacks mount_setattr"),
            (
                ("TREE_ATTACH", "PATH_ATTRIBUTES", "MOUNT_BIND", "MOUNT_READONLY"),
                errno.EBUSY,
                "a mount in it is hidden by another one, or moves: before Linux 5.12 its options can't be set",
            ),
            (("TREE_ATTACH",), errno.EINVAL, "one is a folder and the other isn't: mount a file on a file"),
            (("LANDLOCK",), errno.ENOSYS, "this kernel has no Landlock (Linux 5.13): start it without"),
            (("LANDLOCK",), errno.EOPNOTSUPP, "this kernel was started without Landlock: lsm=landlock,…"),
            (
                ("SEAL_SELF",),
                errno.EACCES,
                "this machine forbids it (sysctl vm.memfd_noexec=2): 1 will do, or a --user",
            ),
            (("SECCOMP_WITH",), errno.EINVAL, "this kernel lacks seccomp filters, or one of the flags"),
        )
        for name in names
    },
    ("TIME_OFFSETS", errno.EINVAL): "this kernel lacks time namespaces: CONFIG_TIME_NS",
}
"""(operation, errno) → what helps."""

SHARED_MOUNTS = "without a new mount namespace a container takes Linux 6.15: add one to linux.namespaces"
SWITCH_ENTER = 2
"""What ROOT_SWITCH does where the mount namespace isn't the container's own (runtime/launcher/ops_root.c)."""

SAID = {
    ("BRIDGE_JOIN", errno.EADDRNOTAVAIL): "it has no free address",
    **{
        (name, errno.ENOSPC): "the limit of namespaces is reached"
        for name in (*CLONES, "CGROUP_UNSHARE", "TIME_OFFSETS")
    },
}
"""(operation, errno) → what has happened, where the kernel's general words mislead."""

MACHINES = {3: "386", 21: "ppc64", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64"}
"""ELF e_machine → OCI architecture, that of the greater byte order where there are two."""

ELF_HEADER_SIZE = 52
"""Of a 32-bit file; nothing shorter is one."""

PT_INTERP = 3
MAX_SCRIPTS = 4
"""Scripts whose interpreters are scripts are followed as far as the kernel does (execve(2), "Interpreter scripts")."""


def _subject(op: Op) -> str:
    if op.name == "BRIDGE_JOIN":
        return str(op.args[1])
    row = BY_NAME[op.name]
    texts = [value for argument, value in zip(row.arguments, op.args, strict=True) if argument.kind is Kind.TEXT]
    return " ".join(" ".join(str(text).split()) for text in texts if text)


def loader_of(data: bytes) -> str | None:
    """The loader that an ELF file names (System V ABI, PT_INTERP), as far as its first MiB tells."""
    if not data.startswith(b"\x7fELF") or len(data) < ELF_HEADER_SIZE:
        return None
    order = "<" if data[5] == 1 else ">"
    wide = data[4] == 2  # noqa: PLR2004 - ELFCLASS64
    table, (size, count) = (32, (54, 56)) if wide else (28, (42, 44))
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, table)
        (entry_size,) = struct.unpack_from(f"{order}H", data, size)
        for index in range(*struct.unpack_from(f"{order}H", data, count)):
            # p_offset and p_filesz, with what stands between them left out.
            form = f"{order}I4xQ16xQ" if wide else f"{order}II8xI"
            kind, offset, length = struct.unpack_from(form, data, start + index * entry_size)
            text = data[offset : offset + length]
            if kind == PT_INTERP and len(text) == length:
                return text.partition(b"\0")[0].decode("utf-8", "replace")
    except struct.error:
        return None
    return None


def script_interpreter(data: bytes) -> str | None:
    """The program that a script's first line names, None if it isn't a script."""
    words = data.partition(b"\n")[0][2:].strip(b" \t").split()
    return words[0].decode("utf-8", "replace") if data.startswith(b"#!") and words else None


def _missing_program(path: str, read: Callable[[str], bytes | None]) -> LaunchError:
    code = ExitCode.NOT_FOUND
    data = read(path)
    if data is None:
        return LaunchError(
            f"there is no {path} in the image", hint="'whit inspect IMAGE' shows what is there", exit_code=code
        )
    for _ in range(MAX_SCRIPTS):
        interpreter = script_interpreter(data)
        if interpreter is None:
            break
        if data.partition(b"\n")[0].endswith(b"\r"):
            return LaunchError(
                f"{path} is a script whose first line ends in CR LF", hint="save it with LF", exit_code=code
            )
        found = read(interpreter)
        if found is None:
            return LaunchError(
                f"{path} is a script for {interpreter}, which isn't in the image",
                hint="pack the interpreter too",
                exit_code=code,
            )
        path, data = interpreter, found
    loader = loader_of(data)
    return LaunchError(
        f"{path} is there, and its loader {loader} isn't in the image"
        if loader
        else f"{path} is there, and what it needs to start isn't in the image",
        hint="link it statically, or pack the loader and its libraries",
        exit_code=code,
    )


def _not_executable(path: str, data: bytes | None, host: str) -> LaunchError:
    code = ExitCode.NOT_EXECUTABLE
    if data and data.startswith(b"\x7fELF") and len(data) > 20:  # noqa: PLR2004 - e_machine's place
        little = data[5] == 1
        machine = int.from_bytes(data[18:20], "little" if little else "big")
        built_for = MACHINES.get(machine, f"machine {machine}")
        built_for += "le" if built_for == "ppc64" and little else ""
        if built_for != host:
            return LaunchError(
                f"{path} is built for {built_for}, and this machine is {host}",
                hint=f"build it for {host}",
                exit_code=code,
            )
    if data and data.startswith(b"\0asm"):
        return LaunchError(
            f"{path} is WebAssembly, and nothing says so of the container",
            hint="let its name end in .wasm, or give the container the annotation run.oci.handler=wasm",
            exit_code=code,
        )
    return LaunchError(
        f"{path} is no program that the kernel can execute", hint="is it an ELF executable?", exit_code=code
    )


def _exec_error(op: Op, number: int, read: Callable[[str], bytes | None], host: str) -> LaunchError:
    path = str(op.args[0])
    if number == errno.ENOENT:
        return _missing_program(path, read)
    if number == errno.ENOEXEC:
        return _not_executable(path, read(path), host)
    code = ExitCode.NOT_EXECUTABLE
    if number == errno.EACCES:
        return LaunchError(
            f"{path} may not be executed by the container's user",
            hint="check its mode (chmod +x) and that its file system isn't noexec",
            exit_code=code,
        )
    return LaunchError(f"can't execute {path}: {os.strerror(number)}", exit_code=code)


def _engine_error(engine: str, number: int) -> LaunchError:
    return LaunchError(
        f"can't execute the WebAssembly engine {engine}: {os.strerror(number)}",
        hint="its file system may be mounted noexec: set WHIT_CACHE to a folder on another"
        if number == errno.EACCES
        else "remove it: it is built anew",
    )


def _shares_mounts(plan: LaunchPlan) -> bool:
    return any(op.name == "ROOT_SWITCH" and op.args[0] == SWITCH_ENTER for op in plan.ops)


def explain(plan: LaunchPlan, index: int, number: int, read: Callable[[str], bytes | None], host: str) -> LaunchError:
    """The error that tells why operation ``index`` of the plan failed with errno ``number``."""
    if not 0 <= index < len(plan.ops) or number == 0:
        return LaunchError("the container couldn't be started", hint="run the command again")
    op = plan.ops[index]
    engine = next((str(one.args[0]) for one in plan.ops if one.name == "OPEN_ENGINE"), None)
    if op.name == "EXEC" and engine:
        return _engine_error(engine, number)
    if op.name == "EXEC":
        return _exec_error(op, number, read, host)
    subject = _subject(op)
    what = f"can't {BY_NAME[op.name].what}{': ' if subject else ''}{subject}: {SAID.get((op.name, number)) or os.strerror(number)}"
    hint = HINTS.get((op.name, number), f"it was to be done for this reason: {op.why}")
    # Older kernels say the same where nothing may be attached at all.
    if (op.name, number) == ("TREE_ATTACH", errno.EINVAL) and _shares_mounts(plan):
        hint = SHARED_MOUNTS
    return LaunchError(what, hint=hint)
