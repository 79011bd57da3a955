"""One HTTP exchange with a registry: connections kept, TLS, redirects followed by hand, secrets kept at their place.

On urllib3: connection pool, TLS and proxies are its own; it neither retries nor follows anything here.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)
from urllib3.exceptions import (
    TimeoutError as HTTPTimeoutError,
)

from whit.packer.registry.headers import place_of, resolved
from whit.packer.registry.model import BrokenError, Endpoint, RegistryError, UnencryptedError, host_of, is_local, reach
from whit.packer.registry.settings import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MAX_REDIRECTS = 10
CONNECT_SECONDS, READ_SECONDS, WRITE_SECONDS = 15.0, 30.0, 300.0
"""How long a connection, the next bytes of an answer, and the answer to what was sent may take."""

CHUNK = 1 << 20
"""Bytes read from a connection at once."""

CONNECTIONS = 8
_LONGEST_NUMBER = 18
"""Digits of the greatest size that anybody can mean."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOLLOWED = frozenset({"GET", "HEAD"})
_AGENT = "whit"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: ``size`` bytes, made anew by each call of ``chunks``."""

    size: int
    chunks: Callable[[], Iterable[bytes]]


NOTHING = Body(0, tuple)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. ``authorization`` goes only to the place (scheme, host, port) of ``secret_for``."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    authorization: str | None = None
    secret_for: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; its body is read once, or not at all: then ``close`` it."""

    status: int
    url: str
    response: urllib3.BaseHTTPResponse

    def header(self, name: str) -> str | None:
        """One header's value."""
        value: str | None = self.response.headers.get(name)
        return value

    def headers(self, name: str) -> tuple[str, ...]:
        """All values of a header that may stand more than once."""
        return tuple(self.response.headers.getlist(name))

    def body(self, limit: int) -> bytes:
        """The whole body. Raises :class:`RegistryError` where it has more than ``limit`` bytes."""
        data, is_too_long = bytearray(), (self.announced() or 0) > limit
        for chunk in () if is_too_long else self.chunks(min(limit + 1, CHUNK)):
            data += chunk
            is_too_long = len(data) > limit
            if is_too_long:
                break
        if is_too_long:
            self.response.close()
            raise RegistryError(f"{_shown(self.url)} answers with more than {limit} bytes", status=self.status)
        return bytes(data)

    def announced(self) -> int | None:
        """The body's size as the header has it. Raises :class:`RegistryError` for what is no size (RFC 9110, 8.6)."""
        value = self.header("Content-Length")
        if value is None:
            return None
        first, *others = (part.strip() for part in value.split(","))
        if not (first.isascii() and first.isdigit()) or len(first) > _LONGEST_NUMBER or any(x != first for x in others):
            self.response.close()
            raise RegistryError(
                f"{_shown(self.url)} answers with a Content-Length that is no size: {value[:40]!r}",
                hint="is there a proxy on the way that breaks it?",
                status=self.status,
            )
        return int(first)

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The body in pieces. Raises :class:`BrokenError` where the connection ends too early."""
        try:
            while chunk := self.response.read(size, decode_content=False):
                yield chunk
        except HTTPTimeoutError:
            self.response.close()
            raise BrokenError(f"{_host(self.url)} sends no more, in the middle of an answer") from None
        except (HTTPError, OSError) as error:
            self.response.close()
            raise BrokenError(f"the connection to {_host(self.url)} broke: {_reason(error)}") from None
        finally:
            self.response.release_conn()

    def close(self) -> None:
        """Leave the body: the connection is kept where little of it is left."""
        left = self.response.length_remaining
        try:
            if left is not None and left <= CHUNK:
                self.response.read(left or 1, decode_content=False)
                self.response.release_conn()
                return
        except (HTTPError, OSError):
            pass
        self.response.close()


class Transport:
    """Connections to registries, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, bool], urllib3.PoolManager] = {}
        self._near: dict[str, int] = {}

    def send(self, call: Call, endpoint: Endpoint) -> Answer:
        """One exchange, with the redirects that it leads to. Raises :class:`BrokenError`, :class:`RegistryError`."""
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
                found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
            except (OSError, UnicodeError):
                raise RegistryError(f"there is no host {host}", hint="check its spelling, and the network") from None
            self._near[host] = max(map(reach, found))
        return self._near[host]

    def _exchange(self, call: Call, url: str, secret: str | None, endpoint: Endpoint) -> Answer:
        headers = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **call.headers}
        if secret:
            headers["Authorization"] = secret
        body: Iterable[bytes] | None = None
        if call.body is not None:
            headers["Content-Length"] = str(call.body.size)
            body = call.body.chunks() if call.body.size else None
        seconds = WRITE_SECONDS if call.body is not None else READ_SECONDS
        pool = self._pool(url, endpoint)
        try:
            response = pool.request(
                call.method,
                url,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
            )
        except (HTTPError, OSError) as error:
            _raise(error, url)
        return Answer(response.status, url, response)

    def _pool(self, url: str, endpoint: Endpoint) -> urllib3.PoolManager:
        scheme, host, _ = place_of(url)
        authority = urlsplit(url).netloc
        own = host == host_of(endpoint.authority).lower()
        key = (scheme, authority, endpoint.verify or not own)
        with self._lock:
            if key not in self._pools:
                settings: dict[str, object] = {"maxsize": CONNECTIONS}
                if scheme == "https":
                    settings["ssl_context"] = tls_context(Endpoint(authority, f"https://{authority}", key[2]))
                    settings["assert_hostname"] = None if key[2] else False
                proxy = _proxy_for(url)
                self._pools[key] = (
                    urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)  # type: ignore[arg-type]
                )
            return self._pools[key]


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names (http_proxy, https_proxy, no_proxy); never one for this machine itself."""
    scheme, host, port = place_of(url)
    proxy = os.environ.get(f"{scheme}_proxy") or os.environ.get(f"{scheme.upper()}_PROXY")
    if not proxy or is_local(host):
        return None
    import urllib.request  # noqa: PLC0415 - slow to import, and only needed behind a proxy

    if urllib.request.proxy_bypass(f"{host}:{port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _raise(error: Exception, url: str) -> NoReturn:
    """What urllib3 or the kernel says, in words."""
    host = _host(url)
    if isinstance(error, NameResolutionError):
        raise RegistryError(f"there is no host {host}", hint="check its spelling, and the network") from None
    if isinstance(error, SSLError):
        _raise_tls(str(error), host)
    if isinstance(error, ProxyError):
        raise BrokenError(f"the proxy on the way to {host} fails: {_reason(error)}") from None
    if isinstance(error, NewConnectionError | ConnectTimeoutError):
        raise BrokenError(f"{host} can't be reached: {_reason(error)}", hint="is it running, and the port right?")
    if isinstance(error, HTTPTimeoutError):
        raise BrokenError(f"{host} gave no answer in time") from None
    raise BrokenError(f"the connection to {host} broke: {_reason(error)}") from None


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
    """The innermost words, without objects' names."""
    inner: object = error
    while isinstance(inner, Exception) and inner.args and isinstance(inner.args[-1], Exception):
        inner = inner.args[-1]
    if isinstance(inner, IncompleteRead):
        return f"{inner.expected or 'some'} bytes are missing"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    text = str(inner)
    return (
        text.rpartition("[Errno")[2].partition("] ")[2].lower() or text.rpartition(": ")[2][:200] or "no reason given"
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _shown(url: str) -> str:
    """An address without its query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:300]
