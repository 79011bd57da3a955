"""``pre_start``: containers that run to their end, one after the other, before a service's own are started.

Each is a container by itself, with the network and what else the service has, its own keys over them, and the volumes of the service's first
container (compose-spec, 05-services.md, ``pre_start``). One that fails is left to be looked at; the next ``up`` removes it, and ``down``.
"""

from __future__ import annotations

from whit.packer.support.errors import LaunchError, NotFoundError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose import labels
from whit.runtime.compose.project import Condition
from whit.runtime.compose.running.acting import wait_for
from whit.runtime.compose.values import telling
from whit.runtime.compose.wishing import Place, wishes_of
from whit.runtime.engine import creating, ending, lifecycle
from whit.runtime.engine.asked import HealthWords
from whit.runtime.engine.loglines import Wish
from whit.runtime.engine.logs import show_log
from whit.runtime.engine.model import Policy, Restart

if TYPE_CHECKING:
    import threading

    from whit.packer.store.store import Store
    from whit.runtime.compose.project import Service
    from whit.runtime.compose.running.acting import Making
    from whit.runtime.engine.creating import Wishes
    from whit.runtime.engine.folder import Containers, Kept

_HOOK = "pre_start"


def prepare(
    store: Store, making: Making, containers: Containers, service: Service, lender: Kept, left: threading.Event
) -> None:
    """Run a service's ``pre_start``; ``lender`` is the container whose volumes they have. Raises :class:`WhitError` with the place of one that fails."""
    names = [f"{making.project.name}-{service.name}-{_HOOK}-{number}" for number in range(len(service.hooks))]
    for name in names:
        _remove(containers, name)
    for number, (name, hook) in enumerate(zip(names, service.hooks, strict=True)):
        with telling(making.where, ("services", service.name, _HOOK, number), is_file=False):
            _run(containers, _make(store, making, hook, name, lender, number), left)


def _remove(containers: Containers, name: str) -> None:
    try:
        ending.remove(containers, containers.find(name), force=True, volumes=True)
    except NotFoundError:
        return


def _make(store: Store, making: Making, hook: Service, name: str, lender: Kept, number: int) -> Kept:
    project = making.project
    own = labels.service_labels(project, hook, 0)
    own |= {labels.HOOK: _HOOK, labels.HOOK_INDEX: str(number)}
    # It is none of the service's own: these are found by both.
    del own[labels.NUMBER], own[labels.ONEOFF]
    place = Place(name, 1, tuple(own.items()), lambda other: project.container_name(other, 1), making.contents.sources)
    words, wishes = wishes_of(project, hook, place)
    return creating.create(words, _wishes(wishes, project.services[hook.name], lender), store)


def _wishes(wishes: Wishes, service: Service, lender: Kept) -> Wishes:
    """Nobody finds it by the service's name, and the service's own addresses are left for the service."""
    addresses = {
        use.get(key)
        for use in service.networks.values()
        if use
        for key in ("ipv4_address", "ipv6_address", "mac_address")
    }
    addresses.add(service.values.get("mac_address"))
    networks = tuple(
        replace(
            one,
            aliases=(),
            address=None if one.address in addresses else one.address,
            address6=None if one.address6 in addresses else one.address6,
            mac=None if one.mac in addresses else one.mac,
        )
        for one in wishes.networks
    )
    return replace(
        wishes,
        restart=Restart(Policy.NO),
        health=HealthWords(off=True),
        networks=networks,
        volumes_from=(*wishes.volumes_from, (lender.container.id, None)),
    )


def _run(containers: Containers, kept: Kept, left: threading.Event) -> None:
    lifecycle.start(containers, kept)
    try:
        wait_for(kept, Condition.COMPLETED, left)
    except LaunchError:
        name = kept.container.name
        line = _last_line(kept)
        said = f"ended with {kept.status.exit_code}{': ' if line else ''}{line}"
        raise LaunchError(said, hint=f"whit logs {name} shows what it wrote", exit_code=1) from None
    ending.remove(containers, kept, force=True, volumes=True)


def _last_line(kept: Kept) -> str:
    found: list[bytes] = []
    show_log(kept.folder, Wish(b"", b"", timestamps=False), lambda _, data: found.append(data), tail=1, together=True)
    return b"".join(found).decode("utf-8", "replace").strip()[:200]
