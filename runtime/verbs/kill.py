"""A signal to containers that run."""

from __future__ import annotations

from whit.packer.store.places import private_root
from whit.packer.support.signals import parse_signal
from whit.runtime.engine import ending
from whit.runtime.engine.folder import Containers
from whit.runtime.verbs.several import each


def kill(containers: tuple[str, ...], signal: str = "KILL") -> int:
    """Send it to each. Raises :class:`UsageError`."""
    known = Containers(private_root())
    number = parse_signal(signal)
    return each(containers, lambda name: ending.kill(known.find(name), number))
