"""What ``whit toolchains`` lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import WhitError
from whit.toolchains.model import Language, Project
from whit.toolchains.tools import TOOLS, MachineKit, described, locate, missing

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
        """The platforms, for people: each system once."""
        systems: dict[str, list[str]] = {}
        for platform in self.platforms:
            system, _, architecture = platform.partition("/")
            systems.setdefault(system, []).append(architecture)
        told = "; ".join(f"{system}: {', '.join(names)}" for system, names in systems.items())
        return told or (f"what {TOOLS[self.name].through} does" if TOOLS[self.name].through else "-")


def listed(cache: Path) -> tuple[Listed, ...]:
    """All that whit knows of, in one order."""
    found = []
    for name, known in TOOLS.items():
        path, platforms = locate(name, cache), known.platforms
        tool, cure = None, missing(name).hint
        if path:
            try:
                tool = described(name, path, cache)
                platforms = _of_rust(cache) if name == "rustc" else platforms
            except WhitError as error:
                cure = error.message
        found.append(Listed(name, tool, platforms, cure))
    return tuple(found)


def _of_rust(cache: Path) -> tuple[str, ...]:
    """What Rust builds for is which standard libraries are installed."""
    from whit.toolchains.rust import platforms_of  # noqa: PLC0415 - where nothing is listed it isn't needed

    return platforms_of(Project(Language.RUST, "/", "/", "any"), MachineKit(cache))
