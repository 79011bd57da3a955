"""Making a container that can be started."""

from __future__ import annotations

from pathlib import Path

from whit.packer.showing.console import warn
from whit.packer.store.store import Store
from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.engine import creating
from whit.runtime.engine.model import CONTAINER, has_networks
from whit.runtime.request import Words
from whit.runtime.verbs.given import Keeping, PowerWords, parted
from whit.runtime.verbs.keeping import wishes_of
from whit.runtime.verbs.outputs import tell_id

if TYPE_CHECKING:
    from typing import Any

    from whit.runtime.engine.creating import Wishes
    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.powers import Powers
    from whit.runtime.options import Program


def create(*, rm: bool = False, interactive: bool = False, pull: str = "missing", **words: Any) -> None:  # noqa: ANN401 - the command line's
    """Make a container and print its ID; ``words`` are those of :class:`Words`, :class:`Keeping` and :class:`PowerWords`."""
    rest, powers = parted(words, PowerWords)
    launch, keeping = parted(rest, Keeping)
    kept = make(Words(**launch, pull=pull), keeping, powers, Store.open(), interactive=interactive, remove=rm)
    tell_id(kept.container.id)


def make(words: Words, keeping: Keeping, powers: PowerWords, store: Store, *, interactive: bool, remove: bool) -> Kept:
    """The container that a command line asks for."""
    if keeping.cidfile:
        _check_cidfile(Path(keeping.cidfile))
    wishes = wishes_of(keeping, words, interactive=interactive, remove=remove)
    if powers.is_asked or words.init:
        wishes = _empowered(wishes, powers, init=words.init)
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


def _check_cidfile(path: Path) -> None:
    """Before there is a container whose ID nobody would learn."""
    if path.exists():
        raise UsageError(f"--cidfile: {path} exists", hint="remove it: is it of another container?")
    if not path.parent.is_dir():
        raise NotFoundError(f"--cidfile: there is no folder {path.parent}", hint="make it first, or check its spelling")


def _empowered(wishes: Wishes, words: PowerWords, *, init: bool) -> Wishes:
    from whit.runtime.verbs.powers import powers_of, profiles_of  # noqa: PLC0415 - most containers have none

    def powers(program: Program) -> Powers:
        return powers_of(words, program.accounts, init=init)

    return replace(wishes, powers=powers, profiles=tuple(profiles_of(words.security_opt).items()))
