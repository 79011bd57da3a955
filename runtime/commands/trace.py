"""``whit trace``: run a program confined in the image that whit would make, and tell what it opens, executes and misses."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.commands.options import SETTINGS, launch_options


@click.command(context_settings=SETTINGS)
@click.option("--for", "duration", metavar="DURATION", help="End it after this time: 10s, 2m. Else it ends by itself.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON (docs/trace.md) on standard output, no page.")
@click.option("-o", "--output", metavar="FILE", help="Write the report as JSON into a file as well.")
@click.option(
    "--calls", "shows_calls", is_flag=True, help="Tell the system calls that aren't in the program's code, too."
)
@click.option("--check", is_flag=True, help="Exit with 1 if something was missed.")
@launch_options
def command(
    duration: str | None,
    as_json: bool,
    output: str | None,
    check: bool,
    shows_calls: bool,
    **words: Any,  # noqa: ANN401 - click's
) -> int:
    """Run FILE or IMAGE confined, as 'whit run' would, and watch it: what it opens, executes and misses, and what to add.

    It runs until it ends, its time is up, or you press Ctrl-C. The report goes to standard error.
    """
    import sys

    from whit.packer.store.store import Store
    from whit.runtime.request import Words, parse_request
    from whit.runtime.trace.duration import parse_duration
    from whit.runtime.trace.output import deliver, open_output
    from whit.runtime.trace.run import Order, run_traced

    request = parse_request(Words(**words))
    given = [word for name in ("add", "needs") for text in words[name] for word in (f"--{name}", text)]
    seconds = parse_duration(duration) if duration is not None else None
    order = Order(tuple(given), seconds, asks_network=bool(words["network"]), shows_calls=shows_calls)
    with open_output(output) as file:
        # A reader of the JSON gets nothing else: what the program says goes to standard error then.
        outcome = run_traced(request, Store.open(), order, sys.stderr.fileno() if as_json else None)
        if not outcome.started:
            return outcome.run.status
        deliver(outcome, file, as_json=as_json)
    return 1 if check and outcome.findings.missed else 0
