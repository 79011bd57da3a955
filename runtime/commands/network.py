"""``whit network``: networks that people make, and who is in them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.runtime.engine.networks.model import Network


@click.group("network", short_help="Manage networks", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Networks of containers: bridges with subnets of their own (docs/networks.md)."""


def _root() -> Path:
    from whit.packer.store.places import default_root

    return default_root()


@command.command("create", short_help="Make a network")
@click.argument("name")
@click.option("-d", "--driver", default="bridge", metavar="DRIVER", help="bridge; there is no other.")
@click.option("--subnet", multiple=True, metavar="SUBNET", help="Its addresses, as 10.99.0.0/24; one of IPv6 too.")
@click.option("--gateway", multiple=True, metavar="ADDRESS", help="The bridge's own address.  [default: the first]")
@click.option("--ip-range", multiple=True, metavar="SUBNET", help="The part of it that containers get.")
@click.option("--internal", is_flag=True, help="Nobody in it reaches anything beyond it, and no port is published.")
@click.option("--ipv6", is_flag=True, help="IPv6 too, with a subnet of its own (fd…::/64) unless --subnet names one.")
@click.option("--label", multiple=True, metavar="NAME=VALUE", help="A label of the network's.")
@click.option("-o", "--opt", multiple=True, metavar="NAME=VALUE", help="mtu=SIZE: the largest packet.")
@click.option("--attachable", is_flag=True, hidden=True)
@click.option("--ipv4", is_flag=True, default=True, hidden=True)
def create(  # noqa: PLR0917 - click's
    name: str,
    driver: str,
    subnet: tuple[str, ...],
    gateway: tuple[str, ...],
    ip_range: tuple[str, ...],
    internal: bool,
    ipv6: bool,
    label: tuple[str, ...],
    opt: tuple[str, ...],
    attachable: bool,  # noqa: ARG001 - docker's: any container can be put into any of whit's networks
    ipv4: bool,  # noqa: ARG001 - docker's: it is always there
) -> None:
    """Make a network NAME and print its ID. Its containers know each other by name."""
    from whit.runtime.engine.networks.making import Wishes
    from whit.runtime.engine.networks.managing import create as make

    wishes = Wishes(name, driver, subnet, gateway, ip_range, internal, ipv6, label, opt)
    click.echo(make(_root(), wishes).id)


def _chosen(root: Path, filters: tuple[str, ...]) -> Callable[[Network], bool]:
    from whit.runtime.engine.networks import managing
    from whit.runtime.engine.networks.showing import chooser

    return chooser(filters, lambda network: managing.is_used(root, network))


@command.command("ls", short_help="List networks")
@click.option("-q", "--quiet", is_flag=True, help="Only the IDs.")
@click.option("--no-trunc", is_flag=True, help="Show whole IDs.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="NAME=VALUE", help="driver, id, name, label, type, …")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def ls(quiet: bool, no_trunc: bool, filters: tuple[str, ...], form: str | None) -> None:
    """List the networks."""
    from whit.packer.showing.console import show
    from whit.packer.template import render_rows
    from whit.runtime.engine.networks import managing, showing

    root = _root()
    chosen = _chosen(root, filters)
    rows = [showing.row(network, whole=no_trunc) for network in managing.every(root) if chosen(network)]
    shown = "{{.ID}}" if quiet and not form else form or showing.TABLE
    show(render_rows(showing.TABLE if shown == "table" else shown, rows, showing.HEADERS))


@command.command("inspect", short_help="Show networks in full")
@click.argument("names", nargs=-1, required=True, metavar="NETWORK...")
@click.option("-f", "--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("-v", "--verbose", is_flag=True, hidden=True)
def inspect(names: tuple[str, ...], form: str | None, verbose: bool) -> int:  # noqa: ARG001 - docker's, of swarms
    """Show networks, with who is in them, as JSON in docker's form."""
    from whit.runtime.commands.several import show_each
    from whit.runtime.engine.networks import managing, showing

    root = _root()

    def find(name: str) -> dict[str, object]:
        network = managing.find(root, name)
        return showing.page(network, managing.members(root, network))

    return show_each(names, find, form)


@command.command("rm", short_help="Remove networks")
@click.argument("names", nargs=-1, required=True, metavar="NETWORK...")
@click.option("-f", "--force", is_flag=True, help="It is no error if there is none of that name.")
def rm(names: tuple[str, ...], force: bool) -> int:
    """Remove networks that no container is in."""
    from whit.packer.support.errors import NotFoundError
    from whit.runtime.engine.networks import managing
    from whit.runtime.verbs.several import each

    def remove(name: str) -> None:
        try:
            managing.remove(_root(), name)
        except NotFoundError:
            if not force:
                raise

    return each(names, remove)


@command.command("prune", short_help="Remove unused networks")
@click.option("-f", "--force", is_flag=True, help="Don't ask.")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="until=TIME, label=NAME[=VALUE].")
def prune(force: bool, filters: tuple[str, ...]) -> None:
    """Remove all networks that people made and no container is in."""
    from whit.runtime.commands.asking import is_sure
    from whit.runtime.engine.networks import managing

    warning = "This will remove all custom networks not used by at least one container."
    if not (force or is_sure(warning, "network prune")):
        return
    root = _root()
    untils = [text.partition("=")[2] for text in filters if text.startswith("until=")]
    chosen = _chosen(root, tuple(text for text in filters if not text.startswith("until=")))
    old = _older(untils)
    gone = managing.prune(root, lambda network: chosen(network) and old(network))
    if gone:
        click.echo("Deleted Networks:")
        click.echo("\n".join(gone))


def _older(untils: list[str]) -> Callable[[Network], bool]:
    """Whether a network was made before all of these times."""
    import time
    from datetime import datetime

    from whit.runtime.engine.ages import SECOND, parse_moment

    limits = [parse_moment(text, time.time_ns(), "--filter until=") for text in untils]
    return lambda network: all(datetime.fromisoformat(network.created).timestamp() * SECOND < end for end in limits)


@command.command("connect", short_help="Put a container into a network")
@click.argument("network")
@click.argument("container")
@click.option("--alias", multiple=True, metavar="NAME", help="One more name in this network.")
@click.option("--ip", metavar="ADDRESS", help="Its address there.  [default: the first that is free]")
@click.option("--ip6", metavar="ADDRESS", help="Its IPv6 address there.")
@click.option("--driver-opt", multiple=True, metavar="NAME=VALUE", help="Docker's com.docker.network.endpoint.ifname.")
@click.option("--link-local-ip", hidden=True, multiple=True)
def connect(
    network: str,
    container: str,
    alias: tuple[str, ...],
    ip: str | None,
    ip6: str | None,
    driver_opt: tuple[str, ...],
    link_local_ip: tuple[str, ...],
) -> None:
    """Put a container into one network more: at once if it runs, and whenever it starts."""
    from whit.packer.showing.console import warn
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine import membership
    from whit.runtime.engine.folder import Containers
    from whit.runtime.engine.networks.joining import NO_LINK_LOCAL, interface_of
    from whit.runtime.engine.networks.model import Joining

    if link_local_ip:
        raise UsageError(f"--link-local-ip: {NO_LINK_LOCAL}", hint="leave it out; --ip and --ip6 choose addresses")
    containers, wish = Containers(_root()), Joining(network, alias, ip, ip6, interface=interface_of(driver_opt))
    attached = membership.connect(containers, containers.find(container), wish)
    for message, hint in attached.warnings if attached else ():
        warn(message, hint)


@command.command("disconnect", short_help="Take a container out of a network")
@click.argument("network")
@click.argument("container")
@click.option("-f", "--force", is_flag=True, help="It is no error if the container isn't in it.")
def disconnect(network: str, container: str, force: bool) -> None:
    """Take a container out of a network: at once if it runs, and for its further starts."""
    from whit.runtime.engine import membership
    from whit.runtime.engine.folder import Containers

    containers = Containers(_root())
    membership.disconnect(containers, containers.find(container), network, force=force)


for _name, _other in (("ls", "list"), ("rm", "remove")):
    _same = copy.copy(command.commands[_name])
    _same.hidden = True
    command.add_command(_same, _other)
