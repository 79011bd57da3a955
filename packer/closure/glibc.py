"""glibc's search for libraries (elf/dl-load.c, _dl_map_object; elf/dl-deps.c; ld.so(8)). Pure.

Two things differ from the loader on one machine, so that an image is the same wherever it is made and runs on every
processor: variants for some processors (``glibc-hwcaps``) are taken only where there is nothing else, and
``$PLATFORM`` is the architecture's oldest. LD_LIBRARY_PATH is what is handed in, ``/etc/ld.so.preload`` nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.closure.model import Failure, Hit, Place, Rule
from whit.packer.closure.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from whit.packer.closure.model import Facts, Loaded, Look
    from whit.packer.support.search import Data

PRELOAD = "/etc/ld.so.preload"

_X86_64, _386, _AARCH64 = 62, 3, 183
_PLATFORMS = {_X86_64: "x86_64", _386: "i686", _AARCH64: "aarch64"}
_TRIPLETS = {
    (_X86_64, 64): "x86_64-linux-gnu",
    (_386, 32): "i386-linux-gnu",
    (_AARCH64, 64): "aarch64-linux-gnu",
    (40, 32): "arm-linux-gnueabihf",
    (243, 64): "riscv64-linux-gnu",
    (21, 64): "powerpc64le-linux-gnu",
    (22, 64): "s390x-linux-gnu",
    (258, 64): "loongarch64-linux-gnu",
}
_VARIANTS = {
    _X86_64: ("x86-64-v2", "x86-64-v3", "x86-64-v4"),
    21: ("power9", "power10"),
    22: ("z13", "z14", "z15", "z16"),
}
"""Subdirectories of ``glibc-hwcaps``, the least demanding first."""

_LOADER_BYTES = 4 << 20
"""What is looked through of a loader: they have some 200 kB."""

_LONGEST_FOLDER = 256


def default_folders(loader: Data, facts: Facts) -> tuple[str, ...]:
    """The directories that the loader searches in the end, read out of its own file: distributions choose them.

    They stand there one behind the other, each with a slash at both ends and a NUL.
    """
    for folders in _runs(loader[:_LOADER_BYTES]):
        if any("/lib" in folder for folder in folders):
            return tuple(folders)
    triplet = _TRIPLETS.get((facts.machine, facts.bits))
    wide = "/lib64" if facts.bits == 64 else "/lib"  # noqa: PLR2004 - the class
    multiarch = (f"/lib/{triplet}", f"/usr/lib/{triplet}") if triplet else ()
    return (*multiarch, wide, f"/usr{wide}", "/lib", "/usr/lib")


def _runs(data: bytes) -> Iterator[list[str]]:
    """Strings that look like folders, those that follow each other together."""
    run: list[str] = []
    before = -1
    at = data.find(b"/\0")
    while at >= 0:
        start = data.rfind(b"\0", max(at - _LONGEST_FOLDER, 0), at) + 1
        text = data[start:at]
        if start != before and run:
            yield run
            run = []
        if start and text.startswith(b"/") and text.isascii():
            run.append(text.decode("ascii"))
        before = at + 2
        at = data.find(b"/\0", at + 1)
    if run:
        yield run


@dataclass(frozen=True, slots=True)
class Glibc:
    """glibc's way, for one program. ``cache`` is ld.so.cache's names → paths, ``environment`` LD_LIBRARY_PATH."""

    look: Look
    program: Loaded
    interpreter: Loaded
    folders: tuple[str, ...]
    cache: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    _known: dict[tuple[int, Rule], tuple[Place, ...]] = field(default_factory=dict, repr=False)

    def match(self, name: str, loaded: Sequence[Loaded]) -> Loaded | None:
        """By a name that an object was asked for, its path or its SONAME; in the order of loading."""
        for item in loaded:
            if name in item.names or name == item.path:
                return item
            if item.facts.soname == name:
                item.names.append(name)
                return item
        return None

    def wanted(self, item: Loaded) -> tuple[tuple[str, bool], ...]:
        """DT_NEEDED, and libraries that this one is a filter for, with their tokens replaced."""
        names = [*((name, False) for name in item.facts.needed), *((name, True) for name in item.facts.optional)]
        return tuple((self.expand(name, item.path) or name, optional) for name, optional in names)

    def admit(self, name: str, hit: Hit) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """The name that was asked for; the SONAME is looked at when it is asked for."""
        return (name,)

    def search(self, name: str, by: Loaded) -> Hit | Failure:
        """The first file for this machine in the places that count for ``by``; one that is broken ends the search."""
        if "/" in name:
            if not name.startswith("/"):
                return Failure(name, by.title, "a relative path: where it leads depends on the working directory")
            found = self.look(name)
            return self._judged(name, by, Hit(found, Place("", Rule.PATH))) if found else Failure(name, by.title)
        wrong: list[str] = []
        for path, place in self._paths(name, by):
            found = self.look(path)
            if found is None:
                continue
            if found.facts and not found.facts.fits(self.program.facts):
                wrong.append(path)
                continue
            return self._judged(name, by, Hit(found, place))
        return self._variant(name, by) or Failure(name, by.title, _for_another_machine(wrong))

    def _judged(self, name: str, by: Loaded, hit: Hit) -> Hit | Failure:
        found = hit.found
        if found.facts is None:
            return Failure(name, by.title, f"the loader stops at {found.path}: {found.fault}")
        if not found.facts.fits(self.program.facts):
            return Failure(name, by.title, _for_another_machine([found.path]))
        if not found.facts.loadable:
            return Failure(name, by.title, f"the loader stops at {found.path}: it is no shared library")
        return hit

    def _paths(self, name: str, by: Loaded) -> Iterator[tuple[str, Place]]:
        for place in self._before_cache(by):
            yield f"{place.folder}/{name}", place
        cached = self.cache.get(name)
        # The loader compares beginnings here, so that a folder below a default one doesn't count either.
        if cached and not (by.facts.no_default and cached.startswith(tuple(f"{folder}/" for folder in self.folders))):
            yield cached, Place(cached.rpartition("/")[0], Rule.CACHE)
        for place in self._defaults(by):
            yield f"{place.folder}/{name}", place

    def _before_cache(self, by: Loaded) -> Iterator[Place]:
        """RPATH is inherited along those who asked and from the program; RUNPATH is one's own."""
        if by.facts.runpath is None:
            chain = list(_askers(by))
            if self.program not in chain:
                chain.append(self.program)
            for item in chain:
                yield from self._split(Rule.RPATH, item.facts.rpath, item)
        yield from (Place(folder, Rule.ENVIRONMENT) for folder in self.environment)
        yield from self._split(Rule.RUNPATH, by.facts.runpath, by)

    def _defaults(self, by: Loaded) -> tuple[Place, ...]:
        return () if by.facts.no_default else tuple(Place(folder, Rule.DEFAULT) for folder in self.folders)

    def _split(self, rule: Rule, paths: str | None, item: Loaded) -> tuple[Place, ...]:
        """The absolute folders of a search path; a relative one, as an empty one, depends on the working directory."""
        if not paths:
            return ()
        if (id(item), rule) not in self._known:
            folders = ((part, self.expand(part, item.path)) for part in paths.split(":"))
            self._known[id(item), rule] = tuple(
                Place(folder.rstrip("/"), rule, item, part)
                for part, folder in folders
                if folder and folder.startswith("/")
            )
        return self._known[id(item), rule]

    def expand(self, text: str, path: str) -> str | None:
        """A text of the object at ``path`` with its tokens replaced; None if one of them has no value."""
        first = self.folders[0].strip("/") if self.folders else "lib"
        lib = first if first.startswith("lib") else first.rpartition("/")[2]
        tokens = Tokens(path.rpartition("/")[0] or "/", lib, _PLATFORMS.get(self.program.facts.machine))
        return tokens.expand(text)

    def _variant(self, name: str, by: Loaded) -> Hit | None:
        """The least demanding variant, of a library that there is only for some processors."""
        places = [*self._before_cache(by), *self._defaults(by)]
        for variant in _VARIANTS.get(self.program.facts.machine, ()):
            for place in places:
                found = self.look(f"{place.folder}/glibc-hwcaps/{variant}/{name}")
                if found and found.facts and found.facts.fits(self.program.facts):
                    return Hit(found, place, variant)
        return None


def _askers(item: Loaded | None) -> Iterator[Loaded]:
    while item is not None:
        yield item
        item = item.by


def _for_another_machine(paths: Sequence[str]) -> str:
    return f"{', '.join(paths)} is for another machine" if paths else ""
