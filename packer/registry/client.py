"""A registry as something that can be asked: who we are, tries again, refusals in words.

Every question of the distribution specification goes through :meth:`Registry.call`.
"""

from __future__ import annotations

import threading
import time

from whit.packer.registry.challenge import parse_challenges
from whit.packer.registry.credentials import credential_for
from whit.packer.registry.headers import media_type, path_of, place_of, retry_after
from whit.packer.registry.model import (
    MAX_ERROR,
    AbsentError,
    BrokenError,
    Code,
    DeniedError,
    Endpoint,
    RegistryError,
    UnencryptedError,
    is_local,
    said,
)
from whit.packer.registry.retry import RETRIED, GiveUp, decide
from whit.packer.registry.tokens import Authority
from whit.packer.registry.transport import Answer, Call, Transport
from whit.packer.showing.console import end_progress, progress
from whit.packer.support.light import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import NoReturn

    from whit.packer.registry.challenge import Scope
    from whit.packer.registry.dockerconfig import Credential
    from whit.packer.registry.settings import Settings
    from whit.packer.registry.transport import Body

OK, CREATED, ACCEPTED, NO_CONTENT, PARTIAL = 200, 201, 202, 204, 206
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNSATISFIABLE, TOO_MANY = 401, 403, 404, 416, 429
PING = "/v2/"
_HINTS = {
    413: "it, or a proxy before it, takes nothing so large: its owner can allow more (nginx: client_max_body_size)",
    507: "its storage is full, or the quota is used up: its owner has to make room",
}
_TOLD_SECONDS = 0.8
"""A pause from which on it is told, where a person watches."""


class Tries:
    """Failures in a row, and the pauses between; whatever gets on in between is to be told by :meth:`got_on`.

    ``reads``: nothing is sent, and so a registry from which nothing comes for long is given up.
    """

    def __init__(self, *, reads: bool = False) -> None:
        self._failed = 0
        self._reads = reads
        self._since = time.monotonic()

    def got_on(self) -> None:
        """There was progress: what failed before doesn't count any more."""
        self._failed = 0
        self._since = time.monotonic()

    def failed(self, error: RegistryError, asked: float | None = None) -> None:
        """Wait before the next try. Raises the error when there is to be none."""
        import random  # noqa: PLC0415 - not where all goes well

        self._failed += 1
        waited = time.monotonic() - self._since if self._reads else 0.0
        decision = decide(self._failed, random.random(), asked, waited)  # noqa: S311 - jitter, not a secret
        if isinstance(decision, GiveUp):
            if decision.asked is not None:
                raise RegistryError(
                    f"{error.message}; it asks to wait {decision.asked:.0f} s",
                    hint="come back then"
                    + (f"; who has logged in may ask more often: {error.hint}" if error.hint else ""),
                    status=error.status,
                ) from None
            # No BrokenError: whoever asks further out would begin to count anew.
            raise RegistryError(error.message, hint=error.hint, status=error.status, code=error.code)
        is_long = decision.seconds >= _TOLD_SECONDS
        if is_long:
            progress(f"{error.message}; trying again in {decision.seconds:.0f} s")
        time.sleep(decision.seconds)
        if is_long:
            end_progress()
        if asked is not None:
            self._since += decision.seconds


class Registry:
    """One endpoint. May be asked by several threads at once."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        settings: Settings,
        credential: Callable[[], Credential | None] | None = None,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._lock = threading.Lock()
        self._endpoint = endpoint
        self._found = not settings.may_be_plain(endpoint)
        self._credential = credential or (lambda: credential_for(endpoint.domain))
        self.authority = Authority(transport, endpoint, self._credential)

    @property
    def domain(self) -> str:
        """Its name in references."""
        return self._endpoint.domain

    @property
    def endpoint(self) -> Endpoint:
        """Where it is reached, with HTTPS or, where that is allowed and nothing else is spoken there, plain HTTP."""
        with self._lock:
            if not self._found:
                self._endpoint = self._probed(self._endpoint)
                self._found = True
                self.authority = Authority(self._transport, self._endpoint, self._credential)
            return self._endpoint

    def _probed(self, endpoint: Endpoint) -> Endpoint:
        """On loopback plain HTTP is tried first, as nobody else can listen; elsewhere HTTPS."""
        https = endpoint.url
        plain = "http://" + https.removeprefix("https://")
        order = (plain, https) if is_local(endpoint.authority) else (https, plain)
        first, second = (replace(endpoint, url=url) for url in order)
        is_first = self._is_spoken(first)
        if is_first is None:  # the connection broke: one that wants the other would do that, but not it alone
            is_first = not self._is_spoken(second)
        return first if is_first else second

    def _is_spoken(self, endpoint: Endpoint) -> bool | None:
        """Whether something there speaks the endpoint's protocol; None where that can't be told."""
        try:
            answer = self._transport.send(Call("GET", endpoint.url + PING, {}), endpoint)
        except BrokenError:
            return None
        except UnencryptedError:
            return False
        except RegistryError:
            return True
        answer.close()
        # Go's servers, and nginx, answer so to plain HTTP where they expect HTTPS.
        return answer.status != 400 or endpoint.url.startswith("https:")  # noqa: PLR2004

    def url(self, path: str) -> str:
        """The whole address of a path, or of what a registry itself has named."""
        return path if "://" in path else f"{self.endpoint.url}{path}"

    def call(
        self,
        method: str,
        path: str,
        scopes: frozenset[Scope],
        expected: Collection[int],
        *,
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        again: bool = True,
    ) -> Answer:
        """Ask, and ask again where that may help (``again``: it is no harm if the first time was understood).

        An answer whose status isn't ``expected`` is raised: :class:`AbsentError`, :class:`DeniedError`, or
        :class:`RegistryError`. :class:`BrokenError` where the connection breaks.
        """
        call = Call(method, self.url(path), headers or {}, body)
        tries = Tries(reads=body is None)
        while True:
            try:
                answer = self._authorized(call, scopes)
            except BrokenError as error:
                if not again:
                    raise
                tries.failed(error)
                continue
            if answer.status in expected:
                return answer
            if answer.status not in RETRIED or not again:
                self._refuse(answer)
            asked = retry_after(answer.header("Retry-After"), time.time())
            try:
                self._refuse(answer)
            except RegistryError as error:
                tries.failed(error, asked)

    def _authorized(self, call: Call, scopes: frozenset[Scope]) -> Answer:
        endpoint = self.endpoint
        shown = self.authority.header(scopes)
        answer = self._transport.send(replace(call, authorization=shown, secret_for=endpoint.url), endpoint)
        if answer.status != UNAUTHORIZED or place_of(answer.url) != place_of(endpoint.url):
            return answer  # what somebody else wants to see, where a redirect led, is no business of this registry's
        renewed = self.authority.renewed(answer, scopes, shown)
        if renewed is None:
            return answer
        answer.close()
        return self._transport.send(replace(call, authorization=renewed, secret_for=endpoint.url), endpoint)

    def _refuse(self, answer: Answer) -> NoReturn:
        """Raise what an answer says, in words."""
        status = answer.status
        kind = media_type(answer.header("Content-Type"))
        code, words = said(_beginning(answer))
        told = f": {words}" if words else f" ({code})" if code else ""
        name = self.domain
        if status in {UNAUTHORIZED, FORBIDDEN} or code == Code.DENIED:
            known = self.authority.credential()
            hint = (
                "does that user have the right to?"
                if known
                else f"it may not be there, or be for others: whit login {name}"
            )
            asked = parse_challenges(answer.headers("WWW-Authenticate"))
            if status == UNAUTHORIZED and known and any(one.scheme == "basic" for one in asked):
                hint = f"name or password may be wrong: whit login {name}"
            raise DeniedError(f"{name} refuses access{told}", hint=hint, status=status, code=code)
        if status == NOT_FOUND and kind != "text/html":
            raise AbsentError(f"{name} has no such thing{told}", status=status, code=code)
        if status == TOO_MANY:
            raise RegistryError(f"{name} is asked too often{told}", hint=f"whit login {name}", status=status, code=code)
        if kind == "text/html":
            raise RegistryError(
                f"{name} answers {status} with a web page",
                hint=_HINTS.get(status, "is that a registry's address?"),
                status=status,
            )
        raise RegistryError(
            f"{name} answers {status} for {path_of(answer.url)}{told}",
            hint=_HINTS.get(status),
            status=status,
            code=code,
        )


def _beginning(answer: Answer) -> bytes:
    """As much of a refusal's body as is of interest; what can't be read is empty."""
    data = bytearray()
    try:
        for chunk in answer.chunks(MAX_ERROR):
            data += chunk
            if len(data) >= MAX_ERROR:
                break
    except BrokenError:
        pass
    answer.close()
    return bytes(data[:MAX_ERROR])
