"""A project's containers, and all projects, as docker compose lists them."""

from __future__ import annotations

import json
import time

from whit.packer.showing.console import print_json, say, show
from whit.packer.showing.tabular import aligned
from whit.packer.store.places import private_root
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose import labels
from whit.runtime.engine import columns
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.reading import ids, read_some, status_of
from whit.runtime.engine.status import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whit.runtime.compose.running.session import Session
    from whit.runtime.engine.columns import Listed

_STATES = tuple(state.value for state in State)
_PS = ("NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show columns, as wide as what is in them."""
    show(aligned("\n".join(["\t".join(headers), *("\t".join(row) for row in rows), ""])))


def list_containers(
    session: Session, states: tuple[str, ...], what: str, *, everything: bool, whole: bool, orphans: bool
) -> None:
    """In a ``table``, as a ``document``, ``ids``, ``services``, or by a template, of which ``json`` is one."""
    for state in states:
        if state not in _STATES:
            raise UsageError(f"there is no state {state}", hint=", ".join(_STATES))
    found = [
        (service, listed)
        for service, listed in _listed(session, whole=whole, orphans=orphans, oneoff=everything)
        if (listed.status.state.value in states if states else everything or listed.status.is_up)
    ]
    found.sort(key=lambda pair: pair[1].container.name)
    if what == "ids":
        for _, listed in found:
            say(listed.container.id)
    elif what == "services":
        for name in dict.fromkeys(service for service, _ in found):
            say(name)
    elif what == "document":
        print_json({"schema": "whit-compose-ps/1", "containers": [_document(*pair) for pair in found]})
    elif what == "table":
        table(_PS, (_row(*pair) for pair in found))
    else:
        _by_template(what, found)


def _listed(session: Session, *, whole: bool, orphans: bool, oneoff: bool) -> Iterator[tuple[str, Listed]]:
    view, known, now = session.look(), Containers(session.root), time.time_ns()
    for one in session.chosen_of(view, oneoff=oneoff):
        kept = view.kept[one.id]
        if labels.HOOK in dict(kept.container.labels):
            continue
        if orphans or session.loaded is None or one.service in session.loaded.project.services:
            status = kept.status
            ports = known.published(kept) if status.is_running else ()
            yield one.service, columns.Listed(kept.container, status, ports, now, whole)


def _row(service: str, one: Listed) -> tuple[str, ...]:
    column = columns.COLUMNS
    names = ("Names", "Image", "Command")
    return (
        *(column[name](one) for name in names), service, *(column[name](one) for name in ("RunningFor", "Status", "Ports")),
    )  # fmt: skip


def _document(service: str, one: Listed) -> dict[str, object]:
    status = one.status
    return {
        "id": one.container.id,
        "name": one.container.name,
        "service": service,
        "project": dict(one.container.labels).get(labels.PROJECT, ""),
        "image": one.container.image,
        "command": columns.command_text(one.container.command),
        "state": status.state.value,
        "status": columns.status_text(status, one.now),
        "health": status.health.value,
        "exit_code": status.exit_code,
        "created": one.container.created,
        "ports": [
            {
                "address": port.host_address,
                "published": port.host_port,
                "target": port.container_port,
                "protocol": port.protocol.value,
            }
            for port in one.ports
        ],
    }


def _by_template(form: str, found: list[tuple[str, Listed]]) -> None:
    """Docker's ``--format``: ``json`` is a document a line."""
    from whit.packer.template import render_rows  # noqa: PLC0415 - few ask for one

    headers = {
        **columns.HEADERS,
        "Names": "NAME",
        "Name": "NAME",
        "Service": "SERVICE",
        "Project": "PROJECT",
        "ExitCode": "EXIT CODE",
        "Health": "HEALTH",
    }
    rows = [
        {**columns.row(one), "Name": one.container.name, "Service": service, "ExitCode": one.status.exit_code,
         "Project": dict(one.container.labels).get(labels.PROJECT, ""), "Publishers": _publishers(one), "Health": columns.COLUMNS["HealthStatus"](one).replace("none", "")}
        for service, one in found
    ]  # fmt: skip
    show(render_rows(form, rows, headers, columns.METHODS))


def _publishers(one: Listed) -> list[dict[str, object]]:
    """Its ports by docker compose's names."""
    return [
        {
            "URL": port.host_address,
            "TargetPort": port.container_port,
            "PublishedPort": port.host_port,
            "Protocol": port.protocol.value,
        }
        for port in one.ports
    ]


def list_projects(what: str, starts: tuple[str, ...], *, everything: bool) -> None:
    """NAME, STATUS, CONFIG FILES."""
    root = str(private_root())
    found: dict[str, dict[str, int]] = {}
    files: dict[str, str] = {}
    for container in read_some(root, ids(root)):
        values = dict(container.labels)
        name = values.get(labels.PROJECT)
        if name is None or (starts and not name.startswith(starts)):
            continue
        state = status_of(root, container.id).state.value
        counts = found.setdefault(name, {})
        counts[state] = counts.get(state, 0) + 1
        files.setdefault(name, values.get(labels.FILES, ""))
    shown = [name for name in sorted(found) if everything or found[name].keys() & {"running", "paused", "restarting"}]
    texts = {name: ", ".join(f"{state}({count})" for state, count in sorted(found[name].items())) for name in shown}
    if what == "names":
        for name in shown:
            say(name)
    elif what == "json":
        say(json.dumps([{"Name": name, "Status": texts[name], "ConfigFiles": files[name]} for name in shown]))
    elif what == "document":
        projects = [{"name": name, "containers": found[name], "files": files[name].split(",")} for name in shown]
        print_json({"schema": "whit-compose-ls/1", "projects": projects})
    else:
        table(("NAME", "STATUS", "CONFIG FILES"), ((name, texts[name], files[name]) for name in shown))
