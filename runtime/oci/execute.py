"""``exec``: another process in a container that runs."""

from __future__ import annotations

import os
from pathlib import Path

from whit.packer.support.errors import InvalidFileError, LaunchError, UsageError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.capabilities import NAMES, parse_capability
from whit.runtime.encode import encode
from whit.runtime.machine import unified_cgroup
from whit.runtime.oci.arguments import container_id
from whit.runtime.oci.compile import Lifecycle, compile_exec
from whit.runtime.oci.create import launch
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.lifecycle import Wish, agent_state, hook_state, process_ops
from whit.runtime.oci.model import Cgroup, Running
from whit.runtime.oci.process import CapabilitySets, Process, User
from whit.runtime.oci.records import CONFIG, SCOPE, read_regular
from whit.runtime.oci.spec import parse_process, parse_spec
from whit.runtime.oci.state import Container, Status, find, root_of
from whit.runtime.oci.subcgroup import below, check, wanted

if TYPE_CHECKING:
    from typing import NoReturn

    from whit.runtime.oci.arguments import Call, Options
    from whit.runtime.oci.log import Log
    from whit.runtime.oci.model import Folders, OciHost
    from whit.runtime.oci.spec import Spec
    from whit.runtime.oci.subcgroup import Wanted

MAX_NUMBER = (1 << 32) - 2


def _number(text: str, option: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MAX_NUMBER:
        raise UsageError(f"--{option}: '{text}' is no user or group number")
    return int(text)


def _user(options: Options, user: User) -> User:
    if options.flag("user"):
        uid, colon, gid = options.text("user").partition(":")
        user = replace(user, uid=_number(uid, "user"), gid=_number(gid, "user") if colon else user.gid)
    more = tuple(_number(text, "additional-gids") for text in options.all("additional-gids"))
    return replace(user, additional_gids=user.additional_gids + more)


def _capabilities(options: Options, sets: CapabilitySets | None) -> CapabilitySets | None:
    added = 0
    for text in options.all("cap"):
        added |= 1 << NAMES.index(parse_capability(text))
    if not added:
        return sets
    sets = sets or CapabilitySets()
    # As runc's: not in the ambient set unless what is inheritable has it.
    return replace(
        sets, bounding=sets.bounding | added, effective=sets.effective | added, permitted=sets.permitted | added
    )


def _environment(own: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    """What is given wins over the container's own of the same name; programs would take whichever stands first."""
    last = {item.partition("=")[0]: item for item in given}
    return (*(item for item in own if item.partition("=")[0] not in last), *last.values())


def changed(process: Process, options: Options, arguments: tuple[str, ...]) -> Process:
    """The container's process with what ``exec``'s own command line says instead (runc-exec(8))."""
    cwd = options.text("cwd") or process.cwd
    if not cwd.startswith("/"):
        raise UsageError(f"--cwd: '{cwd}' is not an absolute path", hint="give the folder's path in the container")
    return replace(
        process,
        args=arguments,
        terminal=options.flag("tty"),
        console_size=None,
        cwd=cwd,
        env=_environment(process.env, options.all("env")),
        user=_user(options, process.user),
        capabilities=_capabilities(options, process.capabilities),
        no_new_privileges=process.no_new_privileges or options.flag("no-new-privs"),
        apparmor_profile=options.text("apparmor") or process.apparmor_profile,
        selinux_label=options.text("process-label") or process.selinux_label,
    )


def _process(call: Call, spec: Spec, log: Log) -> Process:
    path = call.options.path("process")
    if path:
        try:
            process, warnings = parse_process(read_regular(path))
        except FileNotFoundError:
            raise InvalidFileError(f"there is no {path}", hint="--process wants a file") from None
        for warning in warnings:
            log.write("warning", warning)
        return process
    if len(call.words) < 2:  # noqa: PLR2004 - the container and a command
        raise UsageError("exec needs a container ID and a command", hint="whit-oci exec [OPTIONS] ID COMMAND …")
    if spec.process is None:
        raise UsageError("the container's config.json has no process", hint="give one by --process")
    return changed(spec.process, call.options, call.words[1:])


def _entrance(folder: Path, pid: int, mount: str) -> str:
    """Where on cgroup v2 a process can go in: where the first one is, if the container's own cgroup hands controllers down.

    Then no process may be in that itself (cgroup-v2.rst, "No Internal Process Constraint").
    """
    if not (folder / "cgroup.subtree_control").read_text().strip():
        return str(folder)
    try:
        inner = Path(mount, unified_cgroup(Path(f"/proc/{pid}/cgroup").read_text()))
    except (FileNotFoundError, ProcessLookupError):
        raise LaunchError("cannot exec in a stopped container", hint="it has ended meanwhile") from None
    return str(inner if inner.is_relative_to(folder) else folder)


def _folders(container: Container, pid: int, asked: Wanted, host: OciHost) -> Folders:
    """Where the process goes: beside the first one, or where ``--cgroup`` says."""
    if asked:
        own = tuple(
            (() if names == "unified" else tuple(names.split(",")), str(path)) for names, path in container.cgroups
        )
        chosen = below(own, asked)
        check(chosen)
        return chosen
    return tuple(
        ((), _entrance(path, pid, host.unified)) if names == "unified" else (tuple(names.split(",")), str(path))
        for names, path in container.cgroups
    )


def running_container(container: Container, host: OciHost, asked: Wanted, *, ignore_paused: bool = False) -> Running:
    """What a further process goes into; ``asked`` are cgroups below the container's own. Raises :class:`LaunchError`."""
    process = container.process
    status, pid = container.status()
    if process is None or status in {Status.STOPPED, Status.CREATING}:
        raise LaunchError("cannot exec in a stopped container", hint=f"it is {status}")
    if status is Status.PAUSED and not ignore_paused:
        raise LaunchError("cannot exec in a paused container (use --ignore-paused to override)")
    return Running(*process, Cgroup(_folders(container, pid, asked, host)))


def execute(call: Call, log: Log) -> NoReturn:
    """``exec``; without ``--detach`` this process stays until the other one ends, and ends as it did."""
    if not call.words:
        raise UsageError("exec needs a container ID", hint="whit-oci exec [OPTIONS] ID COMMAND …")
    container = find(root_of(call), container_id(call.words[0]))
    host = read_oci_host()
    asked = wanted(call.options.all("cgroup"))
    running = running_container(container, host, asked, ignore_paused=call.options.flag("ignore-paused"))
    spec = parse_spec((container.read(CONFIG) or "").encode(), f"container {container.name}'s {CONFIG}")
    process = _process(call, spec, log)
    detached = call.options.flag("detach")
    if process.terminal and detached and not call.options.text("console-socket"):
        raise UsageError("a detached process's terminal needs somebody to take it", hint="--console-socket")
    wish = Wish(
        console_socket=call.options.path("console-socket"),
        preserved=call.options.number("preserve-fds"),
        pidfd_socket=call.options.path("pidfd-socket"),
    )
    first, console, before = process_ops(process, wish)
    state = hook_state(spec, container.name, str(container.document.get("bundle")), "running")
    lifecycle = Lifecycle(first=first, console=console, before_exec=before, state=agent_state(spec, state, running.pid))
    if (container.folder / SCOPE).exists() and os.geteuid() != 0:
        from whit.runtime.oci.systemd import attaching  # noqa: PLC0415 - for systemd's containers alone

        lifecycle = replace(lifecycle, scope=attaching(container.folder, asked.get("", "")))
    compiled = compile_exec(process, spec, running, host, lifecycle)
    for warning in compiled.warnings:
        log.write("warning", warning)
    descriptor = os.memfd_create("whit-plan", 0)
    os.write(descriptor, encode(compiled.plan))
    mode = "exec-detached" if detached else "exec"
    launch(mode, str(container.folder), f"/proc/self/fd/{descriptor}", call, str(container.folder))
