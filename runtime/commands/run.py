"""``whit run``: pack an executable, or take an image, and run it confined."""

from __future__ import annotations

from typing import Any

import click

from whit.runtime.commands.options import SETTINGS, launch_options


@click.command(context_settings=SETTINGS)
@click.option("--rm", is_flag=True, help="Accepted: nothing of a container stays in any case.")
@click.option("-i", "--interactive", is_flag=True, help="Accepted: the program reads your standard input in any case.")
@launch_options
def command(rm: bool, interactive: bool, **words: Any) -> None:  # noqa: ANN401, ARG001 - click's; docker's habits
    """Run a program confined: a FILE is packed into the store first, an IMAGE is taken from it.

    What follows is passed to the program. The exit status is the program's; 125 to 127 as docker's.
    """
    import sys

    from whit.packer.store import Store
    from whit.runtime.host import read_host
    from whit.runtime.launch import become
    from whit.runtime.plan import compile_plan
    from whit.runtime.prepare import prepare
    from whit.runtime.request import Words, parse_request

    command_line = tuple(sys.argv[1:])
    store = Store.open()
    request = parse_request(Words(**words))
    ready = prepare(request, store, command_line)
    plan = compile_plan(ready.program, request.options, read_host(), executable=ready.executable, guards=ready.guards)
    become(plan, remember_as=command_line if ready.guards else None, root=store.root)
