"""One exchange with a registry: connections kept, redirects followed by hand, secrets kept at their place, errors in words."""

from __future__ import annotations

import os
import threading
import time

# Its C part alone: the module around it makes enumerations of all constants.
from _socket import gaierror
from urllib.parse import quote

from whit.packer.registry.connecting import (
    CONNECT_SECONDS,
    PROXY_WANTS,
    Idle,
    Place,
    ProxyError,
    addresses,
    connect,
    proxy_headers,
)
from whit.packer.registry.headers import place_of, resolved
from whit.packer.registry.http1 import LONGEST_NUMBER, EndlessError, ProtocolError, request_head
from whit.packer.registry.model import (
    BrokenError,
    Endpoint,
    RegistryError,
    SlowError,
    UnencryptedError,
    host_of,
    is_local,
    reach,
)
from whit.packer.registry.pace import Pace
from whit.packer.registry.settings import tls_context
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.packer.support.urls import split_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import NoReturn

    from whit.packer.registry.http1 import Connection, Response

MAX_REDIRECTS = 10
READ_SECONDS, WRITE_SECONDS = 30.0, 300.0
"""How long the next bytes of an answer, and the answer to what was sent may take."""

CHUNK = 1 << 20
"""Bytes read from a connection at once."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWED = frozenset({"GET", "HEAD"})
_AGENT = "whit"
_TARGET = "!#$%&'()*+,/:;=?@[]~-._"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: ``size`` bytes, made anew by each call of ``chunks``."""

    size: int
    chunks: Callable[[], Iterable[bytes | memoryview]]


NOTHING = Body(0, tuple)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. ``authorization`` goes only to the place (scheme, host, port) of ``secret_for``."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body | None = None
    authorization: str | None = None
    secret_for: str = ""


class Answer:
    """A response; its body is read once, or not at all: then ``close`` it."""

    def __init__(self, url: str, response: Response, leave: Callable[[], object]) -> None:
        self.url = url
        self.status = response.head.status
        self._response = response
        self._leave = leave

    def header(self, name: str) -> str | None:
        """One header's value."""
        return self._response.head.get(name)

    def headers(self, name: str) -> tuple[str, ...]:
        """All values of a header that may stand more than once."""
        return self._response.head.all(name)

    def body(self, limit: int) -> bytes:
        """The whole body. Raises :class:`RegistryError` where it has more than ``limit`` bytes, or is encoded."""
        coding = (self.header("Content-Encoding") or "identity").strip().lower()
        if coding != "identity":
            self._leave()
            raise RegistryError(
                f"{_shown(self.url)} answers in a coding that nobody asked for: {coding[:40]}",
                hint="is there a proxy on the way that compresses?",
                status=self.status,
            )
        data, is_too_long = bytearray(), (self.announced() or 0) > limit
        for chunk in () if is_too_long else self.chunks(min(limit + 1, CHUNK)):
            data += chunk
            is_too_long = len(data) > limit
            if is_too_long:
                break
        if is_too_long:
            self._leave()
            raise RegistryError(f"{_shown(self.url)} answers with more than {limit} bytes", status=self.status)
        return bytes(data)

    def announced(self) -> int | None:
        """The body's size as the header has it. Raises :class:`RegistryError` for what is no size (RFC 9110, 8.6)."""
        value = self.header("Content-Length")
        if value is None:
            return None
        first, *others = (part.strip() for part in value.split(","))
        if not (first.isascii() and first.isdigit()) or len(first) > LONGEST_NUMBER or any(x != first for x in others):
            self._leave()
            raise RegistryError(
                f"{_shown(self.url)} answers with a Content-Length that is no size: {value[:40]!r}",
                hint="is there a proxy on the way that breaks it?",
                status=self.status,
            )
        return int(first)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes | memoryview]:
        """The body in pieces, each good until the next.

        Raises :class:`BrokenError` where the connection ends too early, :class:`SlowError` where hardly anything comes.
        """
        pace = Pace(time.monotonic())
        try:
            for piece in self._response.pieces(size):
                if not pace.passed(len(piece), time.monotonic()):
                    raise SlowError(f"{_host(self.url)} sends hardly anything")
                yield piece
        except TimeoutError:
            raise BrokenError(f"{_host(self.url)} sends no more, in the middle of an answer") from None
        except EndlessError as error:
            _raise(error, self.url)
        except (ProtocolError, OSError) as error:
            raise BrokenError(f"the connection to {_host(self.url)} broke: {_reason(error)}") from None
        finally:
            self._leave()

    def close(self) -> None:
        """Leave the body: the connection is kept where all of it is here."""
        self._response.leave()
        self._leave()


class Transport:
    """Connections to registries, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle = Idle()
        self._contexts: dict[Place, ssl.SSLContext] = {}
        self._near: dict[str, int] = {}

    def send(self, call: Call, endpoint: Endpoint) -> Answer:
        """One exchange, with the redirects that it leads to. Raises :class:`BrokenError`, :class:`RegistryError`, :class:`UsageError`."""
        url, seen, secret = call.url, set[str](), call.authorization
        while True:
            self._check_place(endpoint, url)
            if place_of(url) != place_of(call.secret_for or endpoint.url):
                secret = None
            answer = self._exchange(call, url, secret, endpoint)
            if answer.status not in _REDIRECTS or call.method not in _FOLLOWED:
                return answer
            seen.add(url)
            there = resolved(url, answer.header("Location") or "")
            answer.close()
            if there is None:
                raise RegistryError(f"{_shown(url)} redirects to nothing that can be asked", status=answer.status)
            if there in seen or len(seen) > MAX_REDIRECTS:
                raise RegistryError(
                    f"{_shown(call.url)} redirects in circles, or too often", hint="is the registry's address right?"
                )
            url = there

    def _check_place(self, endpoint: Endpoint, url: str) -> None:
        """Refuse to be led from a registry to something nearer than itself, or from HTTPS to plain HTTP."""
        scheme, host, _ = place_of(url)
        if host == host_of(endpoint.authority).lower() and url.startswith(endpoint.url.partition("://")[0]):
            return
        if scheme == "http" and endpoint.verify and endpoint.url.startswith("https:"):
            raise RegistryError(
                f"{endpoint.authority} leads to {_shown(url)}, which isn't encrypted", hint="--insecure allows it"
            )
        if host == host_of(endpoint.authority).lower() or _proxy_for(url):
            return
        own, other = self._reach(host_of(endpoint.authority)), self._reach(host)
        if other > own:
            raise RegistryError(
                f"{endpoint.authority} leads to {host}, an address of a private network",
                hint="whit doesn't go there for a registry that isn't in it",
            )

    def _reach(self, host: str) -> int:
        """The nearest of a host's addresses; see :func:`model.reach`."""
        if host not in self._near:
            try:
                found = {str(entry[4][0]) for entry in addresses(host, None)}
            except (OSError, UnicodeError):
                raise RegistryError(f"there is no host {host}", hint="check its spelling, and the network") from None
            self._near[host] = max(map(reach, found))
        return self._near[host]

    def _exchange(self, call: Call, url: str, secret: str | None, endpoint: Endpoint) -> Answer:
        place = self._place(url, endpoint)
        parts = split_url(url)
        target = quote(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", safe=_TARGET)
        host = parts.netloc.rpartition("@")[2].removesuffix(f":{_PORTS[place.scheme]}")
        headers = {"Host": host, "User-Agent": _AGENT, "Accept-Encoding": "identity", **call.headers}
        if secret:
            headers["Authorization"] = secret
        if place.proxy and place.scheme == "http":
            target = f"http://{host}{target}"
            headers |= proxy_headers(place)
        if call.body is not None:
            headers["Content-Length"] = str(call.body.size)
        try:
            head = request_head(call.method, target, headers)
            connection = self._idle.take(place) or self._connected(place, url)
            return self._asked(connection, place, call, url, head)
        except (ProtocolError, OSError) as error:
            _raise(error, url)

    def _asked(self, connection: Connection, place: Place, call: Call, url: str, head: bytes) -> Answer:
        seconds = READ_SECONDS if call.body is None else WRITE_SECONDS
        try:
            body = call.body.chunks() if call.body and call.body.size else None
            response = connection.ask(call.method, head, body, seconds)
        except BaseException:
            connection.stream.close()
            raise
        if place.proxy and response.head.status == PROXY_WANTS:
            connection.stream.close()
            _raise_of_proxy(f"it answers {PROXY_WANTS}", url)
        held = [connection]

        def leave() -> None:
            for one in held:
                if response.is_reusable:
                    self._idle.put(place, one)
                else:
                    one.stream.close()
            held.clear()

        return Answer(url, response, leave)

    def _connected(self, place: Place, url: str) -> Connection:
        def context() -> ssl.SSLContext:
            authority = split_url(url).netloc
            with self._lock:
                if place not in self._contexts:
                    self._contexts[place] = tls_context(Endpoint(authority, f"https://{authority}", place.verify))
                return self._contexts[place]

        try:
            return connect(place, context)
        except gaierror:
            raise RegistryError(f"there is no host {_host(url)}", hint="check its spelling, and the network") from None
        except ProxyError as error:
            if error.is_final:
                _raise_of_proxy(str(error), url)
            raise BrokenError(f"the proxy on the way to {_host(url)} fails: {error}") from None
        except OSError as error:
            if _is_of_tls(error):
                _raise_tls(str(error), _host(url))
            raise BrokenError(
                f"{_host(url)} can't be reached: {_reason(error)}", hint="is it running, and the port right?"
            ) from None

    def _place(self, url: str, endpoint: Endpoint) -> Place:
        scheme, host, port = place_of(url)
        own = host == host_of(endpoint.authority).lower()
        return Place(scheme, host, port, endpoint.verify or not own, _proxy_for(url) or "")


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names (http_proxy, https_proxy, no_proxy); never one for this machine itself."""
    scheme, host, port = place_of(url)
    proxy = os.environ.get(f"{scheme}_proxy") or os.environ.get(f"{scheme.upper()}_PROXY")
    if not proxy or is_local(host):
        return None
    from whit.packer.registry.bypass import is_bypassed  # noqa: PLC0415 - only needed behind a proxy

    if is_bypassed(host, port, os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    try:
        split_url(proxy)
    except UsageError as error:
        raise UsageError(f"{scheme}_proxy: {error.message}", hint="as http://[USER:PASSWORD@]HOST:PORT") from None
    return proxy


def _raise(error: Exception, url: str) -> NoReturn:
    """What the kernel, TLS or HTTP says, in words."""
    if _is_of_tls(error):
        _raise_tls(str(error), _host(url))
    if isinstance(error, EndlessError):
        raise RegistryError(
            f"{_host(url)} gives no answer that ends: {error}",
            hint="is it a registry, and nothing on the way breaks it?",
        ) from None
    if isinstance(error, TimeoutError):
        raise BrokenError(f"{_host(url)} gave no answer in time") from None
    raise BrokenError(f"the connection to {_host(url)} broke: {_reason(error)}") from None


def _raise_of_proxy(text: str, url: str) -> NoReturn:
    """What a proxy won't do another time either."""
    raise RegistryError(
        f"the proxy on the way to {_host(url)} fails: {text}",
        hint=f"{place_of(url)[0]}_proxy names it, as http://USER:PASSWORD@HOST:PORT where it wants to know who asks",
    ) from None


def _is_of_tls(error: Exception) -> bool:
    """Whether it is one of ssl's, a module that isn't imported where nothing is encrypted."""
    return isinstance(error, OSError) and hasattr(error, "reason")


def _raise_tls(text: str, host: str) -> NoReturn:
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text or "HTTP_REQUEST" in text:
        raise UnencryptedError(
            f"{host} doesn't speak HTTPS", hint="--insecure, or 'insecure = true' in registries.conf, allows plain HTTP"
        ) from None
    if "EOF" in text or "UNEXPECTED_EOF" in text:
        raise BrokenError(f"the connection to {host} broke") from None
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE_FAILURE" in text or "BAD_CERTIFICATE" in text:
        raise RegistryError(
            f"{host} doesn't take us: it wants a client's certificate",
            hint=f"put NAME.cert and NAME.key in ~/.config/containers/certs.d/{host}/",
        ) from None
    reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0].partition(")")[0]
    hint = f"put its authority in ~/.config/containers/certs.d/{host}/ca.crt, or use --insecure"
    if "expired" in reason or "not yet valid" in reason:
        hint = "its owner has to renew it, if this machine's clock is right"
    elif "mismatch" in reason:
        hint = "ask the registry by the name that its certificate is for"
    raise RegistryError(f"the certificate of {host} can't be trusted: {reason or text[:200]}", hint=hint) from None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or "no reason given"


def _host(url: str) -> str:
    return split_url(url).netloc


def _shown(url: str) -> str:
    """An address without its query, which may hold secrets."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:300]
