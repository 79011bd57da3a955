"""``whit update``: other limits and another restart policy for containers that are there."""

from __future__ import annotations

from typing import Any

import click

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-m", "--memory"), {"metavar": "SIZE", "help": "At most this much memory: 64m, 1.5g."}),
    (("--memory-swap",), {"metavar": "SIZE", "help": "Memory and swap together; -1: any.  [default: no swap]"}),
    (("--memory-reservation",), {"metavar": "SIZE", "help": "What it is to keep where memory is short."}),
    (("--cpus",), {"type": float, "metavar": "NUMBER", "help": "At most this much CPU time: 0.5, 2."}),
    (("-c", "--cpu-shares"), {"type": int, "metavar": "NUMBER", "help": "Its weight among others: 1024 is usual."}),
    (("--cpu-period",), {"type": int, "metavar": "MICROSECONDS", "help": "The period of --cpu-quota."}),
    (("--cpu-quota",), {"type": int, "metavar": "MICROSECONDS", "help": "CPU time in a period; -1: any."}),
    (("--cpuset-cpus",), {"metavar": "LIST", "help": "The processors that it may use: 0-3,7."}),
    (("--cpuset-mems",), {"metavar": "LIST", "help": "The memory nodes that it may use."}),
    (("--pids-limit",), {"type": int, "metavar": "NUMBER", "help": "At most so many processes and threads; -1: any."}),
    (("--blkio-weight",), {"type": int, "metavar": "NUMBER", "help": "Its weight at block devices: 10 to 1000."}),
    (("--restart",), {"metavar": "POLICY", "help": "no, always, unless-stopped, on-failure[:MOST]."}),
)


def _options(function: Any) -> Any:  # noqa: ANN401 - click's
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function


@click.command()
@_options
@click.argument("containers", nargs=-1, required=True, metavar="CONTAINER...")
def command(containers: tuple[str, ...], restart: str | None, **words: Any) -> int:  # noqa: ANN401 - click's
    """Change one or more containers, whether they run or not; what they run with changes at once."""
    from dataclasses import replace

    from whit.packer.showing.console import warn
    from whit.packer.store.places import private_root
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine.asked import parse_restart
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.limiting import Asked
    from whit.runtime.engine.updating import has_weights, read_machine, update
    from whit.runtime.verbs.several import each

    asked = Asked(**words)
    if restart is None and asked == Asked():
        raise UsageError(
            "you must provide one or more flags when using this command", hint="whit update --memory 128m CONTAINER"
        )
    policy = parse_restart(restart) if restart is not None else None
    if asked.blkio_weight is not None and not has_weights():
        warn("this kernel has no weights of block devices: --blkio-weight is left out")
        asked = replace(asked, blkio_weight=None)
    known, machine = Containers(private_root()), read_machine()
    return each(containers, lambda name: update(known, name, asked, policy, machine))
