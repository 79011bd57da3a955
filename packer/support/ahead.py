"""Pieces of data on two threads: made by another while those before them are used, or used by another, too."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECES = 8
"""So many are made before the first of them is used."""


def ahead(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, and what making them raises. The thread ends with the iteration, whether that comes to its end or not."""
    made: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIECES)
    given_up = threading.Event()

    def make() -> None:
        try:
            for piece in pieces:
                made.put(piece)
                if given_up.is_set():
                    return
            made.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the pieces are used
            made.put(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while (piece := made.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        given_up.set()
        while thread.is_alive():
            try:
                made.get_nowait()
            except queue.Empty:
                thread.join(0.01)


def used_beside(pieces: Iterator[bytes], use: Callable[[Iterator[bytes]], object]) -> Iterator[bytes]:
    """The same pieces, which a thread uses, too, to their end. What ``use`` raises is raised here, after the last one at the latest."""
    given: queue.Queue[bytes | None] = queue.Queue(_PIECES)
    errors: list[BaseException] = []

    def run() -> None:
        taken = iter(given.get, None)
        try:
            use(taken)
        except BaseException as error:  # noqa: BLE001 - raised where the pieces are passed on
            errors.append(error)
        for _ in taken:
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        for piece in pieces:
            given.put(piece)
            yield piece
            if errors:
                raise errors[0]
    finally:
        given.put(None)
        thread.join()
    if errors:
        raise errors[0]
