"""``whit start``: containers that don't run."""

from __future__ import annotations

import click


@click.command()
@click.option("-a", "--attach", is_flag=True, help="Stay with it: its output, its signals, its exit status.")
@click.option("-i", "--interactive", is_flag=True, help="Type for it, too.")
@click.option("--detach-keys", default="ctrl-p,ctrl-q", show_default=True, help="What lets go of a container.")
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(attach: bool, interactive: bool, detach_keys: str, containers: tuple[str, ...]) -> int:
    """Start one or more containers that don't run."""
    from whit.packer.store.places import private_root
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine.folder import Containers
    from whit.runtime.verbs.attach import run_attached
    from whit.runtime.verbs.keys import key_bytes
    from whit.runtime.verbs.start import start

    if not (attach or interactive):
        return start(containers)
    known = Containers(private_root())
    if len(containers) > 1:
        raise UsageError("only one container can be attached to", hint="start them without -a and -i")
    kept = known.find(containers[0])
    if kept.status.supervised:
        raise UsageError(f"container {containers[0]} is running already", hint=f"whit attach {containers[0]}")
    keys = key_bytes(detach_keys)
    run_attached(known, kept, keys, reads=interactive and kept.container.interactive)
    return 0
