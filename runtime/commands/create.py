"""``whit create``: a container that ``whit start`` starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.runtime.commands.keeping import keeping_options, split, wishes_of
from whit.runtime.commands.options import SETTINGS, launch_options, pull_option
from whit.runtime.commands.powers import power_options, powers_of, profiles_of, split_powers

if TYPE_CHECKING:
    from whit.packer.store.store import Store
    from whit.runtime.commands.keeping import Keeping
    from whit.runtime.commands.powers import PowerWords
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.powers import Powers
    from whit.runtime.options import Program
    from whit.runtime.request import Words


@click.command(context_settings=SETTINGS)
@click.option("--rm", is_flag=True, help="Remove it when it ends.")
@click.option("-i", "--interactive", is_flag=True, help="Let it read what is typed for it.")
@pull_option
@launch_options
@keeping_options
@power_options
def command(rm: bool, interactive: bool, **words: Any) -> None:  # noqa: ANN401 - click's
    """Make a container of a FILE, which is packed first, or of an IMAGE, and print its ID. It doesn't run yet."""
    from whit.packer.store.store import Store
    from whit.runtime.request import Words
    from whit.runtime.verbs.outputs import tell_id

    rest, powers = split_powers(words)
    launch, keeping = split(rest)
    kept = make(Words(**launch), keeping, powers, Store.open(), interactive=interactive, remove=rm)
    tell_id(kept.container.id)


def make(words: Words, keeping: Keeping, powers: PowerWords, store: Store, *, interactive: bool, remove: bool) -> Kept:
    """The container that a command line asks for."""
    from dataclasses import replace
    from functools import partial
    from pathlib import Path

    from whit.packer.showing.console import warn
    from whit.packer.support import durable
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine import creating
    from whit.runtime.engine.model import CONTAINER, has_networks

    if keeping.cidfile and Path(keeping.cidfile).exists():
        raise UsageError(f"--cidfile: {keeping.cidfile} exists", hint="remove it: is it of another container?")
    wishes = wishes_of(keeping, words, interactive=interactive, remove=remove)
    if powers.is_asked or words.init:
        profiles = tuple(profiles_of(powers.security_opt).items())
        power = partial(_powers, powers, init=words.init)
        wishes = replace(wishes, powers=power, profiles=profiles)
    if wishes.ports and not has_networks(wishes.network):
        if wishes.network.startswith(CONTAINER):
            raise UsageError(
                f"--publish: the ports of --network {wishes.network} are published by that container",
                hint="leave -p out, or give it where that one is made",
            )
        warn(f"--publish is of no use with --network {wishes.network}: no port is published")
    for note in dict.fromkeys(note for asked in wishes.mounts for note in asked.notes):
        warn(f"--volume: {note}")
    kept = creating.create(words, wishes, store)
    if keeping.cidfile:
        with durable.output_errors(keeping.cidfile):
            durable.write_whole(Path(keeping.cidfile), kept.container.id.encode(), private=False)
    return kept


def _powers(words: PowerWords, program: Program, *, init: bool) -> Powers:
    return powers_of(words, program.accounts, init=init)
