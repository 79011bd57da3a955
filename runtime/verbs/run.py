"""Running a program confined; in the background, or kept, where that is asked for."""

from __future__ import annotations

import sys

from whit.packer.store.store import Store
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.mounting import is_plain
from whit.runtime.request import Words, parse_request
from whit.runtime.verbs.given import Keeping, PowerWords, parted

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from whit.runtime.engine.folder import Kept

NOT_KEPT = frozenset({"none", "host", "bridge", "default"})
"""Networks of containers that need not be kept."""


def run(
    *,
    detach: bool = False,
    rm: bool = False,
    interactive: bool = False,
    detach_keys: str = "ctrl-p,ctrl-q",
    pull: str = "missing",
    **words: Any,  # noqa: ANN401 - the command line's
) -> None:
    """Run it; ``words`` are those of :class:`Words`, :class:`Keeping` and :class:`PowerWords`."""
    rest, powers = parted(words, PowerWords)
    launch, keeping = parted(rest, Keeping)
    asked, store = Words(**launch, pull=pull), Store.open()
    needs_more = not NOT_KEPT.issuperset(asked.network) or not all(map(is_plain, asked.volume))
    if not (detach or keeping.is_asked or powers.is_asked or needs_more):
        _run_once(asked, store)
    from whit.runtime.verbs.create import make  # noqa: PLC0415 - of no use to what isn't kept
    from whit.runtime.verbs.keys import key_bytes  # noqa: PLC0415 - as above

    keys = key_bytes(detach_keys)
    kept = make(asked, keeping, powers, store, interactive=interactive, remove=rm)
    _start(store, kept, None if detach else keys)


def _run_once(words: Words, store: Store) -> NoReturn:
    from whit.runtime.engine.networks.foreground import connected, mounted  # noqa: PLC0415 - of no use to what is kept
    from whit.runtime.host import read_host  # noqa: PLC0415 - as above
    from whit.runtime.launch import become  # noqa: PLC0415
    from whit.runtime.plan import compile_plan  # noqa: PLC0415
    from whit.runtime.prepare import prepare  # noqa: PLC0415

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
    from whit.runtime.engine import lifecycle  # noqa: PLC0415 - as above
    from whit.runtime.engine.folder import Containers  # noqa: PLC0415
    from whit.runtime.verbs.outputs import tell_id  # noqa: PLC0415

    containers = Containers(store.root)
    if keys is None:
        lifecycle.start(containers, kept)
        tell_id(kept.container.id)
    else:
        from whit.runtime.verbs.attach import run_attached  # noqa: PLC0415

        run_attached(containers, kept, keys)
