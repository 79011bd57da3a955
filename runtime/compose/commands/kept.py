"""``whit compose commit`` and ``export``: what a service's container has become, as an image or a tar."""

from __future__ import annotations

import click

from whit.runtime.compose.commands.session import INTERSPERSED, session_of
from whit.runtime.compose.commands.within import call

_index = click.option("--index", type=int, default=0, metavar="NUMBER", help="Of which of its containers.")


def _container(context: click.Context, service: str, index: int) -> str:
    from whit.runtime.compose.running.targets import container_at

    return container_at(session_of(context, (service,)), service, index).container.id


@click.command("commit", short_help="Make an image of a service's container", context_settings=INTERSPERSED)
@click.option("-a", "--author", metavar="TEXT", help="Who made it.")
@click.option("-m", "--message", metavar="TEXT", help="Why, in the image's history.")
@click.option(
    "-c", "--change", "changes", multiple=True, metavar="INSTRUCTION", help='A Dockerfile\'s line: CMD ["/x"].'
)
@click.option("-p", "--pause/--no-pause", default=True, help="Let it stand still meanwhile.")
@_index
@click.argument("service")
@click.argument("name", required=False)
@click.pass_context
def commit(  # noqa: PLR0917 - click's
    context: click.Context,
    /,
    author: str | None,
    message: str | None,
    changes: tuple[str, ...],
    pause: bool,
    index: int,
    service: str,
    name: str | None,
) -> int:
    """Make an image NAME of a service's container: its image, and what it has changed. Its ID is printed."""
    given = [f"--{key}={value}" for key, value in (("author", author), ("message", message)) if value is not None]
    given += [f"--change={one}" for one in changes]
    given += ["--pause" if pause else "--no-pause"]
    return call("commit", [*given, _container(context, service, index), *([name] if name else [])])


@click.command("export", short_help="Write the files of a service's container as a tar", context_settings=INTERSPERSED)
@click.option("-o", "--output", metavar="FILE", help="Write it there.  [default: standard output]")
@_index
@click.argument("service")
@click.pass_context
def export(context: click.Context, /, output: str | None, index: int, service: str) -> int:
    """Write all files of the root of a service's container as a tar."""
    return call("export", [*([f"--output={output}"] if output else []), _container(context, service, index)])
