"""``whit compose ps``, ``ls``, ``images``, ``port``, ``volumes``: what there is, in docker's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.runtime.compose.commands.session import services_argument, session_of

if TYPE_CHECKING:
    from whit.runtime.engine.networks.model import PortMapping

_FORMAT = "table, json, or a template (docs/format.md)."


@click.command(short_help="List a project's containers")
@click.option("-a", "--all", "everything", is_flag=True, help="Those that don't run, too.")
@click.option("-q", "--quiet", is_flag=True, help="IDs alone.")
@click.option("--services", "names_only", is_flag=True, help="The services' names alone.")
@click.option("--status", "states", multiple=True, metavar="STATE", help="Those in this state: running, exited, ….")
@click.option("--filter", "filters", multiple=True, metavar="status=STATE", help="The same in other words.")
@click.option("--no-trunc", is_flag=True, help="Nothing is shortened.")
@click.option("--orphans/--no-orphans", default=True, help="Those of services that the file doesn't have.")
@click.option("--format", "form", metavar="FORMAT", help=_FORMAT)
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/compose.md).")
@services_argument
@click.pass_context
def command(  # noqa: PLR0917 - click's
    context: click.Context,
    /,
    everything: bool,
    quiet: bool,
    names_only: bool,
    states: tuple[str, ...],
    filters: tuple[str, ...],
    no_trunc: bool,
    orphans: bool,
    form: str | None,
    as_json: bool,
    services: tuple[str, ...],
) -> None:
    """List the containers of all services, or of these."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.compose.running.listed import list_containers

    wanted = list(states)
    for text in filters:
        key, _, value = text.partition("=")
        if key != "status":
            raise UsageError(f"--filter {text}: there is no filter {key}", hint="status=running")
        wanted.append(value)
    session = session_of(context, services)
    what = "ids" if quiet else "services" if names_only else "document" if as_json else form or "table"
    list_containers(session, tuple(wanted), what, everything=everything, whole=no_trunc, orphans=orphans)


@click.command("ls", short_help="List projects")
@click.option("-a", "--all", "everything", is_flag=True, help="Those of which nothing runs, too.")
@click.option("-q", "--quiet", is_flag=True, help="Names alone.")
@click.option("--filter", "filters", multiple=True, metavar="name=NAME", help="Those whose name begins so.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/compose.md).")
def projects(everything: bool, quiet: bool, filters: tuple[str, ...], form: str, as_json: bool) -> None:
    """List the projects that there are containers of."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.compose.running.listed import list_projects

    starts = []
    for text in filters:
        key, _, value = text.partition("=")
        if key != "name":
            raise UsageError(f"--filter {text}: there is no filter {key}", hint="name=NAME")
        starts.append(value)
    list_projects("names" if quiet else "document" if as_json else form, tuple(starts), everything=everything)


@click.command("images", short_help="List the images that a project's containers are of")
@click.option("-q", "--quiet", is_flag=True, help="IDs alone.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/compose.md).")
@services_argument
@click.pass_context
def images(context: click.Context, /, quiet: bool, form: str, as_json: bool, services: tuple[str, ...]) -> None:
    """List the images of the containers that were made."""
    from whit.runtime.compose.running.belongings import list_images

    list_images(session_of(context, services), "ids" if quiet else "document" if as_json else form)


@click.command("volumes", short_help="List a project's volumes")
@click.option("-q", "--quiet", is_flag=True, help="Names alone.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/compose.md).")
@services_argument
@click.pass_context
def volumes(context: click.Context, /, quiet: bool, form: str, as_json: bool, services: tuple[str, ...]) -> None:
    """List the volumes that were made for the project, or those of them that these services mount."""
    from whit.runtime.compose.running.belongings import list_volumes

    list_volumes(session_of(context, services), "names" if quiet else "document" if as_json else form)


@click.command("version", short_help="Show whit's version")
@click.option("--short", is_flag=True, help="The number alone.")
@click.option("-f", "--format", "form", type=click.Choice(["pretty", "json"]), default="pretty", help="How.")
def version(short: bool, form: str) -> None:
    """Show whit's version, by docker compose's names."""
    from whit.packer.showing.console import json_page, say
    from whit.runtime.engine.machineinfo import whit_version

    number = whit_version()
    say(number if short else json_page({"version": number}) if form == "json" else f"whit compose version {number}")


@click.command("port", short_help="Show where a service's port is published")
@click.option("--protocol", type=click.Choice(["tcp", "udp"]), default="tcp", show_default=True)
@click.option("--index", type=int, default=1, metavar="NUMBER", help="Of which of its containers.")
@click.argument("service")
@click.argument("port", type=int, required=False)
@click.pass_context
def port(context: click.Context, /, protocol: str, index: int, service: str, port: int | None) -> None:
    """Print the host's address and port that lead to a service's PORT, or all that lead to any."""
    from whit.packer.showing.console import say
    from whit.packer.support.errors import NotFoundError
    from whit.runtime.compose.running.targets import container_at
    from whit.runtime.engine.folder import Containers

    session = session_of(context, (service,))
    kept = container_at(session, service, index, running=True)
    published = Containers(session.root).published(kept)
    if port is None:
        for one in published:
            say(f"{one.container_port}/{one.protocol.value} -> {_host_port(one)}")
        return
    found = next((one for one in published if one.container_port == port and one.protocol.value == protocol), None)
    if found is None:
        raise NotFoundError(
            f"port {port}/{protocol} of {kept.container.name} isn't published", hint="ports: in the file"
        )
    say(_host_port(found))


def _host_port(one: PortMapping) -> str:
    """Where it is published."""
    return f"{f'[{one.host_address}]' if one.is_v6 else one.host_address}:{one.host_port}"
