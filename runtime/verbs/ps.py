"""Listing containers, in docker's columns."""

from __future__ import annotations

import time

from whit.packer.showing.console import say, show
from whit.packer.store.places import private_place
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import columns
from whit.runtime.engine.networks.members import read_member
from whit.runtime.engine.reading import ids, read_some, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.engine.columns import Listed
    from whit.runtime.engine.filtering import Filters
    from whit.runtime.engine.model import Container
    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.status import Status


def ps(
    *,
    everything: bool = False,
    quiet: bool = False,
    last: int | None = None,
    size: bool = False,
    filters: tuple[str, ...] = (),
    no_trunc: bool = False,
    form: str | None = None,
) -> None:
    """List those that run, or ``everything``, or the ``last`` ones; as whit.runtime.commands.ps says."""
    root = private_place()
    wanted = _filters(root, filters)
    found = _found(root, everything=everything or last is not None or bool(wanted and wanted.looks_further))
    now, size_of = time.time_ns(), _sizes(root) if size else None
    listed = []
    for container, status in found if last is None else found[: max(last, 0)]:
        ports = _published(root, container) if status.is_running else ()
        if wanted is None or wanted.takes(container, status, ports):
            used = size_of(container) if size_of else ""
            listed.append(columns.Listed(container, status, ports, now, no_trunc, used))
    if quiet:
        for one in listed:
            say(columns.COLUMNS["ID"](one))
    else:
        show(_shown(listed, columns.WITH_SIZE if size else columns.USUAL, form))


def _found(root: str, *, everything: bool) -> list[tuple[Container, Status]]:
    """The newest first. What doesn't run isn't even read where it isn't asked for."""
    known = {container_id: status_of(root, container_id) for container_id in ids(root)}
    shown = [container_id for container_id, status in known.items() if everything or status.is_up]
    return [(container, known[container.id]) for container in read_some(root, shown)]


def _shown(listed: list[Listed], fields: tuple[str, ...], form: str | None) -> str:
    if form is None:
        return columns.shown_table(listed, fields)
    from whit.packer.template import render_rows  # noqa: PLC0415 - who asks for no form needs none of it

    usual = columns.table(fields)
    return render_rows(form or usual, map(columns.row, listed), columns.HEADERS, columns.METHODS, usual=usual)


def _filters(root: str, texts: tuple[str, ...]) -> Filters | None:
    if not texts:
        return None
    from whit.runtime.engine.filtering import parse_filters  # noqa: PLC0415 - of use for these alone

    return parse_filters(_by_name(root, text) for text in texts)


def _by_name(root: str, text: str) -> str:
    """``network=ID`` as ``network=NAME``; one that isn't there, or isn't there any more, has a name too."""
    key, _, value = text.partition("=")
    if key != "network":
        return text
    from pathlib import Path  # noqa: PLC0415 - as above

    from whit.packer.support.errors import NotFoundError  # noqa: PLC0415
    from whit.runtime.engine.networks.managing import find  # noqa: PLC0415

    try:
        return f"network={find(Path(root), value).name}"
    except NotFoundError:
        return text


def _published(root: str, container: Container) -> tuple[PortMapping, ...]:
    """With the host's ports that were free where any would do."""
    member = read_member(root, container.id)
    return member.ports if member else ()


def _sizes(root: str) -> Callable[[Container], str]:
    from pathlib import Path  # noqa: PLC0415 - sizes are rarely asked for

    from whit.runtime.engine.folder import Containers, Kept  # noqa: PLC0415

    known = Containers(Path(root))
    return lambda container: known.size_text(Kept(container, known.at(container.id)))
