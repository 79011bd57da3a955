"""musl's search for libraries (ldso/dynlink.c, load_library). Pure.

RPATH and RUNPATH are one and are inherited; the first file that can be opened ends the search, whatever it is; names of
libc's own parts are the loader. LD_LIBRARY_PATH is what is handed in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.closure.model import Failure, Hit, Place, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.closure.model import Loaded, Look

DEFAULTS = ("/lib", "/usr/local/lib", "/usr/lib")

_OWN_PARTS = ("libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet.")
_ORIGIN = re.compile(r"\$(?:ORIGIN|\{ORIGIN\})")
_LONGEST_NAME = 255


def path_file(interpreter: str) -> str:
    """Where the loader looks for its path file: ``/etc/ld-musl-ARCH.path`` below the folder above its own."""
    folder, _, name = interpreter.rpartition("/")
    return f"{folder.rpartition('/')[0]}/etc/{name.removesuffix('.so.1')}.path"


def folders_of(text: str) -> tuple[str, ...]:
    """A search path's folders, between colons and line ends."""
    return tuple(part for part in re.split(r"[:\n]+", text) if part)


@dataclass(frozen=True, slots=True)
class Musl:
    """musl's way, for one program. ``folders`` come from the path file, with ``from_file``, or are the defaults."""

    look: Look
    program: Loaded
    interpreter: Loaded
    folders: tuple[str, ...] = DEFAULTS
    from_file: bool = False
    environment: tuple[str, ...] = ()

    def match(self, name: str, loaded: Sequence[Loaded]) -> Loaded | None:
        """Parts of libc, or the name of a file that was searched for; SONAMEs mean nothing."""
        if name.startswith(_OWN_PARTS) or name == self.interpreter.path:
            return self.interpreter
        return None if "/" in name else next((item for item in loaded if name in item.names), None)

    def wanted(self, item: Loaded) -> tuple[tuple[str, bool], ...]:
        """DT_NEEDED as it stands: there are no tokens and no filters."""
        return tuple((name, False) for name in item.facts.needed)

    def admit(self, name: str, hit: Hit) -> tuple[str, ...]:
        """Its file's name, unless it was asked for by a path."""
        return () if hit.place.rule is Rule.PATH else (name,)

    def search(self, name: str, by: Loaded) -> Hit | Failure:
        """The first file in the places that count for ``by``."""
        if "/" in name:
            if not name.startswith("/"):
                return Failure(name, by.title, "a relative path: where it leads depends on the working directory")
            found = self.look(name)
            return self._judged(name, by, Hit(found, Place("", Rule.PATH))) if found else Failure(name, by.title)
        for place in self._places(by) if len(name) <= _LONGEST_NAME else ():
            if found := self.look(f"{place.folder}/{name}"):
                return self._judged(name, by, Hit(found, place))
        return Failure(name, by.title)

    def _judged(self, name: str, by: Loaded, hit: Hit) -> Hit | Failure:
        facts = hit.found.facts
        if facts is None or not facts.loadable:
            why = hit.found.fault or "it is no shared library"
            return Failure(name, by.title, f"the loader stops at {hit.found.path}: {why}")
        if not facts.fits(self.program.facts):
            return Failure(name, by.title, f"the loader stops at {hit.found.path}, which is for another machine")
        return hit

    def _places(self, by: Loaded) -> Iterator[Place]:
        yield from (Place(folder, Rule.ENVIRONMENT) for folder in self.environment)
        item: Loaded | None = by
        while item is not None:
            yield from self._own_places(item)
            item = item.by
        rule = Rule.PATH_FILE if self.from_file else Rule.DEFAULT
        yield from (Place(folder, rule) for folder in self.folders)

    def _own_places(self, item: Loaded) -> Iterator[Place]:
        """The absolute folders of an object's RUNPATH or RPATH; none if it has a ``$`` that isn't ``$ORIGIN``."""
        runpath = item.facts.runpath is not None
        text = (item.facts.runpath if runpath else item.facts.rpath) or ""
        if "$" in _ORIGIN.sub("", text):
            return
        for part in folders_of(text):
            folder = self.expand(part, item.path) or ""
            if folder.startswith("/"):
                yield Place(folder, Rule.RUNPATH if runpath else Rule.RPATH, item, part)

    def expand(self, text: str, path: str) -> str | None:
        """A text of the object at ``path`` with $ORIGIN replaced."""
        return _ORIGIN.sub(lambda _: path.rpartition("/")[0], text)
