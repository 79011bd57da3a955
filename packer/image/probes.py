"""How an image says that whit itself is to look after its program's health: a label. Pure.

docker's HEALTHCHECK knows commands only, and an image of one static program has none to run. So a probe by TCP or HTTP
stands in the label ``dev.whit.health``, which other engines pass over: ``http :8080/healthz interval=10s retries=3``.
"""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HEALTH_LABEL = "dev.whit.health"
KINDS = ("http", "tcp")
OPTIONS = ("interval", "timeout", "start_period", "start_interval", "retries")


def health_words(kind: str, target: str, times: Mapping[str, int], retries: int) -> str:
    """The label's text; times in ns. Raises :class:`UsageError` for a target that can't be probed."""
    parse_target(kind, target, "health")
    numbers = [f"{name}={times[name]}ns" for name in OPTIONS if name in times]
    return " ".join((kind, target, *numbers, *([f"retries={retries}"] if retries else [])))


def parse_target(kind: str, text: str, told: str) -> tuple[str, int, str]:
    """(address, port, path) of ``[ADDRESS]:PORT[/PATH]``; without an address the container's own. Only HTTP has a path.

    ``told`` stands before what is wrong. Raises :class:`UsageError`.
    """
    place, slash, path = text.removeprefix(f"{kind}://").partition("/")
    host, colon, port = place.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0  # noqa: PLR2004 - digits of a port
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    from ipaddress import ip_address  # noqa: PLC0415 - only for probes

    try:
        address = str(ip_address(bare)) if bare and bare != "localhost" else "127.0.0.1"
    except ValueError:
        raise UsageError(f"{told}: {bare[:80]!r} is not an address", hint=":8080 is the container's own port") from None
    if not colon or not 0 < number < 1 << 16:
        raise UsageError(
            f"{told}: {text[:80]!r} names no port", hint="write [ADDRESS]:PORT, and for HTTP a path: :8080/healthz"
        )
    if kind == "tcp" and slash:
        raise UsageError(f"{told}: {text[:80]!r} has a path", hint="a probe by HTTP asks for one")
    if any(not 0x21 <= ord(letter) < 0x7F for letter in path):  # noqa: PLR2004 - printable ASCII
        raise UsageError(
            f"{told}: the path {slash + path[:80]!r} has a character that no request may hold",
            hint="escape it by %XX",
        )
    return address, number, (slash + path or "/") if kind == "http" else ""


def parse_health(text: str) -> tuple[str, str, dict[str, str]]:
    """(kind, target, options as they are written). Raises :class:`UsageError`."""
    kind, *rest = text.split(" ")
    options = dict(word.partition("=")[::2] for word in rest[1:])
    if kind not in KINDS or not rest or set(options) - set(OPTIONS):
        raise UsageError(f"the image's label {HEALTH_LABEL} isn't a probe: {text[:80]!r}", hint="--no-healthcheck")
    return kind, rest[0], options
