"""``--push``: what ``pack`` and ``build`` make goes to the registries of its names, too; whit.packer.verbs.upstream does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--push",), {"is_flag": True, "help": "Send it to the registries that its names say, too: as whit push does."}),
    (("--insecure",), {"is_flag": True, "help": "For --push: plain HTTP, or a certificate that nobody vouches for, will do."}),
)  # fmt: skip


def push_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the two."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function
