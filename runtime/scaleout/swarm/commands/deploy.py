"""``whit stack deploy``: a Compose file to a swarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.runtime.scaleout.swarm.commands.options import (
    SETTINGS,
    chosen_of,
    engine_options,
    file_options,
    has_mesh,
    routing_option,
    seconds_of,
    tell_notes,
    watch_options,
)

if TYPE_CHECKING:
    from whit.runtime.compose.running.loading import Loaded
    from whit.runtime.scaleout.swarm.dialect import StackFile


@click.command("deploy", short_help="Have a swarm run what a Compose file describes", context_settings=SETTINGS)
@click.argument("name", metavar="STACK")
@file_options
@engine_options
@click.option("--prune", is_flag=True, help="Remove services that the file doesn't have any more.")
@click.option("--build", "builds", is_flag=True, help="Build anew what can be built.")
@click.option(
    "--push", "pushes", is_flag=True, help="Push the images that the store has, also those that aren't built."
)
@click.option("--insecure", is_flag=True, help="Registries without TLS, or with certificates that nobody knows.")
@click.option(
    "--resolve-image",
    "resolve",
    type=click.Choice(["always", "changed", "never"]),
    default="always",
    help="When registries are asked for images' digests.",
)
@click.option("--with-registry-auth", is_flag=True, hidden=True)
@routing_option
@watch_options
@click.pass_context
def command(context: click.Context, /, name: str, **words: Any) -> None:  # noqa: ANN401 - click's
    """Make or change the stack of this name, and wait until all of it runs.

    Images that are built are pushed first, and all are named by their digests. What Swarm has no like of is refused, what
    is another there is told.
    """
    from whit.packer.showing.console import say
    from whit.runtime.compose.running.loading import load
    from whit.runtime.scaleout.swarm.contents import read_contents, versioned_names
    from whit.runtime.scaleout.swarm.deploying import DeployWishes, deploy, running_images
    from whit.runtime.scaleout.swarm.dialect import Wish, stack_file
    from whit.runtime.scaleout.swarm.engine import Engine
    from whit.runtime.scaleout.swarm.images import Images, ImageWishes

    seconds = seconds_of(words["timeout"], detach=words["detach"])
    loaded = load(chosen_of(words, name))
    project = loaded.project
    contents = read_contents(project, loaded.contents)
    names = versioned_names(project, contents)
    first = _checked(loaded, words)
    with Engine(words["host"], words["place"]) as engine:
        asked = ImageWishes(words["builds"], words["pushes"], words["resolve"], words["insecure"], words["quiet"])
        running = running_images(engine.services(first.name), first.name)
        images = Images(project, asked, context.obj["image_builder"], loaded.where).pinned(running)
        file = stack_file(
            project, loaded.where, Wish(has_mesh(words["routing"], engine.place.host), names=names, images=images)
        )
        if not words["quiet"]:
            tell_notes(file.notes)
        wishes = DeployWishes(words["prune"], seconds, words["quiet"])
        deploy(engine, file, contents, project.order(), wishes)
    if not words["quiet"]:
        say(f"{name}: {'deployed' if words['detach'] else 'all is there'}")


def _checked(loaded: Loaded, words: dict[str, Any]) -> StackFile:
    """Whether Swarm can do it at all, before anything is asked of anybody. Raises :class:`WhitError`."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.scaleout.swarm.dialect import stack_file

    if not loaded.project.services:
        raise UsageError("the file has no service that is switched on", hint=f"profiles: {words['profiles'] or 'none'}")
    return stack_file(loaded.project, loaded.where)
