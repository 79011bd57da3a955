"""The options by which a person decides what stands beside a program: ``pack``, ``inspect`` and ``explain`` share them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--add",),
        {
            "multiple": True,
            "metavar": "SOURCE:/TARGET[:MODE]",
            "help": "Put a file or folder of yours into the image; may be repeated.",
        },
    ),
    (
        ("--needs",),
        {
            "multiple": True,
            "metavar": "+NEED,-NEED…",
            "help": "Give what a need asks for, or leave it out, whatever the program says: +zones,-mime.",
        },
    ),
    (
        ("--sources",),
        {
            "type": click.Choice(["packages", "host"]),
            "default": "packages",
            "show_default": True,
            "help": "Whose certificates and time zones: the Python packages certifi and tzdata, or this machine.",
        },
    ),
    (
        ("--sysroot",),
        {"metavar": "FOLDER", "help": "Whose libraries a dynamic program gets.  [default: this machine's]"},
    ),
)


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option of :class:`Choices`; it is called with ``choices`` instead of them."""

    @functools.wraps(function)
    def with_choices(
        add: tuple[str, ...], needs: tuple[str, ...], sources: str, sysroot: str | None, **others: object
    ) -> object:
        from whit.packer.resolution.choices import parse_choices

        return function(choices=parse_choices(sources, sysroot, needs, add), **others)

    return raw_choice_options(with_choices)


def raw_choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the same options; it is called with their words."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function


def add_calls_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that makes a filter of a program's calls the option for others: ``add_calls``, as words."""
    text = "With a filter of its own calls: allow these too, named or as whit trace --calls -o FILE wrote them."
    return click.option("--add-calls", multiple=True, metavar="CALL,CALL…|FILE", help=text)(function)
