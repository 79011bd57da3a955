"""``whit port``: where a container's ports are published."""

from __future__ import annotations

import click


@click.command("port", short_help="Show where a container's ports are published")
@click.argument("container")
@click.argument("port", required=False, metavar="[PORT[/PROTOCOL]]")
def command(container: str, port: str | None) -> None:
    """Show where the ports of a CONTAINER that runs are published, or one of them."""
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError
    from whit.runtime.engine.folder import Containers

    known = Containers(Store.open().root)
    kept = known.find(container)
    wanted = f"{port}/tcp" if port and "/" not in port else port
    shown = []
    for published in known.published(kept) if kept.status.is_running else ():
        inside = f"{published.container_port}/{published.protocol.value}"
        host = f"[{published.host_address}]" if published.is_v6 else published.host_address
        if wanted is None:
            shown.append(f"{inside} -> {host}:{published.host_port}")
        elif inside == wanted.lower():
            shown.append(f"{host}:{published.host_port}")
    if wanted and not shown:
        raise UsageError(
            f"no port {wanted} of container {kept.container.name} is published",
            hint=f"whit port {kept.container.name} shows those that are",
            exit_code=1,
        )
    if shown:
        click.echo("\n".join(shown))
