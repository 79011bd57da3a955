"""A token server for docker-registry (distribution, "Token Authentication Specification"): ES256, signed by openssl."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.peers.certificates import self_signed
from tests.peers.registry import PASSWORD, USER
from tests.peers.serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUER, SERVICE = "tests", "registry.tests"
REFRESH = f"refresh-{USER}"


@dataclass(slots=True)
class Tokens:
    """A token server that runs. ``asked`` are the scopes of each token that was given, with who asked and how."""

    port: int
    bundle: Path
    seconds: int = 300
    gives_refresh: bool = False
    asked: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)

    @property
    def auth(self) -> dict[str, object]:
        """For docker-registry's configuration."""
        realm = f"http://localhost:{self.port}/token"
        token = {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self.bundle)}
        return {"token": token}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(signature: bytes) -> bytes:
    """r and s, 32 bytes each, of openssl's DER (RFC 7518, 3.4)."""
    parts, at = [], 2
    for _ in range(2):
        size = signature[at + 1]
        parts.append(signature[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + size
    return b"".join(parts)


def _token(key: Path, certificate: Path, claims: dict[str, object]) -> str:
    der = base64.b64encode(
        subprocess.run(
            ["openssl", "x509", "-in", certificate, "-outform", "DER"], capture_output=True, check=True, timeout=10
        ).stdout
    ).decode()
    header = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    signed = subprocess.run(
        ["openssl", "dgst", "-sha256", "-sign", key], input=text.encode(), capture_output=True, check=True, timeout=10
    ).stdout
    return f"{text}.{_encoded(_raw(signed))}"


def _claims(user: str, scopes: list[str], seconds: int) -> dict[str, object]:
    """Anybody may pull from ``open/``, :data:`USER` may do all."""
    now = int(time.time())
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2) if scope.count(":") == 2 else (*scope.split(":"), "")
        allowed = [act for act in actions.split(",") if user or (act == "pull" and name.startswith("open/"))]
        access.append({"type": kind, "name": name, "actions": allowed})
    times = {"exp": now + seconds, "nbf": now - 10, "iat": now}
    return {"iss": ISSUER, "sub": user, "aud": SERVICE, **times, "jti": str(time.monotonic_ns()), "access": access}


@contextlib.contextmanager
def token_server(folder: Path) -> Iterator[Tokens]:
    """Start it."""
    certificate, key = self_signed(folder, "tokens")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            user = self._basic()
            if user is None:
                self._answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
                return
            offline = query.get("offline_token") == ["true"]
            self._give("GET", user, query.get("scope", []), refresh=offline and bool(user))

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if form.get("refresh_token") != [REFRESH] or form.get("grant_type") != ["refresh_token"]:
                self._answer(401, {"error": "invalid_grant", "error_description": "no such refresh token"})
                return
            self._give("POST", USER, " ".join(form.get("scope", [])).split(), refresh=False)

        def _basic(self) -> str | None:
            header = self.headers.get("Authorization", "")
            if not header:
                return ""
            given = base64.b64decode(header.removeprefix("Basic ")).decode()
            return USER if given == f"{USER}:{PASSWORD}" else None

        def _give(self, how: str, user: str, scopes: list[str], *, refresh: bool) -> None:
            state.asked.append((how, user, tuple(scopes)))
            document = {
                "token": _token(key, certificate, _claims(user, scopes, state.seconds)),
                "expires_in": state.seconds,
            }
            self._answer(200, document | ({"refresh_token": REFRESH} if refresh and state.gives_refresh else {}))

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Tokens(server.server_address[1], certificate)
    with served(server):
        yield state
