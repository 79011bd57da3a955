"""``whit plan``: what ``whit run`` would do, operation by operation."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.commands.options import SETTINGS, launch_options


@click.command(context_settings=SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="For programs; docs/plan.md has the form.")
@launch_options
def command(as_json: bool, **words: Any) -> None:  # noqa: ANN401 - click's
    """Show how FILE or IMAGE would be launched: every operation, in order, with its why. Nothing is started."""
    from whit.packer.showing.console import page_width, print_json
    from whit.packer.store.store import Store
    from whit.runtime.engine.networks.foreground import mounted, shown
    from whit.runtime.host import read_host
    from whit.runtime.plan import compile_plan
    from whit.runtime.prepare import prepare
    from whit.runtime.present import WIDTH, plan_document, plan_lines
    from whit.runtime.request import Words, parse_request

    store = Store.open()
    request = parse_request(Words(**words))
    ready = prepare(mounted(request, store.root), store, ())
    options = shown(request.options, store.root)
    plan = compile_plan(ready.program, options, read_host(), executable=ready.executable)
    if as_json:
        print_json(plan_document(plan))
        return
    for line in plan_lines(plan, page_width() or WIDTH):
        click.echo(line)
