"""``whit events``: what happens to containers, images, volumes and networks."""

from __future__ import annotations

import click


@click.command("events", short_help="Show what happens, as it happens")
@click.option("--since", metavar="TIME", help="From then on: 10m, 2026-01-31T12:00:00Z, seconds since 1970.")
@click.option("--until", metavar="TIME", help="Up to then; without it, until it is interrupted.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only those: container=web, event=die, type=volume, label=a=b.",
)
@click.option("--format", "form", metavar="TEMPLATE", help="json, or a template (docs/format.md).")
def command(since: str | None, until: str | None, filters: tuple[str, ...], form: str | None) -> None:
    """Show what happens to containers, images, volumes and networks, as it happens.

    With --since, what happened before, too; it is kept for the last thousands of events.
    """
    import time

    from whit.packer.showing.console import show
    from whit.packer.showing.present import printable
    from whit.packer.store.eventlog import made
    from whit.packer.store.store import Store
    from whit.packer.template import json_text, parse
    from whit.runtime.engine.ages import parse_moment
    from whit.runtime.engine.eventform import fields_of, line_of, parse_filters
    from whit.runtime.engine.events import read_events

    now = time.time_ns()
    begin = parse_moment(since, now) if since else None
    end = parse_moment(until, now, "--until") if until else None
    wanted = parse_filters(filters)
    as_json = form in {"json", "{{json .}}"}
    template = parse(form) if form and not as_json else None
    if template:
        template.render(fields_of(made("", "", "", {}, 0)))  # a field that no event has is told at once

    def goes_on() -> bool:
        return end is None or time.time_ns() <= end

    for event in read_events(Store.open().root, begin, end, wanted, goes_on):
        if as_json:
            click.echo(json_text(event))
        elif template:
            show(f"{template.render(fields_of(event))}\n")
        else:
            click.echo(printable(line_of(event)))
