"""The folder that files are put into, kept open: the next file of a tar is most often in the last one's."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

Components = tuple[bytes, ...]


@dataclass(slots=True)
class Folder:
    """An open folder inside a root, and where it really is."""

    descriptor: int
    real: Components


@dataclass(slots=True)
class LastFolder:
    """It is to be forgotten whenever something is removed: a link on the way may be another one then."""

    _components: Components | None = None
    _folder: Folder | None = None
    _open: list[int] = field(default_factory=list)

    def find(self, components: Components) -> Folder | None:
        """The folder, if these words have meant it and nothing has been removed since."""
        return self._folder if components == self._components else None

    def keep(self, components: Components, folder: Folder) -> Folder:
        """Keep it; the one before is closed."""
        self.close()
        self._open.append(os.dup(folder.descriptor))
        self._components, self._folder = components, Folder(self._open[-1], folder.real)
        return self._folder

    def forget(self) -> None:
        """Let nobody find it. It stays open for whoever is at work in it."""
        self._components = None

    def close(self) -> None:
        """Close it."""
        self.forget()
        while self._open:
            os.close(self._open.pop())
