"""Staying with a container as its client: its output, its signals, what is typed for it."""

from __future__ import annotations

import sys

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import ending, lifecycle, starting
from whit.runtime.engine.happened import container_event

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Containers, Kept


def flags_of(kept: Kept, *, reads: bool) -> str:
    """What is asked of the supervisor."""
    return ("i" if reads else "") + ("o" if kept.container.terminal else "oe")


def client_flags(kept: Kept, *, reads: bool, proxy: bool = True) -> str:
    """What the attached client does."""
    terminal = kept.container.terminal and sys.stdin.isatty()
    return ("i" if reads else "") + ("t" if terminal else "") + ("s" if proxy and not kept.container.terminal else "")


def run_attached(containers: Containers, kept: Kept, keys: str, *, reads: bool | None = None) -> None:
    """Start a container and stay with it: this process becomes the client."""
    reads = kept.container.interactive if reads is None else reads
    if kept.container.terminal and reads and not sys.stdin.isatty():
        ending.discard(containers, kept)
        raise UsageError(
            "the input device is not a TTY", hint="leave -t out where the input is a pipe or a file", exit_code=1
        )
    started = lifecycle.start(containers, kept, flags_of(kept, reads=reads))
    if started.connection:
        container_event(containers.root, kept.container, "attach")
        starting.become_client(started.connection, client_flags(kept, reads=reads), keys)
