"""What the launcher has Python do: say in words why a launch failed and take it back, and run the hooks of after the start."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import ExitCode, LaunchError, WhitError, as_whit_error, in_words
from whit.packer.support.shortid import short_id
from whit.runtime.encode import decode
from whit.runtime.explain import explain
from whit.runtime.machine import MACHINES
from whit.runtime.oci import records, state
from whit.runtime.oci.lifecycle import hook_state
from whit.runtime.oci.log import Log
from whit.runtime.oci.spec import parse_spec
from whit.runtime.opcodes import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.model import LaunchPlan, Op
    from whit.runtime.oci.spec import Hook

HOOKS = {"HOOK_INSIDE", "HOOK_OUTSIDE"}
HOOK_ENDED, HOOK_KILLED = 4096, 256
"""What stands in an error number's place for a hook that ran and failed: see run_hook() in runtime/launcher/ops_oci.c."""

END_SECONDS = 10

HINTS = {
    errno.ENOENT: "there is no such folder in the container: see process.cwd, or exec's --cwd",
    errno.ENOTDIR: "give a folder: process.cwd, or exec's --cwd",
    errno.EACCES: "the container's user may not enter it: see process.cwd and process.user, or exec's --cwd and --user",
}
"""Of a working directory, in the words of config.json and of this command line."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_NO_TERMINAL = "a terminal is wanted, and there is none here: no standard stream is one, and /dev/tty can't be opened"
_POSTSTART_FATAL = (1, 3)
HELPERS = {"_scope", "_attach", "_unscope", "_netdevices"}


def _program(name: str, number: int, kept: str = "") -> LaunchError:
    """In runc's words: by them docker tells 127 from 126 (moby, daemon/start.go). ``kept`` is the container that whit keeps, if it is one."""
    beside = f"whit debug {kept} starts a shell with tools beside what is in the container" if kept else None
    if number == errno.ENOENT and "/" not in name:
        return LaunchError(f'exec: "{name}": executable file not found in $PATH', hint=beside)
    words = os.strerror(number).lower()
    if number == errno.EISDIR and not kept:
        # podman tells 126 from all else by these words alone, and execve(2) has them for a folder.
        words = f"permission denied: {words}"
    hint = {
        errno.ENOENT: beside or "there is no such file in the container",
        errno.EACCES: "the container's user may not execute it: chmod +x, or a noexec mount",
        errno.EISDIR: "give the program, not its folder",
    }.get(number)
    return LaunchError(
        f'exec: "{name}": stat {name}: {words}' if "/" in name else f'exec: "{name}": {words}', hint=hint
    )


def _not_started(path: str, number: int, *, on_host: bool = True) -> str:
    """Why a hook didn't start; execve(2) says of a folder what it says of a file without the mode."""
    if on_host and number == errno.ENOENT and os.path.lexists(path):
        return "it is there, and the loader or the interpreter that it names isn't"
    is_folder = on_host and os.path.isdir(path)  # noqa: PTH112 - a path that no file has is False to it, too
    words = {
        errno.ENOENT: "there is no such file" if on_host else "the container has no such file, or not its loader",
        errno.EACCES: "it is a folder" if is_folder else "it isn't executable: chmod +x, or a noexec mount",
        errno.ENOEXEC: "it is no program that the kernel can execute: no ELF file of this machine, no #! line",
    }
    return words.get(number) or os.strerror(number)


def _ended(status: int) -> str:
    """How a hook failed that did start: its exit code, or the signal that killed it, negative."""
    return f"exit status {status}" if status > 0 else f"it was killed by signal {-status}"


def _hook(op: Op, number: int) -> LaunchError:
    path = str(op.args[0])
    if number >= HOOK_ENDED:
        how = number - HOOK_ENDED
        why = _ended(how if how < HOOK_KILLED else HOOK_KILLED - how)
    elif number == errno.ETIMEDOUT:
        why = "it took longer than its timeout"
    else:
        why = _not_started(path, number, on_host="startContainer" not in op.why)
    return LaunchError(f"error running {op.why} {path}: {why}")


def _rootfs(folder: Path) -> Path | None:
    record = state.Container(folder.name, folder).document.get("rootfs")
    return Path(str(record)) if record else None


def _helper_words(folder: Path) -> LaunchError | None:
    """What :func:`_help` has left of its failure."""
    try:
        message, hint = json.loads((folder / records.HELPER_ERROR).read_text())
    except FileNotFoundError:
        return None
    (folder / records.HELPER_ERROR).unlink()
    return LaunchError(message, hint=hint)


def _own_words(plan: LaunchPlan, op: Op, folder: Path, number: int) -> LaunchError | None:
    """The error of an operation that tells of more than itself."""
    if op.name == "FIND_PROGRAM":
        kept = (short_id(Path(str(item.args[4])).name) for item in plan.ops if item.name == "EXEC_IN")
        return _program(str(op.args[0]), number, next(kept, ""))
    if op.name == "WAIT_START" and number in _FULL:
        return records.unwritable(f"{folder}, or its pid file", number)
    if op.name == "CONSOLE_SOCKET" and not op.args[0]:
        return LaunchError(
            _NO_TERMINAL, hint="start it in one, or with process.terminal false; --console-socket takes it elsewhere"
        )
    if op.name in HOOKS:
        return _helper_words(folder) or _hook(op, number)
    if number == errno.ESRCH and any(item.name == "CONTAINER_FIND" for item in plan.ops):
        return LaunchError("cannot exec in a stopped container", hint="it has ended meanwhile")
    return None


def _words(plan_path: str, folder: Path, index: int, number: int) -> LaunchError:
    plan = decode(Path(plan_path).read_bytes())
    op = plan.ops[index] if index < len(plan.ops) else None
    if op is None or number == 0:
        return LaunchError("the container's first process was killed before it became the program")
    known = _own_words(plan, op, folder, number)
    if known is not None:
        return known
    root = _rootfs(folder)

    def read(path: str) -> bytes | None:
        from whit.runtime.rootview import RootView  # noqa: PLC0415 - only for a program that the kernel refuses

        return RootView(str(root)).read(path) if root else None

    machine = os.uname().machine
    error = explain(plan, index, number, read, MACHINES.get(machine, machine))
    if op.name == "EXEC":
        name = next((str(item.args[0]) for item in plan.ops if item.name == "FIND_PROGRAM"), str(op.args[0]))
        return LaunchError(f'exec: "{name}": {os.strerror(number).lower()}: {error.message}', hint=error.hint)
    if op.name == "CHANGE_DIRECTORY":
        error = LaunchError(error.message, hint=HINTS.get(number, error.hint))
    if BY_NAME[op.name].what and not error.hint:
        return LaunchError(f"{error.message} ({op.why})")
    return error


def _run_hooks(hooks: tuple[Hook, ...], before: str, pid: int, after: str) -> Iterator[str]:
    """Run each in its turn, and tell of those that fail."""
    for hook in hooks:
        try:
            done = subprocess.run(
                [*(hook.args or (hook.path,))],
                executable=hook.path,
                env=dict(item.partition("=")[::2] for item in hook.env),
                input=f"{before}{pid}{after}".encode(),
                timeout=hook.timeout,
                capture_output=True,
                check=False,
            )
            why = _ended(done.returncode) if done.returncode else ""
            said = done.stderr.decode(errors="replace").strip()
            why += f": {said}" if why and said else ""
        except subprocess.TimeoutExpired:
            why = "it took longer than its timeout"
        except (OSError, ValueError) as error:
            why = _not_started(hook.path, error.errno or 0) if isinstance(error, OSError) else str(error)
        if why:
            yield f"hook {hook.path}: {why}"


def _leave_scope(folder: Path, log: Log) -> None:
    if (folder / records.SCOPE).exists():
        from whit.runtime.oci.systemd import leave  # noqa: PLC0415 - for systemd's containers alone

        try:
            leave(folder)
        except WhitError as error:
            log.write("warning", error.message)


def _later_hooks(folder: Path, log: Log, *, stopped: bool) -> int:
    """A hook that fails is warned of, and the others still run; but a poststart hook's failure ends the container.

    OCI runtime-spec, runtime, "Lifecycle", steps 9 and 13: before version 1.3 a configuration may count on the container
    going on. The exit code.
    """
    from whit.runtime.oci.cli import complain  # noqa: PLC0415 - it imports this

    container = state.Container(folder.name, folder)
    spec = parse_spec((container.read(records.CONFIG) or "").encode())
    bundle = str(container.document.get("bundle"))
    before, after = hook_state(spec, container.name, bundle, "stopped" if stopped else "running")
    pid = 0 if stopped or container.process is None else container.process[0]
    for failure in _run_hooks(spec.hooks.poststop if stopped else spec.hooks.poststart, before, pid, after):
        if stopped or tuple(map(int, spec.version.split(".")[:2])) < _POSTSTART_FATAL:
            log.write("warning", failure)
            continue
        _end(container)
        complain(LaunchError(f"error running config.json's poststart {failure}", hint="the container was ended"), log)
        return 1
    return 0


def _end(container: state.Container) -> None:
    """Kill the first process, if it is still the one that is on record."""
    if container.process is None:
        return
    pid, started = container.process
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if state.start_time(pid) == started:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], END_SECONDS)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _help(verb: str, folder: Path, more: str = "") -> int:
    """Do a part of the launcher's that takes Python; the process that it is for is told on standard input, as to a hook."""
    try:
        pid = 0 if verb == "_unscope" else int(json.loads(sys.stdin.read())["pid"])
        if verb == "_netdevices":
            from whit.runtime.oci.netdevices import give_devices  # noqa: PLC0415 - seldom asked for

            give_devices(folder, pid)
        else:
            from whit.runtime.oci.systemd import helper  # noqa: PLC0415 - for systemd's containers alone

            helper(verb, folder, more, pid)
    except Exception as error:  # noqa: BLE001 - whoever waits for this tells of it
        told = as_whit_error(error)
        (folder / records.HELPER_ERROR).write_text(json.dumps([told.message, told.hint]))
        return 1
    return 0


def _explain_to_docker_users(error: LaunchError, plan: LaunchPlan, index: int, number: int) -> int:
    """Say why ``whit exec`` failed; docker's exit code: 127 for a program that isn't there, 126 for all else."""
    op = plan.ops[index].name if index < len(plan.ops) else ""
    if op == "CHANGE_DIRECTORY":
        error.hint = "choose a folder of the container's by --workdir"
    sys.stderr.write(in_words(error))
    missing = op in {"FIND_PROGRAM", "EXEC"} and number == errno.ENOENT
    return ExitCode.NOT_FOUND if missing else ExitCode.NOT_EXECUTABLE


def afterwards(words: list[str]) -> int:
    """Answer the launcher; the exit code."""
    from whit.runtime.oci.cli import complain  # noqa: PLC0415 - it imports this

    verb, *rest = words
    if verb in HELPERS:
        return _help(verb, Path(rest[0]), *rest[1:2])
    if verb == "_launch-failed":
        mode, folder_text, plan, path, form, index, number = rest
        folder, log = Path(folder_text), Log(path, form or "text")
        error = _words(plan, folder, int(index), int(number))
        if mode.startswith("exec-whit"):
            return _explain_to_docker_users(error, decode(Path(plan).read_bytes()), int(index), int(number))
        if not mode.startswith("exec"):
            container = state.Container(folder.name, folder)
            state.remove_cgroups(container)
            _leave_scope(folder, log)
            state.remove(container)
        complain(error, log)
        return 1
    folder, log = Path(rest[0]), Log(rest[1], rest[2] or "text")
    if verb == "_start-failed":
        complain(_words(str(folder / records.PLAN), folder, int(rest[3]), int(rest[4])), log)
        return 1
    if verb == "_poststart":
        return _later_hooks(folder, log, stopped=False)
    try:
        _later_hooks(folder, log, stopped=True)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with its records, the container can be deleted
        log.write("warning", f"the poststop hooks of container {folder.name}: {as_whit_error(error).message}")
    state.remove(state.Container(folder.name, folder))
    return 0
