"""Which Docker Engine is meant: in docker's own order, by what its command would read. Pure.

``-H``, ``--context``, DOCKER_HOST, DOCKER_CONTEXT, ``currentContext`` of config.json, the usual socket. A context is kept in
contexts/meta/SHA256(NAME)/meta.json beside config.json, its certificates in contexts/tls/SHA256(NAME)/docker/.
"""

from __future__ import annotations

import json
from hashlib import sha256

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Read = Callable[[str], str | None]
    """A path → its text, None where there is no such file."""

USUAL = "unix:///var/run/docker.sock"
_SCHEMES = ("unix://", "tcp://", "ssh://", "http://", "https://")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the engine listens. ``certificates`` is a folder with ca.pem, cert.pem and key.pem, as far as they are there."""

    host: str
    certificates: str = ""
    verifies: bool = True
    tls: bool = False


def endpoint(host: str, context: str, environment: Mapping[str, str], read: Read) -> Endpoint:
    """The engine that is meant. Raises :class:`UsageError`, :class:`NotFoundError` for a context that isn't there."""
    if host and context:
        raise UsageError("-H and --context name two engines", hint="give one of them")
    folder = environment.get("DOCKER_CONFIG") or f"{environment.get('HOME', '')}/.docker"
    if not (host or context):
        host = environment.get("DOCKER_HOST", "")
        context = "" if host else environment.get("DOCKER_CONTEXT") or _current(folder, read)
    if host or context in {"", "default"}:
        certificates = environment.get("DOCKER_CERT_PATH") or folder
        verifies = bool(environment.get("DOCKER_TLS_VERIFY"))
        tls = verifies or bool(environment.get("DOCKER_TLS"))
        usual = host or (environment.get("DOCKER_HOST", "") if context else "") or USUAL
        return Endpoint(_checked(usual, tls=tls), certificates if tls else "", verifies, tls)
    return _of_context(context, folder, read)


def _current(folder: str, read: Read) -> str:
    text = read(f"{folder}/config.json")
    return str(_document(text, f"{folder}/config.json").get("currentContext") or "") if text else ""


def _of_context(name: str, folder: str, read: Read) -> Endpoint:
    place = sha256(name.encode()).hexdigest()
    file = f"{folder}/contexts/meta/{place}/meta.json"
    text = read(file)
    if text is None:
        raise NotFoundError(f"there is no docker context {name}", hint="'docker context ls' lists them")
    found = (_document(text, file).get("Endpoints") or {}).get("docker")
    if not isinstance(found, dict) or not isinstance(found.get("Host", ""), str):
        raise InvalidFileError(
            f"{file}: the context {name} names no engine", hint="make it anew: docker context create"
        )
    certificates = f"{folder}/contexts/tls/{place}/docker"
    tls = read(f"{certificates}/ca.pem") is not None or read(f"{certificates}/cert.pem") is not None
    host = _checked(found.get("Host") or USUAL, tls=tls)
    return Endpoint(host, certificates if tls else "", not found.get("SkipTLSVerify", False), tls)


def _document(text: str, file: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidFileError(f"{file} is not JSON", hint="docker writes it; mend or remove it")
    return found


def _checked(host: str, *, tls: bool) -> str:
    """With a scheme, and, for TCP, a port: docker's usual ones are 2375, and 2376 with TLS."""
    if host.startswith("/"):
        return f"unix://{host}"
    if "://" not in host:
        host = f"tcp://{host}"
    if not host.startswith(_SCHEMES):
        raise UsageError(f"no engine can be at {host[:200]}", hint=f"it begins with {', '.join(_SCHEMES[:3])}")
    name = host.removeprefix("tcp://")
    if name != host and ":" not in name.rpartition("]")[2]:
        return f"{host}:{2376 if tls else 2375}"
    return host
