"""The beginning of an ID, as people see it and may type it."""

from __future__ import annotations

DIGITS = 12
"""As many as docker shows."""


def short_id(identity: str) -> str:
    """The first digits of a container's, network's or layer's ID, or of a digest (``sha256:…``)."""
    return identity.removeprefix("sha256:")[:DIGITS]
