"""``whit inspect FILE``: what an executable is and what it needs, with the evidence."""

from __future__ import annotations

import click


@click.command("inspect", short_help="Show what an executable is and what it needs, with the evidence")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/inspect.md) instead of a page.")
@click.option(
    "--sources",
    type=click.Choice(["packages", "host"]),
    default="packages",
    show_default=True,
    help="Whose certificates and time zones: the Python packages certifi and tzdata, or this machine.",
)
def command(file: str, as_json: bool, sources: str) -> None:
    """Show what FILE is (format, platform, language) and what an image of it would hold beside it, and why.

    FILE is only read, never run.
    """
    from whit.packer.choices import Choices, SourceChoice
    from whit.packer.console import page_width, print_json
    from whit.packer.executable import open_executable
    from whit.packer.needs import WANTED
    from whit.packer.present import page
    from whit.packer.report import document
    from whit.packer.resolve import resolve

    executable = open_executable(file, WANTED)
    resolution = resolve(executable.analysis, Choices(SourceChoice(sources)))
    if as_json:
        print_json(document(executable.name, executable.analysis, resolution))
        return
    for line in page(executable.name, executable.analysis, resolution, page_width()):
        click.echo(line)
