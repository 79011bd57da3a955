"""A blob on its way to a registry: HEAD → mount → POST → PATCH in chunks → PUT with the last one, going on where it broke.

distribution-spec 1.1, "Pushing blobs". After a break the registry is asked how much it has (GET on the upload), and
the rest follows; one that has forgotten the upload gets it from the beginning. A registry that doesn't take chunks gets
the blob in one piece.
"""

from __future__ import annotations

import contextlib
import time
from hashlib import sha256

from whit.packer.registry.challenge import pulling
from whit.packer.registry.client import ACCEPTED, CREATED, NO_CONTENT, NOT_FOUND, OK, UNSATISFIABLE, Tries
from whit.packer.registry.headers import received, resolved, with_query
from whit.packer.registry.model import BrokenError, Code, DeniedError, RegistryError
from whit.packer.registry.repository import quoted
from whit.packer.registry.retry import RETRIED
from whit.packer.registry.sessions import Begun
from whit.packer.registry.transport import NOTHING, Body
from whit.packer.store.layout import REPACK
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from whit.packer.image.oci import Descriptor
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
_NO_PATCH = frozenset({400, 404, 405, 411, 413, 415, 501})
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


class LostError(RegistryError):
    """The registry knows nothing of an upload any more."""


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


class _Upload:
    """One blob's upload while it is being made."""

    def __init__(self, repository: Repository, blob: Descriptor, reading: Reading, session: Session) -> None:
        self.repository = repository
        self.blob = blob
        self.reading = reading
        self.session = session
        self.location = ""
        self.offset = 0
        self.chunk = CHUNK
        self.in_one = False
        self._was_wrong = False

    def run(self) -> None:
        """Until the registry has the blob."""
        tries, wrong, best = Tries(), 0, self.offset
        while not self._tried(tries, wrong):
            wrong += self._was_wrong
            if self.offset > best:
                # An upload that is lost again and again isn't progress.
                best = self.offset
                tries.got_on()

    def _tried(self, tries: Tries, wrong: int) -> bool:
        """One request more, and what its failure takes. Returns whether the blob is there."""
        self._was_wrong = False
        try:
            if not self.location:
                self._begin()
            return self._step()
        except LostError as error:
            self._lost()
            tries.failed(error)
        except BrokenError as error:
            tries.failed(error)
            if self._is_done_after_all():
                return True
            self.refresh()
        except RegistryError as error:
            if error.code == Code.DIGEST_INVALID and wrong < _WRONG:
                if self.repository.has_blob(self.blob):  # by somebody else, meanwhile
                    return True
                self._was_wrong = True
                self._lost()
            elif error.status in RETRIED:
                tries.failed(error)
                self.refresh()
            else:
                raise
        return False

    def _begin(self) -> None:
        answer = self._call("POST", self.repository.path("blobs/uploads/"), {ACCEPTED}, NOTHING)
        self.follow(answer)

    def follow(self, answer: Answer) -> None:
        """Note where the registry wants the rest. Raises :class:`RegistryError` where it says nothing usable."""
        there = resolved(answer.url, answer.header("Location") or "")
        answer.close()
        if there is None:
            raise RegistryError(f"{self.repository.registry.domain} says nowhere to upload to: it has no Location")
        self.location = there

    def _step(self) -> bool:
        """Send the next chunk, or the last request. Returns whether the blob is there."""
        left = self.blob.size - self.offset
        if self._is_last(left):
            self._put(left)
            return True
        begin = time.monotonic()
        self._patch(self.chunk)
        seconds = max(time.monotonic() - begin, 0.001)
        self.chunk = min(max(CHUNK, int(self.chunk * CHUNK_SECONDS / seconds)), LARGEST_CHUNK)
        return False

    def _is_last(self, left: int) -> bool:
        return self.in_one or left <= self.chunk

    def _put(self, size: int) -> None:
        url, start = with_query(self.location, digest=self.blob.digest), self.offset
        body = Body(size, lambda: self.reading.take(start, size))
        headers = {"Content-Type": "application/octet-stream"}
        if start and size:
            headers["Content-Range"] = f"{start}-{start + size - 1}"
        self._call("PUT", url, {CREATED, OK, NO_CONTENT}, body, headers).close()

    def _patch(self, size: int) -> None:
        start = self.offset
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{start + size - 1}"}
        body = Body(size, lambda: self.reading.take(start, size))
        try:
            answer = self._call("PATCH", self.location, {ACCEPTED, NO_CONTENT, CREATED, OK}, body, headers)
        except RegistryError as error:
            refused = error.status in _NO_PATCH and not isinstance(error, BrokenError | DeniedError)
            if start == 0 and refused and error.code not in {Code.UPLOAD_UNKNOWN, Code.UPLOAD_INVALID}:
                # No such thing as chunks here: the whole, to an upload of its own.
                self.in_one = True
                raise LostError(error.message, status=error.status) from None
            raise
        there = received(answer.header("Range"))
        self.follow(answer)
        if there is not None and not start < there <= start + size:
            raise LostError(f"{self.repository.registry.domain} says that it has {there} bytes, not {start + size}")
        self.offset = start + size if there is None else there
        self.session.keep(Begun(self.location, self.offset))

    def _call(
        self, method: str, url: str, expected: set[int], body: Body, headers: dict[str, str] | None = None
    ) -> Answer:
        """As the registry's; what it says of an upload that it doesn't know is :class:`LostError`."""
        again = method == "POST"
        try:
            return self.repository.registry.call(
                method, url, self.repository.writes, expected, headers=headers, body=body, again=again
            )
        except RegistryError as error:
            unknown = error.code in {Code.UPLOAD_UNKNOWN, Code.UPLOAD_INVALID} or error.status == UNSATISFIABLE
            if method != "POST" and (unknown or (error.status == NOT_FOUND and self.offset)):
                raise LostError(error.message, hint=error.hint, status=error.status, code=error.code) from None
            raise

    def refresh(self) -> None:
        """Ask how much has arrived, and go on from there; from the beginning where the registry doesn't know.

        Raises :class:`RegistryError` where it gives no answer: what is remembered of the upload is kept for a better time.
        """
        if not self.location:
            return
        if self.in_one:
            self._lost()
            return
        try:
            answer = self.repository.registry.call(
                "GET", self.location, self.repository.writes, {NO_CONTENT, OK, ACCEPTED}
            )
        except RegistryError as error:
            if not error.status or error.status in RETRIED or isinstance(error, DeniedError):
                raise
            if error.status in {400, 404, 405} and error.code not in {Code.UPLOAD_UNKNOWN, Code.UPLOAD_INVALID}:
                return  # it can't be asked: what it has said before will be true, or it says so
            self._lost()
            return
        there = received(answer.header("Range"))
        with contextlib.suppress(RegistryError):
            self.follow(answer)
        if there is None or there > self.blob.size:
            self._lost()
        else:
            self.offset = there
            self.session.keep(Begun(self.location, self.offset))

    def _lost(self) -> None:
        self.location, self.offset = "", 0
        self.session.forget()

    def _is_done_after_all(self) -> bool:
        """Whether only the last answer was lost."""
        return self._is_last(self.blob.size - self.offset) and self.repository.has_blob(self.blob)


def send_blob(
    repository: Repository,
    blob: Descriptor,
    source: Readable,
    session: Session,
    moved: Callable[[int], None],
    others: tuple[str, ...] = (),
) -> Placed:
    """Let a registry have a blob: found there, mounted from one of the ``others`` (repositories of it), or sent.

    ``moved`` is told how many bytes are there. Raises :class:`RegistryError`, :class:`StoreError`.
    """
    if repository.has_blob(blob):
        session.forget()
        return Placed(Outcome.THERE)
    upload = _Upload(repository, blob, Reading(source, blob, moved), session)
    begun = session.recall()
    if begun:
        upload.location, upload.offset = begun.location, begun.offset
        upload.refresh()
    if not upload.location:
        for other in others:
            answer = _mount(repository, blob, other)
            if answer and answer.status == CREATED:
                answer.close()
                return Placed(Outcome.MOUNTED, other)
            if answer:
                upload.follow(answer)
                break
    upload.run()
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
