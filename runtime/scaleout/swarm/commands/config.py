"""``whit stack config``: a Compose file in the dialect of stack files."""

from __future__ import annotations

import sys
from typing import Any

import click

from whit.runtime.scaleout.swarm.commands.options import (
    SETTINGS,
    chosen_of,
    file_options,
    has_mesh,
    routing_option,
    tell_notes,
)


@click.command("config", short_help="Show a Compose file as a stack file", context_settings=SETTINGS)
@click.argument("name", metavar="[STACK]", required=False)
@file_options
@routing_option
@click.option("-o", "--output", metavar="FILE", help="Write it there.")
@click.option("-q", "--quiet", is_flag=True, help="Don't tell what is another than in the file.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, which is YAML too.")
def command(name: str | None, **words: Any) -> None:  # noqa: ANN401 - click's
    """Print what 'docker stack deploy' understands, and tell on standard error what is another than in the file.

    No engine is asked. Without STACK the project's name counts.
    """
    from pathlib import Path

    from whit.packer.showing.console import put
    from whit.packer.support.durable import output_errors, write_whole
    from whit.runtime.compose.commands.config import document
    from whit.runtime.compose.running.loading import load
    from whit.runtime.scaleout.swarm.contents import read_contents, versioned_names
    from whit.runtime.scaleout.swarm.dialect import Wish, stack_file

    loaded = load(chosen_of(words, name))
    names = versioned_names(loaded.project, read_contents(loaded.project, loaded.contents))
    mesh = has_mesh(words["routing"], "unix://")
    file = stack_file(loaded.project, loaded.where, Wish(mesh, exports=True, names=names))
    if not words["quiet"]:
        tell_notes(file.notes)
    text = document(file.configuration, as_json=words["as_json"])
    if words["output"]:
        with output_errors(words["output"]):
            write_whole(Path(words["output"]), text.encode(), private=False)
    else:
        put(sys.stdout, text)
