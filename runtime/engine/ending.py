"""How containers end: they are stopped, killed, waited for, removed, and give back what they had. Starting them is in lifecycle.py."""

from __future__ import annotations

import contextlib
import time

from whit.packer.support.errors import LaunchError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import control
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.happened import container_event, volumes_unmounted
from whit.runtime.engine.networks.members import is_placed
from whit.runtime.engine.status import is_supervised

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.engine.folder import Kept

_SIGKILL = 9
_SETTLE_S = 15.0
"""How long a supervisor may take to give back what its container had."""


def clear(containers: Containers, kept: Kept) -> None:
    """What a supervisor that was killed with its second process has left: processes, cgroups, addresses.

    Whoever calls holds the container's lock, so that there is no supervisor.
    """
    if (kept.records / kept.container.id).exists():
        import subprocess  # noqa: PLC0415 - after a kill -9 of both alone

        from whit.runtime.machine import oci_launcher  # noqa: PLC0415

        words = [oci_launcher(), "--root", str(kept.records), "delete", "--force", kept.container.id]
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        give_back(containers, kept)


def give_back(containers: Containers, kept: Kept) -> None:
    """Take the container out of its networks."""
    if kept.container.has_own_network and is_placed(containers.root, kept.container.id):
        from whit.runtime.engine import connecting  # noqa: PLC0415 - most that are removed were taken out when they ended

        connecting.detach(containers.root, kept.container)


def wait_for_supervisor(kept: Kept) -> None:
    """Until what the container had is given back."""
    end = time.monotonic() + _SETTLE_S
    while is_supervised(kept.folder) and time.monotonic() < end:
        time.sleep(0.002)


def stop(kept: Kept, seconds: int | None = None, signal: int | None = None) -> None:
    """Stop it by its signal, and by SIGKILL after ``seconds`` (-1: never). Nothing happens to one that doesn't run."""
    if stop_for_good(kept, seconds, signal) and not kept.container.remove:
        containers = Containers(kept.folder.parent.parent)
        with contextlib.suppress(NotFoundError), containers.locked(kept) as got:
            # Where another command starts it again, what it has is that one's.
            if got:
                give_back(containers, kept)


def stop_for_good(kept: Kept, seconds: int | None = None, signal: int | None = None) -> bool:
    """As :func:`stop`, for who removes it next: it is left to :func:`remove` to give back what it had. Whether it ran.

    A supervisor that needn't do that itself starts no Python for it; it does if whoever asks is killed meanwhile.
    """
    seconds = kept.container.stop_seconds if seconds is None else seconds
    signal = kept.container.stop_signal if signal is None else signal
    try:
        control.ask(kept.folder, f"stop {seconds} {signal} mine")
    except control.NotSupervisedError:
        wait_for_supervisor(kept)
        return False
    root = kept.folder.parent.parent
    container_event(root, kept.container, "stop")
    if not kept.container.remove:
        volumes_unmounted(root, kept.container)
    wait_for_supervisor(kept)
    return True


def _end(kept: Kept) -> None:
    """By SIGKILL at once, not to be started again: as docker ends what is removed, of which no event tells that it was stopped."""
    with contextlib.suppress(control.NotSupervisedError):
        control.ask(kept.folder, f"stop 0 {_SIGKILL}")


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
        _end(kept)
    wait_for_supervisor(kept)
    with containers.locked(kept) as got:
        if not got:
            raise LaunchError(f"container {name} is being started by another command", hint="try again", exit_code=1)
        clear(containers, kept)
        give_back(containers, kept)
        if kept.container.users:
            from whit.runtime.engine import within  # noqa: PLC0415 - root's have none

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
