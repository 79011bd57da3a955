"""``whit logs``: what a container wrote."""

from __future__ import annotations

import click


@click.command("logs", short_help="Show what a container wrote")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the container ends.")
@click.option("--since", metavar="TIME", help="Only from then on: 10m, 2026-01-31T12:00:00Z, seconds since 1970.")
@click.option("--until", metavar="TIME", help="Only up to then.")
@click.option("-n", "--tail", metavar="NUMBER", default="all", help="Only the last lines of all.  [default: all]")
@click.option("-t", "--timestamps", is_flag=True, help="Show when each line was written.")
@click.option("--details", is_flag=True, help="Before each line what --log-opt labels=, env= ask for.")
@click.argument("container")
def command(
    follow: bool, since: str | None, until: str | None, tail: str, timestamps: bool, details: bool, container: str
) -> None:
    """Show what CONTAINER wrote: its output on stdout, its errors on stderr."""
    from whit.runtime.verbs.logs import logs

    logs(container, follow=follow, since=since, until=until, count=_count(tail), timestamps=timestamps, details=details)


def _count(tail: str) -> int | None:
    """How many lines; docker takes a negative number as all."""
    from whit.packer.support.errors import UsageError

    if tail == "all":
        return None
    try:
        count = int(tail)
    except ValueError:
        raise UsageError(f"--tail '{tail}' is no number of lines", hint="a number, or all") from None
    return count if count >= 0 else None
