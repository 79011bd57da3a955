"""``whit logout [REGISTRY]``: forget who somebody is at a registry."""

from __future__ import annotations

import click


@click.command("logout", short_help="Log out from a registry")
@click.argument("registry", required=False)
def command(registry: str | None) -> None:
    """Log out from REGISTRY, docker.io if none is given: what whit login has kept is forgotten."""
    from whit.packer.commands.login import registry_domain
    from whit.packer.registry.credentials import forget
    from whit.packer.registry.dockerconfig import config_key

    domain = registry_domain(registry)
    if forget(domain):
        click.echo(f"Removing login credentials for {config_key(domain)}")
    else:
        click.echo(f"Not logged in to {domain}")
