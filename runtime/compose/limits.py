"""How much of a Compose file is read, by the model and by who hands it its files."""

from __future__ import annotations

MAX_SIZE = 4 << 20
"""Bytes of one file."""
