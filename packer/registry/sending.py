"""A blob on its way to a registry: HEAD → mount → POST → PATCH in chunks → PUT with the last one, going on where it broke.

distribution-spec 1.1, "Pushing blobs". After a break the registry is asked how much it has (GET on the upload), and
the rest follows; one that has forgotten the upload gets it from the beginning. A registry that doesn't take chunks gets
the blob in one piece.
"""

from __future__ import annotations

import time
from hashlib import sha256

from whit.packer.registry.challenge import pulling
from whit.packer.registry.client import ACCEPTED, CREATED, Tries
from whit.packer.registry.model import BrokenError, Code, RegistryError
from whit.packer.registry.repository import quoted
from whit.packer.registry.retry import RETRIED
from whit.packer.registry.transport import NOTHING
from whit.packer.registry.upload import LostError, Upload
from whit.packer.store.layout import REPACK
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.ahead import EarlyUpload
    from whit.packer.registry.repository import Repository
    from whit.packer.registry.sessions import Session
    from whit.packer.registry.transport import Answer

    class Readable(Protocol):
        """Where blobs come from: a store, an archive, another registry."""

        def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes | memoryview]:
            """A blob's bytes from ``start`` on, in pieces, each good until the next."""
            ...


CHUNK, LARGEST_CHUNK = 32 << 20, 1 << 30
"""Bytes of the first PATCH, and of any; what isn't larger goes in one PUT. Registries on object stores want 5 MiB at least."""

CHUNK_SECONDS = 10.0
"""How long a later chunk may take: on a fast line fewer are better, on a slow one less is lost."""

_WRONG = 2
"""How often a registry may say of whole bytes that their digest is another's."""
_NO_MOUNT = frozenset({400, 401, 403, 404, 405, 500, 501})


class Outcome(StrEnum):
    """How a blob came to be there."""

    THERE = "already exists"
    MOUNTED = "mounted"
    SENT = "pushed"


@dataclass(frozen=True, slots=True)
class Placed:
    """That a blob is there now; ``origin`` is the repository that it was mounted from."""

    how: Outcome
    origin: str = ""


class Reading:
    """A blob read from its beginning or from anywhere; one that was read whole is checked against its digest."""

    def __init__(self, source: Readable, blob: Descriptor, moved: Callable[[int], None]) -> None:
        self._source, self._blob, self._moved = source, blob, moved
        self._pieces: Iterator[bytes | memoryview] = iter(())
        self._left: bytes | memoryview = b""
        self._at = -1
        self._hash = sha256()
        self._hashed = 0

    def take(self, start: int, size: int) -> Iterator[bytes | memoryview]:
        """``size`` bytes from ``start`` on. Raises :class:`StoreError` where the source has others than the digest's."""
        if self._at != start:
            self._pieces, self._left, self._at = self._source.blob(self._blob, start), b"", start
            if start == 0:
                self._hash, self._hashed = sha256(), 0
        end = start + size
        while self._at < end:
            piece = self._left or next(self._pieces, b"")
            if not piece:
                raise StoreError(f"blob {self._blob.digest} ends after {self._at} bytes", hint=REPACK)
            now, self._left = piece[: end - self._at], piece[end - self._at :]
            if self._hashed == self._at:
                self._hash.update(now)
                self._hashed += len(now)
            self._at += len(now)
            if self._hashed == self._blob.size and f"sha256:{self._hash.hexdigest()}" != self._blob.digest:
                raise StoreError(f"blob {self._blob.digest} is damaged: its bytes are others", hint=REPACK)
            yield now
            self._moved(self._at)


class _Sending:
    """One blob's upload until it is done: in which pieces, and what follows from each failure."""

    def __init__(self, upload: Upload, blob: Descriptor) -> None:
        self.upload = upload
        self.repository = upload.repository
        self.blob = blob
        self.chunk = CHUNK
        self._was_wrong = False

    def run(self) -> None:
        """Until the registry has the blob."""
        tries, wrong, best = Tries(), 0, self.upload.offset
        while not self._tried(tries, wrong):
            wrong += self._was_wrong
            if self.upload.offset > best:
                # An upload that is lost again and again isn't progress.
                best = self.upload.offset
                tries.got_on()

    def _tried(self, tries: Tries, wrong: int) -> bool:
        """One request more, and what its failure takes. Returns whether the blob is there."""
        self._was_wrong = False
        try:
            if not self.upload.location:
                self.upload.begin()
            return self._step()
        except LostError as error:
            self.upload.lost()
            tries.failed(error)
        except BrokenError as error:
            tries.failed(error)
            if self._is_done_after_all():
                return True
            self.upload.refresh(self.blob.size)
        except RegistryError as error:
            if error.code == Code.DIGEST_INVALID and wrong < _WRONG:
                if self.repository.has_blob(self.blob):  # by somebody else, meanwhile
                    return True
                self._was_wrong = True
                self.upload.lost()
            elif error.status in RETRIED:
                tries.failed(error)
                self.upload.refresh(self.blob.size)
            else:
                raise
        return False

    def _step(self) -> bool:
        """Send the next chunk, or the last request. Returns whether the blob is there."""
        left = self.blob.size - self.upload.offset
        if self._is_last(left):
            self.upload.put(self.blob.digest, left)
            return True
        begin = time.monotonic()
        self.upload.patch(self.chunk)
        seconds = max(time.monotonic() - begin, 0.001)
        self.chunk = min(max(CHUNK, int(self.chunk * CHUNK_SECONDS / seconds)), LARGEST_CHUNK)
        return False

    def _is_last(self, left: int) -> bool:
        return self.upload.in_one or left <= self.chunk

    def _is_done_after_all(self) -> bool:
        """Whether only the last answer was lost."""
        return self._is_last(self.blob.size - self.upload.offset) and self.repository.has_blob(self.blob)


def send_blob(
    repository: Repository,
    blob: Descriptor,
    source: Readable,
    session: Session,
    moved: Callable[[int], None],
    others: tuple[str, ...] = (),
    early: EarlyUpload | None = None,
) -> Placed:
    """Let a registry have a blob: found there, mounted from one of the ``others`` (repositories of it), or sent.

    ``early`` is an upload that was begun before the blob was whole: gone on with, or broken off where the blob is there.
    ``moved`` is told how many bytes are there. Raises :class:`RegistryError`, :class:`StoreError`.
    """
    if repository.has_blob(blob):
        session.forget()
        if early:
            early.give_up()
        return Placed(Outcome.THERE)
    upload = Upload(repository, Reading(source, blob, moved).take, session)
    if begun := early and early.take():
        upload.resume(begun)
    elif begun := session.recall():
        upload.resume(begun)
        upload.refresh(blob.size)
    if not upload.location:
        for other in others:
            answer = _mount(repository, blob, other)
            if answer and answer.status == CREATED:
                answer.close()
                return Placed(Outcome.MOUNTED, other)
            if answer:
                upload.follow(answer)
                break
    _Sending(upload, blob).run()
    session.forget()
    return Placed(Outcome.SENT)


def _mount(repository: Repository, blob: Descriptor, other: str) -> Answer | None:
    """Ask for a blob of another repository: created, or an upload accepted in its place; None if it is refused."""
    path = repository.path(f"blobs/uploads/?mount={quoted(blob.digest)}&from={quoted(other)}")
    scopes = repository.writes | {pulling(other)}
    try:
        return repository.registry.call("POST", path, scopes, {CREATED, ACCEPTED}, body=NOTHING)
    except RegistryError as error:
        if isinstance(error, BrokenError) or (error.status not in _NO_MOUNT and error.status < 400):  # noqa: PLR2004
            raise
        return None
