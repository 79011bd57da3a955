"""``whit stack scale`` and ``rm``."""

from __future__ import annotations

import click

from whit.runtime.scaleout.swarm.commands.options import SETTINGS, engine_options, seconds_of, watch_options


@click.command("scale", short_help="Have so many tasks of services", context_settings=SETTINGS)
@click.argument("name", metavar="STACK")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE=NUMBER...")
@engine_options
@watch_options
def command(
    name: str, services: tuple[str, ...], host: str, place: str, detach: bool, timeout: str, quiet: bool
) -> None:
    """Have so many tasks of each service, and wait until they are there."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.scaleout.swarm.deploying import DeployWishes, scale
    from whit.runtime.scaleout.swarm.engine import Engine

    wanted: dict[str, int] = {}
    for text in services:
        service, _, number = text.partition("=")
        if not service or not number.isascii() or not number.isdigit():
            raise UsageError(f"{text}: how many of what?", hint="SERVICE=NUMBER")
        wanted[service] = int(number)
    seconds = seconds_of(timeout, detach=detach)
    with Engine(host, place) as engine:
        scale(engine, name, wanted, DeployWishes(seconds=seconds, quiet=quiet))


@click.command("rm", short_help="Remove stacks", context_settings=SETTINGS)
@click.argument("names", nargs=-1, required=True, metavar="STACK...")
@engine_options
@click.option("-q", "--quiet", is_flag=True, help="Don't tell how it goes.")
def remove(names: tuple[str, ...], host: str, place: str, quiet: bool) -> None:
    """Remove stacks: services, and networks, secrets and configs once nobody uses them. Volumes stay on their nodes."""
    from whit.runtime.scaleout.swarm.deploying import remove as remove_stack
    from whit.runtime.scaleout.swarm.engine import Engine

    with Engine(host, place) as engine:
        for name in names:
            remove_stack(engine, name, quiet=quiet)
