"""Stopping containers by their own signal, and after a while by SIGKILL."""

from __future__ import annotations

from whit.packer.store.places import private_root
from whit.runtime.engine import ending
from whit.runtime.engine.folder import Containers
from whit.runtime.verbs.several import each_at_once


def stop(containers: tuple[str, ...], timeout: int | None = None, signal: str | None = None) -> int:
    """Stop each: by ``signal`` instead of its own; ``timeout`` in seconds, -1 for ever. Raises :class:`UsageError`."""
    known = Containers(private_root())
    number = None
    if signal:
        from whit.packer.support.signals import parse_signal  # noqa: PLC0415 - rarely given

        number = parse_signal(signal)
    seconds = None if timeout is None else max(timeout, -1)
    return each_at_once(containers, lambda name: ending.stop(known.find(name), seconds, number))
