"""How an image says that whit itself is to look after its program's health: a label. Pure.

docker's HEALTHCHECK knows commands only, and an image of one static program has none to run. So a probe by TCP or HTTP
stands in the label ``dev.whit.health``, which other engines pass over: ``http :8080/healthz interval=10s retries=3``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEALTH_LABEL = "dev.whit.health"
KINDS = ("http", "tcp")
OPTIONS = ("interval", "timeout", "start_period", "start_interval", "retries")


def health_words(kind: str, target: str, times: Mapping[str, int], retries: int) -> str:
    """The label's text; times in ns. Raises :class:`UsageError` for a target that can't stand in it."""
    if not target or any(letter.isspace() or not letter.isprintable() for letter in target):
        raise UsageError(f"health: {target[:80]!r} can't be probed", hint=f"as in {kind}: ':8080/healthz'")
    numbers = [f"{name}={times[name]}ns" for name in OPTIONS if name in times]
    return " ".join((kind, target, *numbers, *([f"retries={retries}"] if retries else [])))


def parse_health(text: str) -> tuple[str, str, dict[str, str]]:
    """(kind, target, options as they are written). Raises :class:`UsageError`."""
    kind, *rest = text.split(" ")
    options = dict(word.partition("=")[::2] for word in rest[1:])
    if kind not in KINDS or not rest or set(options) - set(OPTIONS):
        raise UsageError(f"the image's label {HEALTH_LABEL} isn't a probe: {text[:80]!r}", hint="--no-healthcheck")
    return kind, rest[0], options
