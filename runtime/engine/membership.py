"""A container's networks, changed after it was made: in its description, and where it runs in the kernel.

Whatever is killed on the way, the container is in what its description says from its next start on, and the same command
again does what is left to do.
"""

from __future__ import annotations

import time

from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine import control
from whit.runtime.engine.networks import attaching, managing
from whit.runtime.engine.networks.joining import checked
from whit.runtime.engine.networks.members import read_member
from whit.runtime.engine.networks.model import DEFAULT, PREDEFINED
from whit.runtime.engine.networks.pool import check_wish
from whit.runtime.engine.status import State

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.attaching import Attached
    from whit.runtime.engine.networks.model import Joining

_START_S = 30.0
"""How long a start may take until it is known what became of it."""


def connect(containers: Containers, kept: Kept, wish: Joining) -> Attached | None:
    """Put a container into one network more, now if it runs and whenever it starts. Raises :class:`WhitError`.

    It is on record last: as long as it isn't, the same again does all of it anew.
    """
    network = managing.find(containers.root, wish.network)
    wish = checked(replace(wish, network=network.name))
    if network.device:
        check_wish(network, wish)
    with containers.changing(kept) as now:
        _check(now.container, network.name)
        if wish.network in now.container.network_names:
            raise UsageError(
                f"container {now.container.name} is in the network {wish.network} already",
                hint=f"to change how: whit network disconnect {wish.network} {now.container.name}",
            )
        attached = _connect_running(containers, now, wish)
        changed = replace(now.container, networks=(*now.container.networks, wish))
        kept = containers.replace(now, changed)
        # It may have been started in between, and known nothing of it.
        return attached or _connect_running(containers, kept, wish)


def _connect_running(containers: Containers, kept: Kept, wish: Joining) -> Attached | None:
    supervisor, container = _supervisor(kept), kept.container
    member = read_member(containers.root, container.id) if supervisor else None
    if member is None or (member.at(wish.network) and wish in container.networks):
        return None
    return attaching.connect(containers.root, container.id, wish, supervisor)


def disconnect(containers: Containers, kept: Kept, wanted: str, *, force: bool = False) -> None:
    """Take a container out of a network, now if it runs and for ever. Raises :class:`UsageError` where it isn't in it, unless ``force``."""
    with containers.changing(kept) as now:
        networks = now.container.networks
        name = wanted if any(one.network == wanted for one in networks) else managing.find(containers.root, wanted).name
        _check(now.container, name)
        left = tuple(one for one in networks if one.network != name)
        if left != networks:
            containers.replace(now, replace(now.container, networks=left))
    was_in = attaching.disconnect(containers.root, kept.container.id, name, _supervisor(kept) or None)
    if not (was_in or left != networks or force):
        raise UsageError(
            f"container {kept.container.name} isn't in the network {name}",
            hint=f"whit network inspect {name} lists who is",
        )


def rename(containers: Containers, kept: Kept, name: str) -> None:
    """Give a container another name, by which its neighbours know it at once."""
    renamed = containers.rename(kept, name)
    if renamed.container.has_own_network and not renamed.container.users and _supervisor(renamed):
        attaching.rename(containers.root, renamed.container.id, name)


def _check(container: Container, network: str) -> None:
    if network in set(PREDEFINED) - {DEFAULT}:
        raise UsageError(
            f"{network} is no network that a container can join or leave", hint=f"whit run --network {network}"
        )
    if container.users:
        raise UsageError("only root can make networks, and connect containers to them")
    if not container.has_own_network:
        raise UsageError(
            f"container {container.name} was made with --network {container.network}, and can be in no other network",
            hint="make it anew: whit create --network",
        )


def _supervisor(kept: Kept) -> int:
    """Its supervisor's process once its start is over; 0 where it doesn't run."""
    end = time.monotonic() + _START_S
    while (status := kept.status).supervised and status.state is State.CREATED:
        if time.monotonic() > end:
            raise WhitError(f"container {kept.container.name} is being started, and that doesn't end", hint="try again")
        time.sleep(0.002)
    try:
        return control.supervisor_of(kept.folder) if status.is_up else 0
    except control.NotSupervisedError:
        return 0
