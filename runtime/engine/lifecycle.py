"""What is done with containers: started, stopped, removed, and given back what they had. The verbs are in runtime/commands."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from functools import partial

from whit.packer import durable
from whit.packer.errors import LaunchError, NotFoundError, UsageError
from whit.packer.jsondoc import canonical_json
from whit.packer.light import TYPE_CHECKING
from whit.runtime.engine import connecting, control, starting, within
from whit.runtime.engine.creating import network_path
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.happened import container_event, volumes_mounted, volumes_unmounted
from whit.runtime.engine.networks.managing import container_at
from whit.runtime.engine.supervision import encode_supervision, supervision_ops
from whit.runtime.machine import oci_launcher

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.starting import Served, Started

_SETTLE_S = 15.0
"""How long a supervisor may take to give back what its container had."""


def start(containers: Containers, kept: Kept, attach: str = "") -> Started:
    """Start a container that doesn't run, and wait until its program does; with ``--rm`` it is removed if that can't be. Raises :class:`LaunchError`."""
    try:
        return _start(containers, kept, attach)
    except starting.SupervisedError:
        raise
    except BaseException:
        if kept.container.remove:
            _remove_unstarted(containers, kept)
        raise


def _remove_unstarted(containers: Containers, kept: Kept) -> None:
    wait_for_supervisor(kept)
    with contextlib.suppress(NotFoundError), containers.locked(kept) as got:
        if got:
            discard(containers, kept)


def _start(containers: Containers, kept: Kept, attach: str) -> Started:
    container = kept.container
    if not kept.status.is_up:
        wait_for_supervisor(kept)
    with containers.locked(kept) as got:
        if got:
            clear(containers, kept)
    _write_settings(containers, kept)
    _join(containers, kept)
    joined = False

    with connecting.ends(container, partial(container_at, containers.root)) as ends:

        def connect(pid: int) -> Served:
            nonlocal joined
            joined = True
            _hand_over(kept, pid)
            served = connecting.attach(containers.root, container, ends, pid)
            volumes_mounted(containers.root, container)
            return served

        try:
            return starting.start(kept, connect, attach, ends.held)
        except BaseException:
            # Where another start was first, what the container has is that one's.
            if joined:
                give_back(containers, kept)
            raise


def _hand_over(kept: Kept, supervisor: int) -> None:
    if kept.container.secrets:
        from whit.runtime.engine.secretfiles import deliver  # noqa: PLC0415 - few containers have any

        deliver(kept, supervisor)


def _write_settings(containers: Containers, kept: Kept) -> None:
    """For its supervisor: whose network is another's has to know where that is now."""
    path = network_path(containers, kept.container)
    settings = encode_supervision(supervision_ops(kept.container, str(kept.folder), str(containers.records), path))
    place = kept.folder / "supervision"
    if place.read_bytes() != settings:
        durable.write_whole(place, settings)


def _join(containers: Containers, kept: Kept) -> None:
    """Write down where the namespaces are that are other containers': each start of theirs makes new ones."""
    if not kept.container.joins:
        return
    place = kept.folder / "bundle" / "config.json"
    configuration = json.loads(place.read_bytes())
    kinds = {kind for kind, _ in kept.container.joins}
    namespaces = [one for one in configuration["linux"]["namespaces"] if one["type"] not in kinds]
    for kind, name in kept.container.joins:
        other = containers.find(name)
        if not other.status.is_running:
            raise LaunchError(
                f"container {other.container.name}, whose {kind} namespace is to be joined, is not running",
                hint=f"start it first: whit start {other.container.name}",
            )
        namespaces.append({"type": kind, "path": f"/proc/{other.status.pid}/ns/{kind}"})
    configuration["linux"]["namespaces"] = namespaces
    durable.write_whole(place, canonical_json(configuration))


def clear(containers: Containers, kept: Kept) -> None:
    """What a supervisor that was killed with its second process has left: processes, cgroups, addresses.

    Whoever calls holds the container's lock, so that there is no supervisor.
    """
    if (kept.records / kept.container.id).exists():
        words = [oci_launcher(), "--root", str(kept.records), "delete", "--force", kept.container.id]
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        give_back(containers, kept)


def give_back(containers: Containers, kept: Kept) -> None:
    """Take the container out of its networks."""
    connecting.detach(containers.root, kept.container)


def wait_for_supervisor(kept: Kept) -> None:
    """Until what the container had is given back."""
    end = time.monotonic() + _SETTLE_S
    while kept.status.supervised and time.monotonic() < end:
        time.sleep(0.002)


def stop(kept: Kept, seconds: int | None = None, signal: int | None = None) -> None:
    """Stop it by its signal, and by SIGKILL after ``seconds`` (-1: never). Nothing happens to one that doesn't run."""
    seconds = kept.container.stop_seconds if seconds is None else seconds
    words = f"stop {seconds}" + (f" {signal}" if signal is not None else "")
    with contextlib.suppress(control.NotSupervisedError):
        control.ask(kept.folder, words)
        _happened(kept, "stop")
    wait_for_supervisor(kept)


def _happened(kept: Kept, action: str) -> None:
    container_event(kept.folder.parent.parent, kept.container, action)


def start_stopped(containers: Containers, kept: Kept) -> None:
    """Start it, unless it runs, or another command is first: that is no error, as with docker."""
    if kept.status.is_up:
        return
    with contextlib.suppress(starting.SupervisedError):
        start(containers, kept)


def restart(containers: Containers, kept: Kept, seconds: int | None = None, signal: int | None = None) -> None:
    """Stop it if it runs, and start it."""
    stop(kept, seconds, signal)
    start(containers, kept)
    _happened(kept, "restart")


def kill(kept: Kept, number: int) -> None:
    """Send a signal to its first process. Raises :class:`LaunchError` for one that doesn't run."""
    try:
        control.ask(kept.folder, f"kill {number}")
    except control.NotSupervisedError:
        raise not_running(kept) from None


def not_running(kept: Kept) -> LaunchError:
    """What is said of a container that should run and doesn't."""
    return LaunchError(
        f"container {kept.container.name} is not running", hint=f"whit start {kept.container.name}", exit_code=1
    )


def wait(kept: Kept) -> int:
    """Its exit code, once it has ended."""
    try:
        answer = control.ask(kept.folder, "wait")
    except control.NotSupervisedError:
        return kept.status.exit_code
    return int(answer)


def _runtime(kept: Kept, *words: str) -> None:
    """One command of whit-oci's. Raises :class:`LaunchError` in its words."""
    done = subprocess.run(
        [oci_launcher(), "--root", str(kept.records), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").splitlines() or ["whit-oci failed"]
        raise LaunchError(f"container {kept.container.name}: {said[0].partition(': ')[2] or said[0]}", exit_code=1)


def pause(kept: Kept) -> None:
    """Let its processes stand still."""
    if not kept.status.is_running:
        raise not_running(kept)
    within.check_cgroup(kept)
    _runtime(kept, "pause", kept.container.id)
    _happened(kept, "pause")


def unpause(kept: Kept) -> None:
    """Let its processes go on."""
    if not kept.status.is_running:
        raise not_running(kept)
    _runtime(kept, "resume", kept.container.id)
    _happened(kept, "unpause")


def remove(containers: Containers, kept: Kept, *, force: bool = False, volumes: bool = False) -> None:
    """Remove a container, with its anonymous ``volumes`` if wanted. Raises :class:`UsageError` for one that runs, unless ``force``."""
    name, status = kept.container.name, kept.status
    if status.is_up and not force:
        raise UsageError(
            f"container {name} is {status.state.value}",
            hint=f"stop it first: whit stop {name}; or whit rm --force {name}",
        )
    # One that has ended may still wait for room for its log.
    if status.is_up or (force and status.supervised):
        stop(kept, 0)
    wait_for_supervisor(kept)
    with containers.locked(kept) as got:
        if not got:
            raise LaunchError(f"container {name} is being started by another command", hint="try again", exit_code=1)
        clear(containers, kept)
        give_back(containers, kept)
        within.empty(kept)
        containers.remove(kept.container.id, name)
    if volumes:
        _forget_volumes(containers, kept)


def ended(folder: Path) -> None:
    """What a supervisor has done at the end: networks left, and with ``--rm`` the container removed."""
    containers = Containers(folder.parent.parent)
    kept = containers.read(folder.name)
    give_back(containers, kept)
    volumes_unmounted(containers.root, kept.container)
    if kept.container.remove:
        containers.remove(kept.container.id, kept.container.name)
        _forget_volumes(containers, kept)


def _forget_volumes(containers: Containers, kept: Kept) -> None:
    """Those that were made for it alone and that no other container has taken over."""
    if any(mount.is_anonymous for mount in kept.container.mounts):
        from whit.runtime.engine.volumes import Volumes, anonymous_in  # noqa: PLC0415 - most containers have none

        Volumes(containers.root).forget(anonymous_in(kept), containers.list)


def discard(containers: Containers, kept: Kept) -> None:
    """A container that was made just now and isn't wanted after all."""
    containers.remove(kept.container.id, kept.container.name)
    _forget_volumes(containers, kept)
