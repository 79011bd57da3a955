"""How containers are started, and stand still for a while. How they end is in ending.py, the verbs in runtime/commands and runtime/verbs."""

from __future__ import annotations

import contextlib

from whit.packer.support import durable
from whit.packer.support.errors import LaunchError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import connecting, starting
from whit.runtime.engine.ending import clear, discard, give_back, not_running, stop, wait_for_supervisor
from whit.runtime.engine.happened import container_event, volumes_mounted
from whit.runtime.engine.model import CONTAINER, HOST
from whit.runtime.engine.status import State
from whit.runtime.engine.supervision import encode_supervision, supervision_ops

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.starting import Served, Started


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

    with connecting.ends(containers.root, container) as ends:

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
    path = _network_path(containers, kept.container)
    settings = encode_supervision(supervision_ops(kept.container, str(kept.folder), str(containers.records), path))
    place = kept.folder / "supervision"
    if place.read_bytes() != settings:
        durable.write_whole(place, settings)


def _network_path(containers: Containers, container: Container) -> str | None:
    """What the supervisor is told of the network: a namespace to join, empty for a new one, None for the host's."""
    if container.network == HOST:
        return None
    if not container.network.startswith(CONTAINER):
        return ""
    other = containers.find(container.network.removeprefix(CONTAINER))
    status = other.status
    if not status.is_running:
        raise UsageError(f"container {other.container.name}, whose network is to be joined, is not running")
    return f"/proc/{status.pid}/ns/net"


def _join(containers: Containers, kept: Kept) -> None:
    """Write down where the namespaces are that are other containers': each start of theirs makes new ones."""
    if not kept.container.joins:
        return
    place = kept.folder / "bundle" / "config.json"
    import json  # noqa: PLC0415 - few containers join others

    from whit.packer.support.jsondoc import canonical_json  # noqa: PLC0415

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
    _record(kept, "restart")


def _runtime(kept: Kept, *words: str) -> None:
    """One command of whit-oci's. Raises :class:`LaunchError` in its words."""
    import subprocess  # noqa: PLC0415 - who starts a container needs none of this

    from whit.runtime.machine import oci_launcher  # noqa: PLC0415

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
    from whit.runtime.engine import within  # noqa: PLC0415 - of use for this alone

    within.check_cgroup(kept)
    if kept.status.state is State.PAUSED:
        raise _as_it_was(kept, "is paused already", "unpause")
    _runtime(kept, "pause", kept.container.id)
    _record(kept, "pause")


def unpause(kept: Kept) -> None:
    """Let its processes go on."""
    if not kept.status.is_running:
        raise not_running(kept)
    from whit.runtime.engine import within  # noqa: PLC0415 - of use for this alone

    within.check_cgroup(kept)
    if kept.status.state is not State.PAUSED:
        raise _as_it_was(kept, "is not paused", "pause")
    _runtime(kept, "resume", kept.container.id)
    _record(kept, "unpause")


def _as_it_was(kept: Kept, how: str, other: str) -> LaunchError:
    name = kept.container.name
    return LaunchError(f"container {name} {how}", hint=f"whit {other} {name}", exit_code=1)


def _record(kept: Kept, action: str) -> None:
    container_event(kept.folder.parent.parent, kept.container, action)
