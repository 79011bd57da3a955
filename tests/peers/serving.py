"""Servers of the standard library, each in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socketserver import BaseServer

POLL_SECONDS = 0.02
"""How long a server takes to notice that it is to end; the library's half a second is waited for by each test."""


@contextlib.contextmanager
def served(server: BaseServer) -> Iterator[None]:
    """Have the server answer during the block, and close it."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
