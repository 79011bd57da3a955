"""RUN: its words, here-documents, mounts and environment → a step. Pure.

As BuildKit does it (dockerfile2llb/convert.go: dispatchRun; convert_runmount.go, convert_secrets.go).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.configuring import joined_path, with_shell
from whit.packer.buildfile.dockerfile.instructions import CommandLine
from whit.packer.buildfile.dockerfile.lexing import heredoc_of
from whit.packer.buildfile.dockerfile.mounts import MountKind, read_mount
from whit.packer.buildfile.dockerfile.plan import CONTEXT, EMPTY, PlannedMount, RunStep, Script
from whit.packer.buildfile.dockerfile.problems import DockerfileError, Fault
from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from whit.packer.buildfile.dockerfile.instructions import Run
    from whit.packer.buildfile.dockerfile.mounts import Mount
    from whit.packer.buildfile.dockerfile.plan import Origin
    from whit.packer.buildfile.dockerfile.state import StageState

SCRIPTS = "/dev/pipes"
"""Where a here-document that is a program of its own stands while it runs."""

SECRETS = "/run/secrets"
AGENT = "/run/buildkit/ssh_agent"
_HIDDEN = "****"


def add_run(state: StageState, run: Run) -> None:
    """One RUN. Raises Fault; UnsupportedError for ``--device``."""
    source = run.source
    if run.devices:
        raise UnsupportedError(f"{source.place}: RUN --device isn't honoured", hint="leave it out")
    mounts = tuple(read_mount(text, lambda word: state.expand(word, source.place)) for text in run.mounts)
    command, script, summary = _command(run.command)
    words = with_shell(state.run, command)
    created_by = f"RUN {_history(state, words)} # buildkit"
    hidden = {mount.env: _HIDDEN for mount in mounts if mount.kind is MountKind.SECRET and mount.env is not None}
    planned = _planned(state, run, mounts)
    state.steps.append(
        RunStep(
            source=source,
            title=state.title(source, is_raw=True, tail=summary, hidden=hidden),
            created_by=created_by,
            is_trigger=state.is_trigger,
            words=words,
            environment=tuple(f"{name}={value}" for name, value in state.variables.items()),
            proxies=state.around.proxies,
            directory=state.directory,
            user=state.run.user,
            mounts=planned,
            network=run.network,
            security=run.security,
            script=script,
        )
    )
    state.tell(created_by, has_layer=True)


def _command(command: CommandLine) -> tuple[CommandLine, Script | None, str]:
    """What is run, with its here-documents in it: alone it is a shell's script, or a program of its own."""
    if not command.heredocs:
        return command, None, ""
    first, (text,) = command.heredocs[0], command.words
    if heredoc_of(text) is None:
        # The shell knows best what to do with them.
        filled = "".join(f"\n{one.content}{one.name}" for one in command.heredocs)
        return CommandLine((text + filled,), for_shell=True), None, ""
    summary = f" ({_summary(first.content)})"
    if first.text.startswith("#!"):
        script = Script(joined_path(SCRIPTS, first.name), first.text)
        return CommandLine((script.path,), for_shell=True), script, summary
    return CommandLine((first.text,), for_shell=True), None, summary


def _summary(content: str) -> str:
    first, *more = content.strip().replace("\r\n", "\n").split("\n")
    return f"{first}..." if more else first


def _history(state: StageState, words: tuple[str, ...]) -> str:
    """The words, behind what ARG has set: ``|1 VERSION=2 /bin/sh -c make``."""
    args = [f"{name}={state.variables.get(name, value)}" for name, value in state.args.items()]
    return " ".join(([f"|{len(args)}", *args] if args else []) + list(words))


def _planned(state: StageState, run: Run, mounts: tuple[Mount, ...]) -> tuple[PlannedMount, ...]:
    planned: list[PlannedMount] = []
    agents = 0
    for mount, written in zip(mounts, run.mount_sources, strict=True):
        if mount.kind is MountKind.SECRET:
            planned.append(_secret(mount))
        elif mount.kind is MountKind.SSH:
            planned.append(_agent(mount, agents))
            agents += 1
        else:
            planned.append(_files(state, run, mount, written))
    return tuple(planned)


def _secret(mount: Mount) -> PlannedMount:
    name = mount.source or mount.id or posixpath.basename(mount.target.rstrip("/"))
    target = mount.target
    if not target and mount.env is None:
        target = f"{SECRETS}/{posixpath.basename(name.rstrip('/'))}"
    return PlannedMount(replace(mount, id=name, source=""), EMPTY, target)


def _agent(mount: Mount, number: int) -> PlannedMount:
    if mount.source:
        raise Fault("a mount of type ssh has no source", "id= names the agent")
    return PlannedMount(replace(mount, id=mount.id or "default"), EMPTY, mount.target or f"{AGENT}.{number}")


def _files(state: StageState, run: Run, mount: Mount, written: str) -> PlannedMount:
    place = run.source.place
    origin: Origin = EMPTY if mount.kind in (MountKind.CACHE, MountKind.TMPFS) else CONTEXT
    if written:
        found = state.around.graph.origin(written, place)
        state.around.graph.require_before(state.index, found, f"--mount=from={written}", place)
        origin = EMPTY if mount.kind is MountKind.TMPFS else found
    target = mount.target
    if not target.startswith("/"):
        target = joined_path("/", state.directory, target)
    if target == "/":
        raise DockerfileError(place, f"a mount can't have the target '{mount.target}'", "give it a folder: target=/src")
    if mount.kind is MountKind.CACHE and not mount.id:
        mount = replace(mount, id=posixpath.normpath(mount.target) if mount.target else ".")
    return PlannedMount(replace(mount, source=joined_path("/", mount.source)), origin, target)
