"""Another process in a container that runs: its plan, and the launcher, which this process becomes."""

from __future__ import annotations

import json
import os
import sys

from whit.packer.support.errors import InvalidFileError, LaunchError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.encode import decode, encode
from whit.runtime.machine import oci_launcher
from whit.runtime.model import Op
from whit.runtime.oci.compile import Lifecycle, compile_exec
from whit.runtime.oci.execute import running_container
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.lifecycle import Wish, process_ops
from whit.runtime.oci.linux import NAMESPACES, Namespace
from whit.runtime.oci.records import CONFIG, PLAN
from whit.runtime.oci.spec import parse_spec
from whit.runtime.oci.state import Container, Status

if TYPE_CHECKING:
    from typing import NoReturn

    from whit.runtime.engine.folder import Kept
    from whit.runtime.model import LaunchPlan
    from whit.runtime.oci.model import OciHost, Running
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec

MOST_TOLD = 1024
_FILES = {"network": "net", "mount": "mnt"}
"""Types of namespaces whose files in /proc are called otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """A container that runs, and what a further process in it is made from."""

    kept: Kept
    container: Container
    spec: Spec
    running: Running
    host: OciHost

    @property
    def process(self) -> Process:
        """The container's own."""
        if self.spec.process is None:
            raise InvalidFileError(f"container {self.kept.container.name}'s {CONFIG} has no process")
        return self.spec.process


def _joined(spec: Spec, pid: int) -> Spec:
    """With the namespaces that the container really has apart from us: its network is its supervisor's and in no config.json."""
    own = []
    for kind in NAMESPACES:
        name = _FILES.get(kind, kind)
        try:
            theirs, ours = (os.stat(f"/proc/{place}/ns/{name}").st_ino for place in (pid, "self"))  # noqa: PTH116
        except FileNotFoundError:
            continue
        if theirs != ours:
            own.append(Namespace(kind))
    return replace(spec, linux=replace(spec.linux, namespaces=tuple(own)))


def _not_running(kept: Kept) -> LaunchError:
    from whit.runtime.engine.ending import not_running  # noqa: PLC0415 - it needs all of the engine, and this little

    return not_running(kept)


def find_target(kept: Kept) -> Target:
    """The container, ready to be gone into. Raises :class:`LaunchError` for one that doesn't run or is paused."""
    name = kept.container.name
    if not kept.status.is_running:
        raise _not_running(kept)
    if kept.container.users:
        from whit.runtime.engine.within import go_in  # noqa: PLC0415 - it needs much, and root's containers none of it

        go_in(kept)
    container = Container(kept.container.id, kept.records / kept.container.id)
    status, _ = container.status()
    if status is Status.PAUSED:
        raise LaunchError(
            f"container {name} is paused, unpause the container before exec",
            hint=f"whit unpause {name}",
            exit_code=1,
        )
    if status is not Status.RUNNING:
        raise _not_running(kept)
    host = read_oci_host()
    running = running_container(container, host, {})
    spec = parse_spec((container.read(CONFIG) or "").encode("utf-8", "surrogateescape"), f"container {name}'s {CONFIG}")
    return Target(kept, container, _joined(spec, running.pid), running, host)


def own_filters(target: Target) -> tuple[Op, ...] | None:
    """The container's system call filter as it was compiled for it; None where it has to be compiled anew."""
    try:
        plan = decode((target.container.folder / PLAN).read_bytes())
    except (OSError, WhitError):
        return None
    return tuple(op for op in plan.ops if op.name == "SECCOMP_WITH") or None


def lifecycle_of(process: Process) -> Lifecycle:
    """The operations of a process that nothing waits for."""
    first, console, before = process_ops(process, Wish())
    return Lifecycle(first=first, console=console, before_exec=before)


def plan_of(target: Target, process: Process) -> LaunchPlan:
    """How it is started: in all namespaces and cgroups of the container's, behind the same filter."""
    lifecycle = replace(lifecycle_of(process), filters=own_filters(target))
    return compile_exec(process, target.spec, target.running, target.host, lifecycle).plan


def placed(
    target: Target, plan: LaunchPlan, words: tuple[str, ...], *, reads: bool, detached: bool, keys: str
) -> LaunchPlan:
    """The plan with what the launcher has to know of the container: where its records and events are, and what these tell."""
    places = str(target.container.folder), str(target.kept.folder)
    arguments = (places[0], int(reads), int(detached), keys, places[1], told(words))
    return replace(plan, ops=(Op("EXEC_IN", arguments, "the container that it is for"), *plan.ops))


def told(words: tuple[str, ...]) -> str:
    """A command as docker's events have it, between the quotation marks of JSON's text; not all of it, where it is very long."""
    command = f"{words[0]} {' '.join(words[1:])}"[:MOST_TOLD]
    return json.dumps(command.encode("utf-8", "replace").decode(), ensure_ascii=False)[1:-1]


def become(target: Target, plan: LaunchPlan, *, reads: bool, detached: bool, keys: str) -> NoReturn:
    """Become the launcher (runtime/launcher/oci_launch.c), which ends as the program does; ``detached``, once it runs."""
    if not reads:
        os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)
    descriptor = os.memfd_create("whit-plan", 0)
    os.write(descriptor, encode(plan))
    launcher, folder = oci_launcher(), str(target.container.folder)
    mode = "exec-whit-detached" if detached else "exec-whit"
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir("/")
    words = [launcher, "_launch", mode, folder, "", f"/proc/self/fd/{descriptor}", "", "text", keys]
    os.execv(launcher, words)  # noqa: S606 - no shell is wanted
