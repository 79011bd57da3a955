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


def human_size(size: int) -> str:
    """Bytes as docker prints them: powers of 1000, at most four significant digits (``1.23MB``)."""
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:  # noqa: PLR2004 - the step between SI units
            break
        value, unit = value / 1000, larger
    return f"{value:.4g}{unit}"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns aligned as docker aligns them: no lines, the last one unpadded."""
    from whit.packer.tabular import aligned  # noqa: PLC0415 - only for tables

    click.echo(aligned("".join("\t".join(cells) + "\n" for cells in (header, *rows))), nl=False)


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
