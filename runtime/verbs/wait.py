"""Waiting for the end of containers."""

from __future__ import annotations

from whit.packer.store.places import private_root
from whit.runtime.engine import ending
from whit.runtime.engine.folder import Containers
from whit.runtime.verbs.several import each_at_once


def wait(containers: tuple[str, ...]) -> int:
    """Wait for each, and print its exit code."""
    known = Containers(private_root())
    return each_at_once(containers, lambda name: ending.wait(known.find(name)))
