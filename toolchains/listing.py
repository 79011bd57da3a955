"""What ``whit toolchains`` lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import WhitError
from whit.toolchains.tools import TOOLS, described, locate, missing

if TYPE_CHECKING:
    from pathlib import Path

    from whit.toolchains.model import Tool


@dataclass(frozen=True, slots=True)
class Listed:
    """A tool that may be here; ``cure`` says what to do where it isn't, or doesn't work. ``platforms`` are OCI's."""

    name: str
    tool: Tool | None
    platforms: tuple[str, ...]
    cure: str | None = None

    @property
    def builds_for(self) -> str:
        """The platforms, for people."""
        return ", ".join(self.platforms)


def listed(cache: Path) -> tuple[Listed, ...]:
    """All that whit knows of, in one order."""
    found = []
    for name, known in TOOLS.items():
        path = locate(name, cache)
        tool, cure = None, missing(name).hint
        if path:
            try:
                tool = described(name, path, cache)
            except WhitError as error:
                cure = error.message
        found.append(Listed(name, tool, known.platforms, cure))
    return tuple(found)
