"""``whit attach``: a terminal or pipes on a container that runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Containers, Kept


@click.command()
@click.option("--no-stdin", is_flag=True, help="Only look.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Pass signals on to the container.  [default: yes]")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of the container.")
@click.argument("container")
def command(no_stdin: bool, sig_proxy: bool, detach_keys: str, container: str) -> None:
    """See what a CONTAINER writes from now on, and type for it. The exit status is the container's."""
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine import control, starting
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.happened import container_event

    known = Containers(Store.open().root)
    kept = known.find(container)
    keys = key_bytes(detach_keys)
    if not kept.status.is_running:
        raise UsageError(f"container {kept.container.name} is not running", hint=f"start it: whit start {container}")
    reads = kept.container.interactive and not no_stdin
    connection = control.attach(kept.folder, flags_of(kept, reads=reads))
    container_event(known.root, kept.container, "attach")
    starting.become_client(connection, client_flags(kept, reads=reads, proxy=sig_proxy), keys)


def key_bytes(text: str) -> str:
    """``ctrl-p,ctrl-q`` as the characters that a terminal sends. Raises :class:`UsageError`."""
    from whit.packer.support.errors import UsageError

    found = ""
    for word in filter(None, text.split(",")):
        name = word.lower().removeprefix("ctrl-")
        if len(word) == 1 and word.isascii():
            found += word
        elif word.lower().startswith("ctrl-") and len(name) == 1 and "@" <= name.upper() <= "_":
            found += chr(ord(name.upper()) & 0x1F)
        else:
            raise UsageError(f"--detach-keys: '{word}' is no key", hint="ctrl-p,ctrl-q or letters, with commas between")
    if len(found) > 16 or "\0" in found:  # noqa: PLR2004 - what the launcher takes
        raise UsageError("--detach-keys: too many keys, or one that can't be used")
    return found


def flags_of(kept: Kept, *, reads: bool) -> str:
    """What is asked of the supervisor."""
    return ("i" if reads else "") + ("o" if kept.container.terminal else "oe")


def client_flags(kept: Kept, *, reads: bool, proxy: bool = True) -> str:
    """What the attached client does."""
    terminal = kept.container.terminal and sys.stdin.isatty()
    return ("i" if reads else "") + ("t" if terminal else "") + ("s" if proxy and not kept.container.terminal else "")


def run_attached(containers: Containers, kept: Kept, keys: str, *, reads: bool | None = None) -> None:
    """Start a container and stay with it: this process becomes the client."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine import ending, lifecycle, starting
    from whit.runtime.engine.happened import container_event

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
