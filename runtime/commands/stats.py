"""``whit stats``: what containers use, as a table that goes on, as lines, or for Prometheus."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.status import Status
    from whit.runtime.engine.usage import Usage

_EVERY_S, _ONCE_S = 1.0, 0.5
_HOME, _TO_LINE_S_END, _TO_THE_END = "\033[H", "\033[K", "\033[J"


@click.command()
@click.option("-a", "--all", "every", is_flag=True, help="Those that don't run, too.")
@click.option("--no-stream", is_flag=True, help="Once, and no more.")
@click.option("--no-trunc", is_flag=True, help="Whole IDs.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("--prometheus", is_flag=True, help="Once, in Prometheus's text format (docs/engine.md).")
@click.argument("containers", nargs=-1, metavar="[CONTAINER...]")
def command(
    every: bool, no_stream: bool, no_trunc: bool, form: str | None, prometheus: bool, containers: tuple[str, ...]
) -> None:
    """Show what containers use: all that run, or those that are named."""
    from whit.packer.store.places import private_root
    from whit.runtime.engine.folder import Containers

    known = Containers(private_root())
    if prometheus:
        click.echo(_exposition(known, containers), nl=False)
        return
    show = _Show(known, containers, every, no_trunc, form)
    if no_stream:
        click.echo(show.once(), nl=False)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            show.on_and_on()


def _seen(kept: Kept) -> tuple[Status, Usage | None]:
    """What a container does, and, while it runs, what it uses."""
    from whit.runtime.engine.usage import read_usage

    status = kept.status
    if not status.is_running:
        return status, None
    networked = kept.container.network not in {"host", "none"}
    return status, read_usage(f"{kept.records}/{kept.container.id}", networked=networked)


def _exposition(known: Containers, names: tuple[str, ...]) -> str:
    from whit.runtime.engine.exposition import Seen, exposition
    from whit.runtime.engine.usage import machine_memory

    chosen = [known.find(name) for name in names] if names else known.list()
    return exposition([Seen(kept.container, *_seen(kept)) for kept in chosen], machine_memory())


class _Show:
    """The listing, with what was used the last time: a share of CPU time is between two looks."""

    def __init__(self, known: Containers, names: tuple[str, ...], every: bool, whole: bool, form: str | None) -> None:
        from whit.runtime.engine.usage import machine_memory
        from whit.runtime.engine.usageform import TABLE

        self.known, self.names, self.every, self.whole = known, names, every, whole
        self.form = form if form and form != "table" else TABLE
        self.machine = machine_memory()
        self.before: dict[str, Usage] = {}

    def _chosen(self) -> list[tuple[str, Kept]]:
        if self.names:
            return [(name, self.known.find(name)) for name in self.names]
        return [(kept.container.id if self.whole else kept.container.short_id, kept) for kept in self.known.list()]

    def look(self) -> str:
        """The listing now."""
        from whit.packer.template import render_rows
        from whit.runtime.engine.usageform import HEADERS, row

        rows, seen = [], {}
        for called, kept in self._chosen():
            status, usage = _seen(kept)
            if usage is not None:
                seen[kept.container.id] = usage
            if status.is_running or self.every or self.names:
                last = self.before.get(kept.container.id)
                rows.append(row(kept.container, last, usage, self.machine, called, whole=self.whole))
        self.before = seen
        return render_rows(self.form, rows, HEADERS)

    def once(self) -> str:
        """The listing, after a look that it is compared with."""
        import time

        self.look()
        time.sleep(_ONCE_S)
        return self.look()

    def on_and_on(self) -> None:
        """Each second, until it is interrupted. In a terminal in one place, all by one write, so that nothing flickers."""
        import time

        is_terminal = sys.stdout.isatty()
        text = self.once()
        while True:
            if is_terminal:
                text = _HOME + text.replace("\n", f"{_TO_LINE_S_END}\n") + _TO_THE_END
            click.echo(text, nl=False)
            time.sleep(_EVERY_S)
            text = self.look()
