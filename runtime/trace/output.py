"""Where a trace's report goes: a page on standard error, JSON on standard output or into a file."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from whit.packer.showing.console import print_json
from whit.packer.support.errors import UsageError
from whit.runtime.trace.report import document, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.trace.run import Outcome


@contextlib.contextmanager
def open_output(path: str | None) -> Iterator[IO[str] | None]:
    """The file for the report, opened before anything runs: a run whose report can't be kept is of no use."""
    if path is None:
        yield None
        return
    if not path or "\0" in path:
        raise UsageError("--output needs a file's name")
    with Path(path).open("w", encoding="utf-8") as file:
        yield file


def deliver(outcome: Outcome, file: IO[str] | None, *, as_json: bool) -> None:
    """Print and write the report."""
    if file is not None or as_json:
        report = document(outcome.run, outcome.sightings, outcome.findings)
        if file is not None:
            file.write(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        if as_json:
            print_json(report)
            return
    width = shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    for line in page(outcome.run, outcome.sightings, outcome.findings, width):
        click.echo(line, err=True)
