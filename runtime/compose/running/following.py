"""What a project's containers write, each line with whose it is in front of it, as docker compose shows it."""

from __future__ import annotations

import select
import sys
import threading

from whit.packer.showing.console import has_colours
from whit.packer.support.errors import ReaderGoneError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.logs import show_log
from whit.runtime.engine.model import LogDriver
from whit.runtime.engine.status import is_supervised
from whit.runtime.verbs.outputs import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.runtime.engine.folder import Kept
    from whit.runtime.engine.loglines import Wish

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_OUT = 1


@dataclass(frozen=True, slots=True)
class Look:
    """How lines look: whose they are in front, in colours; ``width`` is the longest name's."""

    prefixed: bool = True
    coloured: bool = True
    width: int = 0


class Lines:
    """Lines of several containers to one place, whole ones only; any thread may bring them."""

    def __init__(self, look: Look, write: Callable[[int, bytes], None] = write_all) -> None:
        self._look, self._write = look, write
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self.broken: Exception | None = None

    def writer(self, name: str, service: str) -> tuple[Callable[[int, bytes], None], Callable[[], None]]:
        """(takes what a container writes; to be called at its end: what has no end of a line gets one)."""
        rest: list[bytes] = []
        prefix = self._prefix(name, service)

        def take(_stream: int, data: bytes) -> None:
            whole = b"".join(rest) + data
            end = whole.rfind(b"\n") + 1
            rest[:] = [whole[end:]] if end < len(whole) else []
            if end:
                self._put(prefix, whole[:end])

        def finish() -> None:
            if rest:
                self._put(prefix, rest.pop() + b"\n")

        return take, finish

    def _prefix(self, name: str, service: str) -> bytes:
        if not self._look.prefixed:
            return b""
        text = f"{name.ljust(self._look.width)}  | "
        if not self._look.coloured:
            return text.encode()
        with self._lock:
            colour = self._colours.setdefault(service, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\033[{colour}m{text}\033[0m".encode()

    def _put(self, prefix: bytes, lines: bytes) -> None:
        text = b"".join(prefix + line for line in lines.splitlines(keepends=True)) if prefix else lines
        with self._lock:
            if self.broken is None:
                try:
                    self._write(_OUT, text)
                except (OSError, WhitError) as error:
                    self.broken = error

    def say(self, text: str) -> None:
        """A line of whit's own among them."""
        self._put(b"", f"{text}\n".encode())


def is_coloured(ansi: str, *, no_color: bool = False) -> bool:
    """Whether colours are wanted, and can be seen."""
    return not no_color and (ansi == "always" or (ansi == "auto" and sys.stdout.isatty() and has_colours()))


def shown_name(project: str, kept: Kept) -> str:
    """As docker compose has it in front of lines: without the project."""
    return kept.container.name.removeprefix(f"{project}-")


def follow(
    kept: Kept, lines: Lines, name: str, service: str, wish: Wish, tail: int | None, alive: Callable[[], bool] | None
) -> None:
    """Show a container's log; with ``alive`` also what comes. What goes wrong is ``lines.broken`` then."""
    if kept.container.log.driver is LogDriver.NONE:
        return
    take, finish = lines.writer(name, service)
    try:
        show_log(kept.folder, wish, take, tail=tail, together=True, alive=alive)
    except (OSError, WhitError) as error:
        # Most follow in threads of their own, whose errors nobody hears.
        lines.broken = lines.broken or error
    finish()


def show_logs(
    found: Iterable[tuple[Kept, str, str]], lines: Lines, wish: Wish, tail: int | None, *, goes_on: bool
) -> None:
    """The logs of containers, each (container, name in front, service); with ``goes_on`` until all have ended.

    Raises :class:`ReaderGoneError` where nobody reads any more, also while nothing is written.
    """
    every = list(found)
    if not goes_on:
        for kept, name, service in every:
            follow(kept, lines, name, service, wish, tail, None)
    else:
        threads = [
            threading.Thread(
                target=follow, args=(kept, lines, name, service, wish, tail, _alive(kept, lines)), daemon=True
            )
            for kept, name, service in every
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
                if not _is_read():
                    raise ReaderGoneError("nobody reads standard output any more")
    if lines.broken:
        raise lines.broken


def _is_read() -> bool:
    """Whether standard output leads anywhere (poll(2): POLLERR is of a pipe whose other end is closed)."""
    watched = select.poll()
    watched.register(_OUT, 0)
    return not any(event & select.POLLERR for _, event in watched.poll(0))


def _alive(kept: Kept, lines: Lines) -> Callable[[], bool]:
    return lambda: lines.broken is None and is_supervised(kept.folder)
