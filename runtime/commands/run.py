"""``whit run``: pack an executable, or take an image, and run it confined; in the background, or kept, where that is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import click

from whit.runtime.commands.attach import key_bytes, run_attached
from whit.runtime.commands.create import make
from whit.runtime.commands.keeping import keeping_options, split
from whit.runtime.commands.options import SETTINGS, launch_options, pull_option
from whit.runtime.commands.powers import power_options, split_powers

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.runtime.engine.folder import Kept
    from whit.runtime.request import Words


@click.command(context_settings=SETTINGS)
@click.option("-d", "--detach", is_flag=True, help="Run it in the background and print its ID.")
@click.option("--rm", is_flag=True, help="Remove it when it ends; one that isn't kept leaves nothing in any case.")
@click.option("-i", "--interactive", is_flag=True, help="Let it read your standard input, also where it is kept.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of a container.")
@pull_option
@launch_options
@keeping_options
@power_options
def command(detach: bool, rm: bool, interactive: bool, detach_keys: str, **words: Any) -> None:  # noqa: ANN401 - click's
    """Run a program confined: a FILE is packed into the store first, an IMAGE is taken from it.

    What follows is passed to the program. The exit status is the program's; 125 to 127 as docker's.
    Without -d, -t, a name, ports or anything else that asks for a container that is kept, nothing of it stays.
    It is in whit's default network unless told otherwise: --network none leaves it alone.
    """
    from whit.packer.store.store import Store
    from whit.runtime.engine.mounting import is_plain
    from whit.runtime.request import Words

    rest, powers = split_powers(words)
    launch, keeping = split(rest)
    store = Store.open()
    needs_more = not set(launch["network"]) <= {"none", "host", "bridge", "default"} or not all(
        map(is_plain, launch["volume"])
    )
    if not (detach or keeping.is_asked or powers.is_asked or needs_more):
        _run_once(Words(**launch), store)
    keys = key_bytes(detach_keys)
    kept = make(Words(**launch), keeping, powers, store, interactive=interactive, remove=rm)
    _start(store, kept, None if detach else keys)


def _run_once(words: Words, store: Store) -> NoReturn:
    import sys

    from whit.runtime.engine.networks.foreground import connected, mounted
    from whit.runtime.host import read_host
    from whit.runtime.launch import become
    from whit.runtime.plan import compile_plan
    from whit.runtime.prepare import prepare
    from whit.runtime.request import parse_request

    command_line = tuple(sys.argv[1:])
    request = parse_request(words)
    ready = prepare(mounted(request, store.root), store, command_line)
    host = read_host()
    # What can't be is found before a network is made for it.
    compile_plan(ready.program, request.options, host, executable=ready.executable)
    place = connected(request.options, store.root, asked=bool(words.network))
    guards = place.guarded(ready.guards)
    plan = compile_plan(ready.program, place.options, host, executable=ready.executable, guards=guards)
    become(plan, remember_as=command_line if guards else None, root=store.root)


def _start(store: Store, kept: Kept, keys: str | None) -> None:
    """In the background, or, with the keys that let go of it, as its client."""
    from whit.runtime.engine import lifecycle
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.outputs import tell_id

    containers = Containers(store.root)
    if keys is None:
        lifecycle.start(containers, kept)
        tell_id(kept.container.id)
    else:
        run_attached(containers, kept, keys)
