"""What people name: a file, or an image."""

from __future__ import annotations

import os.path


def names_file(target: str) -> bool:
    """Whether a person means a file rather than an image's name, told as a shell tells a path from a command."""
    return target.startswith(("/", "./", "../")) or target in {".", ".."} or os.path.isfile(target)  # noqa: PTH113 - see places.py
