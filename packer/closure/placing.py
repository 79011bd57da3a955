"""Where libraries stand in the image, so that its loader finds them again without a cache. Pure.

The proof is not in the placing but in :func:`unproved`: the search is done again over the image that is planned.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.closure.model import Candidate, Failure, Hit, Loaded, Place, Rule
from whit.packer.closure.tokens import uses_origin
from whit.packer.closure.walk import Walk
from whit.packer.support.imagepath import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from whit.packer.closure.model import Look, System

_NOT_FOR_LIBRARIES = ("/dev", "/etc", "/home", "/proc", "/run", "/sys", "/tmp", "/usr/share")  # noqa: S108 - in the image
"""Runtimes mount something there, or the image has other files there."""

_OUTSIDE = "where it is asked for, an image has something else"


@dataclass(frozen=True, slots=True)
class Placed:
    """A plan: image path → what stands there; ``links`` are further names, path → the target's path."""

    objects: Mapping[str, Loaded]
    links: Mapping[str, str]
    paths: Mapping[int, str]

    def path_of(self, item: Loaded) -> str:
        """Where an object stands."""
        return self.paths[id(item)]

    @property
    def folders(self) -> frozenset[str]:
        """All folders that the image has for these."""
        found: set[str] = set()
        for path in (*self.objects, *self.links):
            while path := path.rpartition("/")[0]:
                found.add(path)
        return frozenset(found)


def place(walk: Walk, program: str, home: str, added: frozenset[str], *, keep_origin: bool = True) -> Placed | Failure:
    """Give each object a path. ``program`` is the executable's, ``home`` the directory for all that has no other.

    ``added`` are the paths of what a person puts into the image: that stays there.

    What stands in a default directory stays there; what was found by ``$ORIGIN`` stays beside what named it, unless
    ``keep_origin`` is false; what is asked for by a path stands at it.
    """
    paths: dict[int, str] = {id(walk.system.program): program}
    objects: dict[str, Loaded] = {program: walk.system.program}
    links: dict[str, str] = {}
    for item in walk.loaded[1:]:
        path = _path(item, walk.system, paths, home, added, keep_origin=keep_origin)
        is_taken = path in objects or (_is_elsewhere(path) and path not in added)
        if is_taken and item.hit.place.rule is Rule.PATH:
            return Failure(path, item.by.title if item.by else "", _OUTSIDE)
        if is_taken:
            path = f"{home}/{item.names[0]}"
        if why := _OUTSIDE if path in objects else _unholdable(path):
            return Failure(path, item.by.title if item.by else "", why)
        paths[id(item)] = path
        objects[path] = item
    for item in walk.loaded[2:]:
        for name in item.names[1:]:
            # A name that led to the same file must not lead to a copy of it: it would be loaded a second time.
            other = f"{home}/{name}"
            if name == item.facts.soname or other in objects:
                continue
            if why := _unholdable(other):
                return Failure(other, item.by.title if item.by else "", why)
            links[other] = paths[id(item)]
    return Placed(objects, links, paths)


def _unholdable(path: str) -> str:
    what = fault(path)
    return f"its path {what}" if what else ""


def _is_elsewhere(path: str) -> bool:
    return path.startswith(tuple(f"{folder}/" for folder in _NOT_FOR_LIBRARIES))


def _path(
    item: Loaded, system: System, paths: Mapping[int, str], home: str, added: frozenset[str], *, keep_origin: bool
) -> str:
    where = item.hit.place
    if where.rule is Rule.INTERPRETER:
        return _normal(item.path)
    if where.rule is Rule.PATH:
        return _normal(_asked_path(item, system, paths))
    if item.path in added:
        return item.path
    name = item.names[0]
    if where.owner and uses_origin(where.text) and id(where.owner) in paths:
        folder = system.expand(where.text, paths[id(where.owner)]) if keep_origin else None
        return _normal(f"{folder}/{name}") if folder is not None else f"{home}/{name}"
    by_path_only = item.by is not None and item.by.facts.no_default and where.rule in (Rule.RPATH, Rule.RUNPATH)
    in_default = where.rule is Rule.DEFAULT or (where.rule is Rule.CACHE and where.folder in system.folders)
    stays = (by_path_only or in_default) and not item.hit.variant
    return _normal(item.path) if stays else f"{home}/{name}"


def _normal(path: str) -> str:
    """Without dots and doubled slashes: no folder of the image is a link."""
    return "/" + posixpath.normpath(path).lstrip("/")


def _asked_path(item: Loaded, system: System, paths: Mapping[int, str]) -> str:
    """A library that was asked for by a path: one with $ORIGIN moves with what asked."""
    if item.by is not None:
        for text in (*item.by.facts.needed, *item.by.facts.optional):
            if uses_origin(text) and system.expand(text, item.by.path) == item.path:
                return system.expand(text, paths[id(item.by)]) or item.path
    return item.path


def unproved(walk: Walk, placed: Placed, again: Callable[[Look, Loaded, Loaded], System]) -> Failure | None:
    """Search once more, in the image that is planned, and compare; the first request that would lead elsewhere.

    ``again`` makes the system as it is in the image (no cache, no path file) from a look, program and interpreter.
    """
    look = _ImageLook(placed, placed.folders)
    program = _moved(walk.system.program, placed.path_of(walk.system.program))
    interpreter = _moved(walk.system.interpreter, placed.path_of(walk.system.interpreter))
    image = Walk(again(look, program, interpreter))
    image.run()
    for item in walk.loaded:
        # What is loaded later, by dlopen, isn't asked for by the start; each is asked for again by who loads it.
        if placed.path_of(item) not in _there(image) and not _load_later(image, item, placed):
            return Failure(item.title, item.by.title if item.by else "", "")
    there = _there(image)
    for item in walk.loaded:
        found = {name: _place_of(other) for name, other in there[placed.path_of(item)].resolved}
        for name, other in _requests(item, walk, placed):
            if found.get(name) != other:
                return Failure(name, item.title, f"it leads to {found.get(name, 'nothing')}")
    return None


def _there(image: Walk) -> dict[object, Loaded]:
    return {_place_of(item): item for item in image.loaded}


def _place_of(item: Loaded) -> object:
    """The path in the image, without the dots by which it was found."""
    return item.found.identity[-1]


def _load_later(image: Walk, item: Loaded, placed: Placed) -> bool:
    by = _there(image).get(placed.path_of(item.by)) if item.by else None
    if by is None or image.load(item.names[0] if item.names else item.path, by, optional=True) is None:
        return False
    image.run()
    return placed.path_of(item) in _there(image)


def _requests(item: Loaded, walk: Walk, placed: Placed) -> Iterator[tuple[str, str]]:
    """What an object asked for, in the words that it has in the image, and where each must lead."""
    resolved = dict(item.resolved)
    for text in (*item.facts.needed, *item.facts.optional):
        if "$" in text:
            before = walk.system.expand(text, item.path) or text
            name = walk.system.expand(text, placed.path_of(item)) or text
        else:
            before = name = text
        if before in resolved:
            yield name, placed.path_of(resolved[before])


def _moved(item: Loaded, path: str) -> Loaded:
    found = replace(item.found, path=path, identity=("image", path))
    hit = Hit(found, Place("", item.hit.place.rule))
    return Loaded(path, found, item.facts, hit, None, list(item.names[:1]))


@dataclass(frozen=True, slots=True)
class _ImageLook:
    placed: Placed
    folders: frozenset[str]

    def __call__(self, path: str) -> Candidate | None:
        where = self._plain(path)
        item = self.placed.objects.get(where) if where else None
        return replace(item.found, path=path, identity=("image", where)) if item else None

    def _plain(self, path: str) -> str | None:
        """The path without dots and links; None if it leads over a folder that the image hasn't got."""
        where = ""
        for part in path.split("/")[1:]:
            if part in {"", "."}:
                continue
            if where and where not in self.folders:
                return None
            where = where.rpartition("/")[0] if part == ".." else f"{where}/{part}"
        return self.placed.links.get(where, where)


def home_of(walk: Walk, defaults: Sequence[str]) -> str:
    """The directory for libraries: where libc itself was found, if that is a default one, or else the first of these."""
    for item in walk.loaded[2:]:
        if item.title.startswith("libc.so") and item.hit.place.folder in defaults:
            return item.hit.place.folder
    return defaults[0]
