"""``whit stack ls``, ``services`` and ``ps``: in docker's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.runtime.scaleout.swarm.commands.options import SETTINGS, engine_options

if TYPE_CHECKING:
    from typing import Any

_JSON = "One JSON document (docs/swarm.md)."


@click.command("ls", short_help="List stacks", context_settings=SETTINGS)
@engine_options
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def command(host: str, place: str, as_json: bool) -> None:
    """List the stacks of a swarm."""
    from whit.runtime.scaleout.swarm import tables
    from whit.runtime.scaleout.swarm.engine import Engine

    with Engine(host, place) as engine:
        rows = tables.stacks(engine.services())
    _show("stacks", rows, tables.stacks_table(rows), as_json=as_json)


@click.command("services", short_help="List a stack's services", context_settings=SETTINGS)
@click.argument("name", metavar="STACK")
@engine_options
@click.option("-q", "--quiet", is_flag=True, help="IDs alone.")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def services(name: str, host: str, place: str, quiet: bool, as_json: bool) -> None:
    """List the services of a stack, with how many tasks of each are there."""
    from whit.runtime.scaleout.swarm import tables
    from whit.runtime.scaleout.swarm.engine import Engine

    with Engine(host, place) as engine:
        rows = tables.services(_known(engine.services(name), name), engine.tasks(name))
    _show("services", rows, _ids(rows) if quiet else tables.services_table(rows), as_json=as_json)


@click.command("ps", short_help="List a stack's tasks", context_settings=SETTINGS)
@click.argument("name", metavar="STACK")
@engine_options
@click.option("-q", "--quiet", is_flag=True, help="IDs alone.")
@click.option("--no-trunc", is_flag=True, help="Nothing is shortened.")
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def tasks(name: str, host: str, place: str, quiet: bool, no_trunc: bool, as_json: bool) -> None:
    """List the tasks of a stack: where they run, since when, and what those before them died of."""
    import time

    from whit.runtime.scaleout.swarm import tables
    from whit.runtime.scaleout.swarm.engine import Engine

    with Engine(host, place) as engine:
        found = _known(engine.services(name), name)
        rows = tables.tasks(engine.tasks(name), found, engine.nodes(), time.time())
    text = _ids(rows) if quiet else tables.tasks_table(rows, whole=no_trunc)
    _show("tasks", rows, text, as_json=as_json)


def _known(services_: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    from whit.packer.support.errors import NotFoundError

    if not services_:
        raise NotFoundError(f"there is no stack {name}", hint="'whit stack ls' lists them")
    return services_


def _ids(rows: list[dict[str, Any]]) -> str:
    return "\n".join(row["id"] for row in rows)


def _show(what: str, rows: list[dict[str, Any]], text: str, *, as_json: bool) -> None:
    from whit.packer.showing.console import print_json, say
    from whit.packer.showing.escaping import terminal_harmless

    if as_json:
        print_json({"schema": f"whit-stack-{what}/1", what: rows})
    else:
        say("\n".join(terminal_harmless(line) for line in text.split("\n")))
