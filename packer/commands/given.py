"""``NAME=VALUE`` words of the command line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.support.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def pairs(texts: Iterable[str], option: str, *, from_environment: bool = False) -> dict[str, str]:
    """``NAME=VALUE`` options; a name alone is the environment's, and nothing where that hasn't it."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise UsageError(f"{option} {text}: there is no name", hint=f"{option} NAME=VALUE")
        if equals or not from_environment:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found
