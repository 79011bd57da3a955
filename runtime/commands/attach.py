"""``whit attach``: a terminal or pipes on a container that runs."""

from __future__ import annotations

import click


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
    from whit.runtime.verbs.attach import client_flags, flags_of
    from whit.runtime.verbs.keys import key_bytes

    known = Containers(Store.open().root)
    kept = known.find(container)
    keys = key_bytes(detach_keys)
    if not kept.status.is_running:
        raise UsageError(f"container {kept.container.name} is not running", hint=f"start it: whit start {container}")
    reads = kept.container.interactive and not no_stdin
    connection = control.attach(kept.folder, flags_of(kept, reads=reads))
    container_event(known.root, kept.container, "attach")
    starting.become_client(connection, client_flags(kept, reads=reads, proxy=sig_proxy), keys)
