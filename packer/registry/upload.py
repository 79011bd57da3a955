"""An upload as the registry sees it: POST → PATCH … → PUT with the digest (distribution-spec 1.1, "Pushing blobs")."""

from __future__ import annotations

import contextlib

from whit.packer.registry.client import ACCEPTED, CREATED, NO_CONTENT, NOT_FOUND, OK, UNSATISFIABLE
from whit.packer.registry.headers import received, resolved, with_query
from whit.packer.registry.model import BrokenError, Code, DeniedError, RegistryError
from whit.packer.registry.retry import RETRIED
from whit.packer.registry.sessions import Begun
from whit.packer.registry.transport import NOTHING, Body
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.packer.registry.repository import Repository
    from whit.packer.registry.sessions import Session
    from whit.packer.registry.transport import Answer

_NO_PATCH = frozenset({400, 404, 405, 411, 413, 415, 501})


class LostError(RegistryError):
    """The registry knows nothing of an upload any more."""


class Upload:
    """Where it goes on, and how many bytes the registry has. ``take`` gives bytes: so many, from a place on.

    ``in_one``: the registry takes no chunks. All that is asked raises :class:`RegistryError`; :class:`LostError` where it has forgotten it.
    """

    def __init__(
        self, repository: Repository, take: Callable[[int, int], Iterable[bytes | memoryview]], session: Session
    ) -> None:
        self.repository = repository
        self.location = ""
        self.offset = 0
        self.in_one = False
        self._take = take
        self._session = session

    def begin(self) -> None:
        """Ask for a place to upload to."""
        answer = self._call("POST", self.repository.path("blobs/uploads/"), {ACCEPTED}, NOTHING)
        self.follow(answer)

    def resume(self, begun: Begun) -> None:
        """Go on with one that was begun before."""
        self.location, self.offset = begun.location, begun.offset
        self._session.keep(begun)

    def follow(self, answer: Answer) -> None:
        """Note where the registry wants the rest. Raises :class:`RegistryError` where it says nothing usable."""
        told = answer.header("Location") or ""
        there = resolved(answer.url, told)
        answer.close()
        if there is None:
            why = f"its Location is no address: {told[:100]!r}" if told else "it has no Location"
            raise RegistryError(f"{self.repository.registry.domain} says nowhere to upload to: {why}")
        self.location = there

    def put(self, digest: str, size: int) -> None:
        """Send the last ``size`` bytes, and name the digest of all."""
        url, start = with_query(self.location, digest=digest), self.offset
        body = Body(size, lambda: self._take(start, size))
        headers = {"Content-Type": "application/octet-stream"}
        if start and size:
            headers["Content-Range"] = f"{start}-{start + size - 1}"
        self._call("PUT", url, {CREATED, OK, NO_CONTENT}, body, headers).close()

    def patch(self, size: int) -> None:
        """Send ``size`` bytes more."""
        start = self.offset
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{start + size - 1}"}
        body = Body(size, lambda: self._take(start, size))
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
        self._session.keep(Begun(self.location, self.offset))

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

    def refresh(self, most: int) -> None:
        """Ask how much has arrived, and go on from there; from the beginning where the registry doesn't know.

        Raises :class:`RegistryError` where it gives no answer: what is remembered of the upload is kept for a better time.
        """
        if not self.location:
            return
        if self.in_one:
            self.lost()
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
            self.lost()
            return
        there = received(answer.header("Range"))
        with contextlib.suppress(RegistryError):
            self.follow(answer)
        if there is None or there > most:
            self.lost()
        else:
            self.offset = there
            self._session.keep(Begun(self.location, self.offset))

    def lost(self) -> None:
        """It is to begin anew."""
        self.location, self.offset = "", 0
        self._session.forget()
