"""``whit version``: this whit's, by docker's names."""

from __future__ import annotations

import click


@click.command("version", short_help="Show whit's version")
@click.option("-f", "--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
def command(form: str | None) -> None:
    """Show whit's version, and what it runs on. There is no server."""
    import os
    import platform

    from whit.packer.template import json_text, parse
    from whit.runtime.engine.machineinfo import whit_version
    from whit.runtime.machine import MACHINES

    machine = os.uname().machine
    client: dict[str, object] = {
        "Version": whit_version(),
        "PythonVersion": platform.python_version(),
        "Os": "linux",
        "Arch": MACHINES.get(machine, machine),
        "KernelVersion": os.uname().release,
    }
    document: dict[str, object] = {"Client": client, "Server": None}
    if form == "json":
        click.echo(json_text(document))
    elif form:
        click.echo(parse(form).render(document))
    else:
        click.echo(
            f"Client:\n Version:         {client['Version']}\n Python version:  {client['PythonVersion']}\n"
            f" Kernel version:  {client['KernelVersion']}\n OS/Arch:         {client['Os']}/{client['Arch']}"
        )
