"""What several verbs of ``whit stack`` are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.commands.chosen import Chosen

    Given = Callable[[Callable[..., Any]], Callable[..., Any]]

SETTINGS = {"help_option_names": ["--help"]}
"""-h isn't among them: docker's -H is near."""


def _all(*options: Given) -> Given:
    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return give


engine_options = _all(
    click.option("-H", "--host", default="", metavar="HOST", help="The engine: unix://, tcp:// or ssh://."),
    click.option("--context", "place", default="", metavar="NAME", help="Docker's context that names it."),
)
file_options = _all(
    click.option("-c", "--compose-file", "files", multiple=True, metavar="FILE", help="A Compose file; - is stdin."),
    click.option("--profile", "profiles", multiple=True, metavar="NAME", help="A profile that is switched on."),
    click.option("--env-file", "env_files", multiple=True, metavar="FILE", help="Variables for the file."),
    click.option("--project-directory", "directory", metavar="FOLDER", help="What paths are relative to."),
)
routing_option = click.option(
    "--routing",
    type=click.Choice(["auto", "mesh", "direct"]),
    default="auto",
    help="How services are reached: by IP_VS's mesh and virtual addresses, or without. auto: as this machine's kernel can.",
)
watch_options = _all(
    click.option("-d", "--detach", is_flag=True, help="Don't wait until all is there."),
    click.option("--timeout", default="5m", metavar="TIME", help="How long that may take.  [default: 5m]"),
    click.option("-q", "--quiet", is_flag=True, help="Don't tell how it goes."),
)


def chosen_of(words: dict[str, Any], name: str | None) -> Chosen:
    """What the Compose model is told."""
    from whit.runtime.compose.commands.chosen import Chosen

    return Chosen(words["files"], name, words["profiles"], words["env_files"], words["directory"])


def seconds_of(text: str, *, detach: bool) -> float:
    """How long is waited; 0: not at all. Raises :class:`UsageError`."""
    from whit.packer.support.errors import UsageError
    from whit.runtime.scaleout.swarm.watching import seconds_of as parsed

    seconds = parsed(text)
    if seconds is None or seconds <= 0:
        raise UsageError(f"--timeout {text}: that is no time", hint="90s, 5m, 1h")
    return 0.0 if detach else seconds


def has_mesh(routing: str, host: str) -> bool:
    """Whether the nodes have IP_VS: as it was said, or as the engine's kernel has."""
    from whit.runtime.scaleout.swarm.kernel import has_ipvs

    return routing == "mesh" or (routing == "auto" and has_ipvs(host))


def tell_notes(notes: tuple[str, ...]) -> None:
    """What is otherwise on Swarm, a line each."""
    from whit.packer.showing.console import tell
    from whit.packer.showing.escaping import terminal_harmless

    tell("".join(terminal_harmless(f"note: {note}") + "\n" for note in notes))
