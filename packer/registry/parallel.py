"""Several things at once, on threads: the first error ends it, and so does a person's Ctrl-C."""

from __future__ import annotations

import queue
import threading

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    T = TypeVar("T")

MOST = 4
"""How many blobs are under way at once."""
_END_SECONDS = 5.0
"""How long others may take to notice that one has failed."""


class StoppedError(Exception):
    """Another thread has failed: this one's work is of no use any more."""


class Stop:
    """Tells threads that go on to leave off."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def now(self) -> None:
        """Have them leave off."""
        self._event.set()

    def check(self) -> None:
        """Raise :class:`StoppedError` if it was said."""
        if self._event.is_set():
            raise StoppedError


def each(items: Iterable[T], work: Callable[[T], object], stop: Stop, most: int = MOST) -> None:
    """Do ``work`` for each item, in their order, ``most`` at a time. Raises the first error."""
    todo = list(items)
    if len(todo) <= 1 or most <= 1:
        for item in todo:
            work(item)
        return
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    for item in todo:
        waiting.put(item)
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run() -> None:
        ended.put(_worked(waiting, work, stop))

    # Daemons: whoever is interrupted doesn't wait for a registry that says nothing.
    threads = [threading.Thread(target=run, daemon=True) for _ in range(min(len(todo), most))]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            error = ended.get()
            if error is not None:
                raise error  # noqa: TRY301 - another thread's
    except BaseException:
        stop.now()
        for thread in threads:
            thread.join(_END_SECONDS / len(threads))
        raise


def _worked(waiting: queue.SimpleQueue[T], work: Callable[[T], object], stop: Stop) -> BaseException | None:
    """Take what is waiting until there is no more. Returns what went wrong."""
    try:
        while True:
            stop.check()
            work(waiting.get_nowait())
    except (queue.Empty, StoppedError):
        return None
    except BaseException as error:  # noqa: BLE001 - passed on
        return error
