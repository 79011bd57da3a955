"""What commands print for people and for programs. Nothing below the commands prints."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def print_json(document: Mapping[str, object]) -> None:
    """One JSON document on stdout; each has a ``schema`` member that names its form and version."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def page_width() -> int | None:
    """The terminal's width, for pages that wrap to it; None where stdout is no terminal: lines stay whole for grep."""
    return _columns() if sys.stdout.isatty() else None


def _columns() -> int:
    import shutil  # noqa: PLC0415 - only for a terminal

    return shutil.get_terminal_size().columns


def human_size(size: float, digits: int = 4) -> str:
    """Bytes as docker prints them: powers of 1000, at most four significant digits (``1.23MB``); three in its tables."""
    return _scaled(size, 1000, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), digits)


def binary_size(size: float) -> str:
    """Memory as docker prints it: powers of 1024 (``12.5MiB``)."""
    return _scaled(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"), 4)


def _scaled(size: float, step: int, units: Sequence[str], digits: int) -> str:
    value, at = float(size), 0
    while value >= step and at < len(units) - 1:
        value, at = value / step, at + 1
    return f"{value:.{digits}g}{units[at]}"


def warn(message: str, hint: str | None = None) -> None:
    """Something that a person should know and that stops nothing; on stderr, in the form of an error."""
    click.echo(f"whit: warning: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)


def progress(message: str) -> None:
    """A line about long work, only where a person watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{message}", nl=False, err=True)


def end_progress() -> None:
    """Clear the progress line."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
