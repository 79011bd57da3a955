"""``whit compose logs``: what a project's containers wrote, and write."""

from __future__ import annotations

import click

from whit.runtime.compose.commands.session import services_argument, session_of


@click.command(short_help="Show what services wrote")
@click.option("-f", "--follow", is_flag=True, help="And what comes.")
@click.option("-n", "--tail", default="all", show_default=True, metavar="NUMBER", help="The last lines of each alone.")
@click.option("-t", "--timestamps", is_flag=True, help="The time in front of each line.")
@click.option("--since", metavar="TIME", help="From this time on: 10m, or 2026-11-29T12:00:00Z.")
@click.option("--until", metavar="TIME", help="Up to this time.")
@click.option("--no-log-prefix", is_flag=True, help="Nothing in front of lines.")
@click.option("--no-color", is_flag=True, help="No colours.")
@click.option("--index", type=int, default=0, metavar="NUMBER", help="Of one of a service's containers.")
@services_argument
@click.pass_context
def command(  # noqa: PLR0917 - click's
    context: click.Context,
    /,
    follow: bool,
    tail: str,
    timestamps: bool,
    since: str | None,
    until: str | None,
    no_log_prefix: bool,
    no_color: bool,
    index: int,
    services: tuple[str, ...],
) -> None:
    """Show what the containers of all services, or of these, wrote, with whose it is in front of each line."""
    import time

    from whit.packer.support.errors import UsageError
    from whit.runtime.compose.running.following import Lines, Look, is_coloured, show_logs, shown_name
    from whit.runtime.engine.ages import log_time, parse_moment
    from whit.runtime.engine.loglines import Wish

    tail = "all" if tail == "-1" else tail
    if tail != "all" and not (tail.isascii() and tail.isdigit() and len(tail) < 10):  # noqa: PLR2004 - digits
        raise UsageError(f"--tail: '{tail}' is no number of lines", hint="a number, or all")
    session = session_of(context, services)
    view, now = session.look(), time.time_ns()
    moments = [
        log_time(parse_moment(text, now, option)) if text else b""
        for option, text in (("--since", since), ("--until", until))
    ]
    found = [
        (view.kept[one.id], shown_name(session.name, view.kept[one.id]), one.service)
        for one in sorted(session.chosen_of(view), key=lambda seen: seen.name)
        if index in {0, one.number}
    ]
    if index and not found:
        from whit.packer.support.errors import NotFoundError

        raise NotFoundError(
            f"there is no container {index} of {', '.join(services) or 'any service'}", hint="whit compose ps -a"
        )
    width = max((len(name) for _, name, _ in found), default=0)
    lines = Lines(Look(not no_log_prefix, is_coloured(session.chosen.ansi, no_color=no_color), width))
    count = None if tail == "all" else int(tail)
    show_logs(found, lines, Wish(moments[0], moments[1], timestamps), count, goes_on=follow)
