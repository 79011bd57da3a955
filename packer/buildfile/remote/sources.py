"""What one build takes from elsewhere, each thing once: steps that want the same wait for each other."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from whit.packer.buildfile.build.agents import DEFAULT
from whit.packer.support import durable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from contextlib import ExitStack
    from pathlib import Path

    from whit.packer.buildfile.build.agents import Agents
    from whit.packer.buildfile.build.cache import StepCache
    from whit.packer.buildfile.dockerfile.gitref import GitRef
    from whit.packer.buildfile.remote.downloads import Download, Downloads
    from whit.packer.buildfile.remote.repositories import Found, Repositories

Answer = TypeVar("Answer")


@dataclass(slots=True)
class Once:
    """Answers that are worked out once, by whoever asks first."""

    _answers: dict[Hashable, Any] = field(default_factory=dict)
    _locks: dict[Hashable, threading.Lock] = field(default_factory=dict)
    _own: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer. Raises what working it out raises, each time."""
        with self._own:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = make()
            answer: Answer = self._answers[key]
            return answer


@dataclass(frozen=True, slots=True)
class Sources:
    """For one build. ``held`` is when it ends: until then checkouts stay; ``epoch`` is SOURCE_DATE_EPOCH."""

    cache: StepCache
    held: ExitStack
    agents: Agents
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    epoch: int | None = None
    _once: Once = field(default_factory=Once)

    def scratch(self) -> Path:
        """A name for a folder that is gone when the build ends."""
        folder = durable.temporary_beside(self.cache.snapshots / "any")
        self.held.callback(durable.remove_tree, folder)
        return folder

    def download(self, url: str, checksum: str = "") -> Download:
        """A file by HTTP. Raises :class:`WhitError`."""
        downloads = self._downloads()
        return self._once.get(("url", url, checksum), lambda: downloads.fetch(url, checksum))

    def _downloads(self) -> Downloads:
        def make() -> Downloads:
            from whit.packer.buildfile.remote.downloads import Downloads  # noqa: PLC0415 - few builds download anything

            return Downloads(self.cache.folder / "downloads", self.secrets)

        return self._once.get("downloads", make)

    def _repositories(self) -> Repositories:
        from whit.packer.buildfile.remote.repositories import Repositories  # noqa: PLC0415 - as above

        return Repositories(self.cache.folder / "git", self.secrets, lambda: self.agents.socket(DEFAULT))

    def find(self, ref: GitRef) -> Found:
        """What a repository's address means now. Raises :class:`WhitError`."""

        def make() -> Found:
            scratch = self.scratch()
            scratch.mkdir(mode=0o700)
            return self._repositories().find(ref, scratch)

        return self._once.get(("ref", ref), make)

    def checkout(self, ref: GitRef) -> Path:
        """Its files, in a folder. Raises :class:`WhitError`."""
        found = self.find(ref)
        return self._once.get(("files", ref), lambda: self._repositories().checkout(ref, found, self.scratch()))
