"""HEALTHCHECK: its flags and its command → how an image has its health told. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.buildfile.dockerfile.flags import FlagKind, read_flags
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.splitting import json_words
from whit.packer.buildfile.dockerfile.text import SPACE, duration, integer
from whit.packer.image.spec import HealthCheck

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMES = ("interval", "timeout", "start-period", "start-interval")
_FLAGS = dict.fromkeys((*_TIMES, "retries"), FlagKind.TEXT)
_SHORTEST = 1_000_000
_MOST_RETRIES = (1 << 31) - 1


def read_healthcheck(text: str, flags: Iterable[str]) -> HealthCheck:
    """What follows HEALTHCHECK and its flags. ``NONE`` passes over flags, as BuildKit does. Raises Fault."""
    end = next((at for at, char in enumerate(text) if char in SPACE), len(text))
    kind, rest = text[:end], text[end:].lstrip(SPACE)
    if not kind:
        raise Fault("HEALTHCHECK needs at least one argument", "HEALTHCHECK CMD COMMAND, or HEALTHCHECK NONE")
    words = json_words(rest)
    if kind.upper() == "NONE":
        if words or (words is None and rest):
            raise Fault("HEALTHCHECK NONE takes no arguments")
        return HealthCheck(("NONE",))
    given = read_flags(flags, _FLAGS).texts
    if kind.upper() != "CMD":
        raise Fault(f"HEALTHCHECK {kind[:40]} isn't known", "HEALTHCHECK CMD COMMAND, or HEALTHCHECK NONE")
    if words is None and rest:
        test: tuple[str, ...] = ("CMD-SHELL", rest)
    elif words:
        test = ("CMD", *words)
    else:
        raise Fault("HEALTHCHECK CMD without a command")
    interval, timeout, start_period, start_interval = (_time(name, given.get(name, "")) for name in _TIMES)
    return HealthCheck(test, interval, timeout, start_period, start_interval, _retries(given.get("retries", "")))


def _time(name: str, text: str) -> int:
    """Nanoseconds; 0 for the usual."""
    time = duration(text) if text else 0
    if time is None:
        raise Fault(f"--{name}={text} is no time", "as in 30s, 1m30s, 500ms")
    if time and time < _SHORTEST:
        raise Fault(f"--{name}={text} is shorter than a millisecond")
    return time


def _retries(text: str) -> int:
    number = integer(text, _MOST_RETRIES) if text else 0
    if number is None or number < 0:
        raise Fault(f"--retries={text} is no number from 0 up")
    return number
