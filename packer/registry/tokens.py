"""Showing a registry who we are: basic, or bearer tokens, one for each set of scopes, shared by all threads.

distribution's "Token Authentication Specification" (GET) and "OAuth2 Token Authentication" (POST, for refresh tokens).
"""

from __future__ import annotations

import threading
import time
from urllib.parse import urlencode

from whit.packer.registry.challenge import Challenge, Scope, parse_challenges, scope_texts
from whit.packer.registry.model import MAX_ERROR, BrokenError, DeniedError, Endpoint, RegistryError, said
from whit.packer.registry.transport import Body, Call
from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.support.urls import split_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.registry.dockerconfig import Credential
    from whit.packer.registry.transport import Answer, Transport

CLIENT = "whit"
USUAL_SECONDS = 60
"""How long a token is good for whose answer doesn't say."""
_EARLY = 10
"""Seconds before its end that a token is no longer used."""
_MAX_TOKEN = 1 << 20


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; ``until`` on the monotonic clock. ``refresh`` is what it can be had again for."""

    value: str
    until: float
    refresh: str = ""


class Authority:
    """What is shown to one endpoint."""

    def __init__(self, transport: Transport, endpoint: Endpoint, credential: Callable[[], Credential | None]) -> None:
        self._transport = transport
        self._endpoint = endpoint
        self._find = credential
        self._lock = threading.RLock()
        self._challenge: Challenge | None = None
        self._tokens: dict[frozenset[Scope], Token] = {}
        self._known: tuple[Credential | None] | None = None

    def credential(self) -> Credential | None:
        """Who the person is there; asked for once, since helpers take their time."""
        with self._lock:
            if self._known is None:
                self._known = (self._find(),)
            return self._known[0]

    def header(self, scopes: frozenset[Scope]) -> str | None:
        """The ``Authorization`` for a request; None as long as the registry hasn't asked for any."""
        with self._lock:
            return self._shown(scopes) if self._challenge else None

    def renewed(self, answer: Answer, scopes: frozenset[Scope], refused: str | None) -> str | None:
        """What to show after an answer 401; None where there is nothing else than what was ``refused``."""
        challenges = parse_challenges(answer.headers("WWW-Authenticate"))
        chosen = next((one for scheme in ("bearer", "basic") for one in challenges if one.scheme == scheme), None)
        if chosen is None:
            return None
        with self._lock:
            self._challenge = chosen
            kept = self._tokens.get(scopes)
            if kept and f"Bearer {kept.value}" == refused:
                del self._tokens[scopes]
            shown = self._shown(scopes)
        return None if shown == refused else shown

    def _shown(self, scopes: frozenset[Scope]) -> str | None:
        assert self._challenge is not None  # noqa: S101 - the callers'
        credential = self.credential()
        if self._challenge.scheme == "basic":
            return credential.basic if credential and credential.user else None
        if credential and credential.bearer:
            return f"Bearer {credential.bearer}"
        token = self._tokens.get(scopes)
        if token is None or token.until <= time.monotonic():
            token = self.token(self._challenge, scope_texts(self._challenge, scopes), credential)
            self._tokens[scopes] = token
        return f"Bearer {token.value}"

    def token(
        self, challenge: Challenge, scopes: tuple[str, ...], credential: Credential | None, *, offline: bool = False
    ) -> Token:
        """A new token; ``offline`` asks for a refresh token too. Raises :class:`DeniedError`, :class:`RegistryError`."""
        realm, service = challenge.get("realm"), challenge.get("service")
        try:
            parts = split_url(realm)
        except UsageError:
            parts = None
        if parts is None or parts.scheme not in {"http", "https"}:
            raise RegistryError(f"{self._endpoint.authority} names no place to get a token: realm {realm[:100]!r}")
        if credential and credential.identity:
            return self._by_refresh(realm, service, scopes, credential.identity)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        if credential and credential.user:
            query.append(("account", credential.user))
        if offline:
            query += [("offline_token", "true"), ("client_id", CLIENT)]
        url = f"{realm}{'&' if parts.query else '?'}{urlencode(query)}" if query else realm
        basic = credential.basic if credential and credential.user else None
        return self._read(Call("GET", url, {}, authorization=basic, secret_for=realm))

    def refresh_token(self) -> str:
        """A refresh token for the person's name and password; empty where the registry gives none."""
        with self._lock:
            challenge, credential = self._challenge, self.credential()
            if challenge is None or challenge.scheme != "bearer" or not credential or credential.identity:
                return ""
            return self.token(challenge, (), credential, offline=True).refresh

    def _by_refresh(self, realm: str, service: str, scopes: tuple[str, ...], identity: str) -> Token:
        form = {"grant_type": "refresh_token", "refresh_token": identity, "client_id": CLIENT, "service": service}
        data = urlencode({**form, "scope": " ".join(scopes)}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._read(Call("POST", realm, headers, Body(len(data), lambda: (data,))))

    def _read(self, call: Call) -> Token:
        for attempt in (1, 2, 3):
            try:
                answer = self._transport.send(call, self._endpoint)
                data = answer.body(_MAX_TOKEN)
            except BrokenError:
                if attempt == 3:  # noqa: PLR2004 - the last
                    raise
                time.sleep(0.2 * attempt)
                continue
            if answer.status < 500 or attempt == 3:  # noqa: PLR2004
                break
            time.sleep(0.2 * attempt)
        where = split_url(call.url).netloc
        if answer.status in {400, 401, 403}:
            words = said(data[:MAX_ERROR])[1]
            raise DeniedError(
                f"{where} gives no token for {self._endpoint.domain}{f': {words}' if words else ''}",
                hint=f"whit login {self._endpoint.domain}",
                status=answer.status,
            )
        if answer.status != 200:  # noqa: PLR2004
            raise RegistryError(f"{where} gives no token: it answers {answer.status}", status=answer.status)
        try:
            doc = parse_object(data, f"{where}'s token", _MAX_TOKEN)
            value = doc.text_or_none("token") or doc.text("access_token")
            seconds = doc.count_or_none("expires_in") or USUAL_SECONDS
        except InvalidFileError as error:
            raise RegistryError(error.message, hint="is it the registry's token server?") from None
        until = time.monotonic() + max(seconds - _EARLY, seconds / 2)
        return Token(value, until, doc.text_or_none("refresh_token") or "")
