"""Uploads that begin before their blob is whole: what there is of a layer goes to the registry while the rest is being compressed.

A digest is named only at an upload's end (distribution-spec 1.1, "Pushing blobs"), so it needn't be known at its beginning. Once it
is, :mod:`sending` takes the upload over where it stands; or it is broken off, where the registry turns out to have the blob.
Whatever goes wrong here costs nothing but that: the blob is sent as any other.
"""

from __future__ import annotations

import os
import threading

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import IO, Self

    from whit.packer.registry.repository import Repository
    from whit.packer.registry.sessions import Begun

PIECE = 8 << 20
"""Bytes that go at once: registries on object stores want 5 MiB at least. A smaller blob isn't begun early."""

_READ = 256 << 10
_END_SECONDS = 1.0
"""How long a piece that is under way may take to its end; and then, to be broken off."""


class Ahead:
    """Follows the blobs that a layout is given, for one repository. At the block's end what nobody took is broken off.

    ``repository`` is called where it first is needed, in another thread.
    """

    def __init__(self, repository: Callable[[], Repository]) -> None:
        self._repository = repository
        self._all: list[EarlyUpload] = []

    def begun(self, file: IO[bytes]) -> EarlyUpload:
        """A blob is going to be written."""
        made = EarlyUpload(self._repository, os.dup(file.fileno()))
        self._all.append(made)
        return made

    def of(self, digest: str) -> EarlyUpload | None:
        """The upload of a blob that is whole now; None where it was never begun."""
        return next((one for one in self._all if one.digest == digest), None)

    def __enter__(self) -> Self:
        """Nothing is begun yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break off what is still under way."""
        for one in self._all:
            one.give_up()


class EarlyUpload:
    """One blob on its way while it grows."""

    def __init__(self, repository: Callable[[], Repository], descriptor: int) -> None:
        self.digest: str | None = None
        self._repository = repository
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._size = 0
        self._has_ended = False
        self._is_given_up = False
        self._is_broken_off = False
        self._thread: threading.Thread | None = None
        self._reached: Begun | None = None

    def grown(self, size: int) -> None:
        """So many bytes are in the file now."""
        with self._changed:
            self._size = size
            if size >= PIECE and self._thread is None and not self._is_given_up:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def ended(self, digest: str | None) -> None:
        """It is whole and has a digest; or, without one, is none."""
        with self._changed:
            self.digest, self._has_ended = digest, True
            self._changed.notify_all()
        if digest is None or self._thread is None:
            self.give_up()

    def take(self) -> Begun | None:
        """Where the upload stands, which is the caller's to end now; None where there is none that could be gone on with."""
        if self._thread is None:
            return None
        self._thread.join()
        reached, self._reached = self._reached, None
        self._close()
        return reached

    def give_up(self) -> None:
        """Nobody wants it; one that was taken stays."""
        with self._changed:
            self._is_given_up = True
            self._changed.notify_all()
        if self._thread:
            # docker-registry forgets an upload only while nothing is being added to it.
            self._thread.join(_END_SECONDS)
            self._is_broken_off = True
            self._thread.join(_END_SECONDS)
            if self._thread.is_alive():
                return
        reached, self._reached = self._reached, None
        if reached:
            self._cancel(reached.location)
        self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _run(self) -> None:
        from whit.packer.registry.model import RegistryError  # noqa: PLC0415 - while a layer is being compressed
        from whit.packer.registry.sessions import Begun, Session  # noqa: PLC0415
        from whit.packer.registry.upload import Upload  # noqa: PLC0415
        from whit.packer.support.errors import WhitError  # noqa: PLC0415

        upload = None
        try:
            upload = Upload(self._repository(), self.read, Session(None))
            upload.begin()
            while size := self._awaited(upload.offset):
                upload.patch(size)
            if upload.offset:
                self._reached = Begun(upload.location, upload.offset)
        except (WhitError, RegistryError, _GivenUpError, OSError):
            # Told, if it lasts, by who sends the blob after all.
            pass
        if upload and upload.location and not self._reached:
            self._cancel(upload.location)

    def _awaited(self, sent: int) -> int:
        """How much to send next; 0 when the rest is for who takes the upload over."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or self._is_given_up or self._size - sent >= PIECE)
            if self._is_given_up:
                raise _GivenUpError
            return 0 if self._has_ended else PIECE

    def read(self, start: int, size: int) -> Iterator[bytes]:
        """Bytes that are in the file already."""
        end = start + size
        while start < end:
            if self._is_broken_off:
                raise _GivenUpError
            piece = os.pread(self._descriptor, min(_READ, end - start), start)
            start += len(piece)
            yield piece

    def _cancel(self, location: str) -> None:
        """Have the registry forget an upload (distribution-spec 1.1 has no word for it, all registries have: DELETE)."""
        from whit.packer.registry.client import ACCEPTED, NO_CONTENT, NOT_FOUND, OK  # noqa: PLC0415 - as above
        from whit.packer.support.errors import WhitError  # noqa: PLC0415

        try:
            repository = self._repository()
            expected = {OK, ACCEPTED, NO_CONTENT, NOT_FOUND}
            repository.registry.call("DELETE", location, repository.writes, expected, again=False).close()
        except WhitError:
            pass  # it forgets by itself, later


class _GivenUpError(Exception):
    """Nobody wants the blob any more."""
