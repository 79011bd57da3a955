"""A blob on its way into a layout: in pieces, hashed as it is written, gone on with where it stopped.

    ROOT/cache/partial/HEX      what has arrived of blob HEX; its lock (flock) is held by who writes

What was there is hashed again before more is asked for; a blob is in the layout only once its digest is right.
"""

from __future__ import annotations

import contextlib
import fcntl
import os

from whit.packer.registry.client import Tries
from whit.packer.registry.model import RegistryError
from whit.packer.store.layout import BlobWriter
from whit.packer.support import durable
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.sending import Readable
    from whit.packer.store.layout import Layout

WRONG = 3
"""How often wrong bytes may come whole before that is an error: a connection's fault is over by then."""


def fetch_into(
    layout: Layout, blob: Descriptor, source: Readable, partial: Path | None, moved: Callable[[int], None]
) -> None:
    """Write a blob into a layout. Raises :class:`RegistryError`; what has arrived by then stays in ``partial``."""
    if partial is None:
        with layout.new_blob() as writer:
            _fill(writer, blob, source, moved)
        return
    durable.private_folder(partial)
    path = partial / blob.hex
    with _held(path) as file:
        if layout.has(blob):  # another process was faster
            path.unlink(missing_ok=True)
            return
        writer = BlobWriter(file)
        writer.take_up()
        _fill(writer, blob, source, moved)
        layout.adopt(file, path, blob.digest)


def _fill(writer: BlobWriter, blob: Descriptor, source: Readable, moved: Callable[[int], None]) -> None:
    """Until the writer has the whole blob and its digest is right."""
    tries = Tries()
    if writer.size > blob.size:
        writer.restart()
    for attempt in range(1, WRONG + 1):
        moved(writer.size)
        for chunk in source.blob(blob, writer.size):
            writer.write(chunk)
            moved(writer.size)
        if writer.size == blob.size and writer.digest == blob.digest:
            return
        error = RegistryError(
            f"blob {blob.digest} comes with other bytes than its digest's", hint="nothing of it was kept"
        )
        writer.restart()
        if attempt == WRONG:
            raise error
        tries.failed(error)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[IO[bytes]]:
    """The file, made where it isn't there, and locked; another's end is awaited."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    yield file
                    return
        # Whoever had it has finished it and moved it away.
