"""What each verb begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.running.session import Session

INTERSPERSED = {"help_option_names": ["-h", "--help"]}
PASSED_ON = {"allow_interspersed_args": False, "help_option_names": ["--help"]}
"""Of verbs whose last arguments are a command's."""

services_argument = click.argument("services", nargs=-1, metavar="[SERVICE]...")
timeout_option = click.option(
    "-t", "--timeout", type=int, metavar="SECONDS", help="How long a container may take to stop; -1: for ever."
)


def chosen_of(context: click.Context) -> Chosen:
    """What was said before the verb."""
    found: Chosen = context.obj["compose"]
    return found


def session_of(context: click.Context, services: tuple[str, ...] = (), *, needs_file: bool = False) -> Session:
    """The project. Raises :class:`WhitError`."""
    from whit.runtime.compose.running.session import Session

    return Session(chosen_of(context), services, needs_file=needs_file)


def builder_of(context: click.Context) -> Callable[[list[str]], None]:
    """What builds images, which runtime may not import (runtime/cli.py)."""
    found: Callable[[list[str]], None] = context.obj["image_builder"]
    return found


def options(*rows: tuple[tuple[str, ...], dict[str, Any]]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command these options, in their order."""

    def give(function: Callable[..., Any]) -> Callable[..., Any]:
        for names, settings in reversed(rows):
            function = click.option(*names, **settings)(function)
        return function

    return give
