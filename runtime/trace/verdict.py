"""Sightings → findings: what was missed and what brings it, what was used, and what the trace says of doubtful needs. Pure.

A trace adds and never removes: it saw one run. What an image holds and the run didn't touch is told and kept.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from whit.runtime.trace.calls import Deed
from whit.runtime.trace.known import NO_CURE, SHARED, Cure, cure_of, family, is_kernels, is_probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.runtime.trace.sightings import Address, Execution, Sighting, Sightings


class Machine(Protocol):
    """The machine that the trace runs on, which may have what the image lacks."""

    def has(self, path: str) -> bool:
        """Whether something stands at this absolute path."""

    def is_directory(self, path: str) -> bool:
        """Whether a folder stands at this absolute path."""

    def nearby(self, path: str) -> str | None:
        """Where a container's path would be if its root were the folder that people work in, or the program's own."""

    def find_program(self, name: str) -> str | None:
        """Where the program of this name is on the PATH."""

    def is_dynamic(self, path: str) -> bool:
        """Whether a program needs a loader and libraries besides itself."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file of the image; ``need`` is the one it serves, empty for the program and what a person added."""

    path: str
    size: int
    need: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A need as analysis judged it: ``needed``, ``maybe`` or ``not``."""

    name: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """A loader or interpreter that isn't there, without which ``program``, which is, can't be executed."""

    path: str
    program: str


class Weight(StrEnum):
    """How much a miss says. MISSED: the machine has it, or whit can give it. ABSENT: this machine lacks it too.

    RUNTIME: no image gives it, but who runs the container does. PROBED: looked for in passing. SEARCHED: found elsewhere, or made by the program itself later.
    """

    MISSED = "missed"
    RUNTIME = "runtime"
    ABSENT = "absent"
    PROBED = "probed"
    SEARCHED = "searched"


@dataclass(frozen=True, slots=True)
class Miss:
    """A path that was asked for and wasn't there. ``others`` are further places where the same thing was looked for."""

    path: str
    weight: Weight
    deeds: tuple[str, ...]
    programs: tuple[str, ...]
    need: str | None = None
    cure: Cure = NO_CURE
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A path that was written, made or removed. ``works``: whether the file system and its mode let it."""

    path: str
    works: bool
    cure: Cure = NO_CURE


@dataclass(frozen=True, slots=True)
class Promotion:
    """A need that analysis left open, or found none of, and that the run shows; ``path`` is what shows it."""

    need: str
    verdict: str
    path: str


@dataclass(frozen=True, slots=True)
class Findings:
    """The whole of what a trace has to say. ``unreadable`` are files that are there and closed to the program's user."""

    misses: tuple[Miss, ...] = ()
    used: tuple[ImageFile, ...] = ()
    untouched: tuple[ImageFile, ...] = ()
    executed: tuple[Execution, ...] = ()
    written: tuple[Written, ...] = ()
    unreadable: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    promotions: tuple[Promotion, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def missed(self) -> tuple[Miss, ...]:
        """The misses that matter."""
        return tuple(miss for miss in self.misses if miss.weight is Weight.MISSED)


@dataclass(frozen=True, slots=True)
class Context:
    """What a run is judged by. ``program`` is the path of the traced program, ``search_path`` its PATH.

    ``loaded`` are files that the kernel itself opened, where no call shows it: loaders, scripts' interpreters; ``lacking``
    are those that it missed.
    """

    program: str
    image: tuple[ImageFile, ...]
    needs: tuple[Judged, ...]
    search_path: tuple[str, ...]
    machine: Machine
    loaded: frozenset[str] = frozenset()
    lacking: tuple[Lacking, ...] = ()


_ONE_PLACE_IS_ENOUGH = frozenset(("ca", "zones", "mime", "term"))
_SOON, _AT_ONCE = 64, 8
"""So many paths further on, the same name is still the same search: where it is found, and where it will be."""

_NOT_HERE = "this machine doesn't have it either"


def judge(sightings: Sightings, context: Context) -> Findings:
    """The findings of one run."""
    touched = {seen.real or seen.path for seen in sightings.paths.values() if seen.there} | context.loaded
    misses = (*(_lacking(item, context.machine) for item in context.lacking), *_misses(sightings, context))
    written = tuple(_written(sightings))
    used = tuple(file for file in context.image if file.path in touched)
    return Findings(
        misses=misses,
        used=used,
        untouched=tuple(file for file in context.image if file.path not in touched),
        executed=tuple(sightings.executions),
        written=written,
        unreadable=tuple(
            sorted(
                seen.path
                for seen in sightings.paths.values()
                if seen.deed is Deed.OPEN and seen.there and not seen.readable and not is_kernels(seen.path)
            )
        ),
        addresses=tuple(sorted(sightings.addresses, key=lambda address: (address.deed, str(address)))),
        promotions=tuple(_promotions(sightings, context)),
        options=_options(misses),
    )


def _misses(sightings: Sightings, context: Context) -> Iterator[Miss]:
    by_path: dict[str, list[Sighting]] = {}
    for seen in sightings.paths.values():
        path = posixpath.normpath(seen.path)
        if seen.missing and not seen.there and not is_kernels(path):
            by_path.setdefault(path, []).append(seen)
    searches = _Searches(sightings, context)
    programs, files = _programs_and_files(by_path, context)
    for name, paths in programs.items():
        yield _missing_program(name, paths, by_path, found=searches.ended(paths[0]), machine=context.machine)
    for path in files:
        miss = _miss(path, by_path[path], searched=searches.ended(path), context=context)
        if miss.weight is Weight.MISSED and miss.cure.options[:1] == ("--add",):
            searches.will_end(path)
        yield miss


def _lacking(item: Lacking, machine: Machine) -> Miss:
    cure = _added(item.path, item.path, f"{item.program} can't start without it") if machine.has(item.path) else None
    return Miss(item.path, Weight.MISSED, ("execute",), (item.program,), "exec", cure or Cure(text=_NOT_HERE))


class _Searches:
    """Where the same thing is looked for in several places: with the one where it is found, the others don't matter."""

    def __init__(self, sightings: Sightings, context: Context) -> None:
        self._order = {posixpath.normpath(path): number for number, (_, path) in enumerate(sightings.paths)}
        self._found: dict[str, list[int]] = {}
        self._added: dict[str, list[int]] = {}
        self._made = {posixpath.normpath(seen.path) for seen in sightings.paths.values() if seen.creates}
        for seen in sightings.paths.values():
            if seen.there and not seen.is_directory:
                self._note(self._found, posixpath.normpath(seen.path))
        opened = (family(seen.path) for seen in sightings.paths.values() if seen.there and seen.deed is Deed.OPEN)
        self._served = {need for need in opened if need in _ONE_PLACE_IS_ENOUGH}
        self._places = {file.need: _place(file.path) for file in context.image if file.need in _ONE_PLACE_IS_ENOUGH}

    def _note(self, where: dict[str, list[int]], path: str) -> None:
        where.setdefault(posixpath.basename(path), []).append(self._order[path])

    def will_end(self, path: str) -> None:
        """What was missed here will be added: then the search goes no further."""
        self._note(self._added, path)

    def ended(self, path: str) -> bool:
        """Whether the search that this path belongs to ends well, or the program makes it itself."""
        need, at = family(path), self._order[path]
        if path in self._made or need in self._served:
            return True
        if need in self._places and _place(path) != self._places[need]:
            return True
        # By the name alone, and only if it is found soon: many files of other folders have the same name.
        name = posixpath.basename(path)
        found_soon = any(at < end <= at + _SOON for end in self._found.get(name, ()))
        return found_soon or any(at - _AT_ONCE <= end < at for end in self._added.get(name, ()))


def _place(path: str) -> str:
    """The folder, three names deep at most, that tells one place of a need's files from others."""
    return "/".join(path.split("/")[:4])


def _programs_and_files(paths: Iterable[str], context: Context) -> tuple[dict[str, list[str]], list[str]]:
    """(name of a program → where it was looked for, the other paths)."""
    programs: dict[str, list[str]] = {}
    files: list[str] = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if (folder or "/") in context.search_path and name and not name.endswith(".so"):
            programs.setdefault(name, []).append(path)
        else:
            files.append(path)
    return programs, files


def _missing_program(
    name: str, paths: list[str], seen: dict[str, list[Sighting]], *, found: bool, machine: Machine
) -> Miss:
    all_seen = [sighting for path in paths for sighting in seen[path]]
    here = None if found else machine.find_program(name)
    target = here if here in paths else paths[-1]
    others = tuple(path for path in paths if path != target)
    if found:
        return Miss(target, Weight.SEARCHED, _deeds(all_seen), _by(all_seen), "exec", others=others)
    return Miss(
        target, Weight.MISSED, _deeds(all_seen), _by(all_seen), "exec", _program_cure(here, target, machine), others
    )


def _program_cure(here: str | None, target: str, machine: Machine) -> Cure:
    if here is None:
        return Cure(text=_NOT_HERE)
    return _added(here, target, "with its loader and libraries" if machine.is_dynamic(here) else "")


def _added(source: str, target: str, text: str = "") -> Cure:
    """What puts a file of this machine there, where the command line can say it."""
    if ":" in source + target or not (source + target).isprintable():
        return Cure(text=f"this machine has it: {source}")
    return Cure(("--add", f"{source}:{target}"), text)


def _miss(path: str, seen: list[Sighting], *, searched: bool, context: Context) -> Miss:
    need = "exec" if any(sighting.deed is Deed.EXECUTE for sighting in seen) else family(path)
    if searched:
        weight, cure = Weight.SEARCHED, NO_CURE
    elif is_probe(path):
        weight, cure = Weight.PROBED, NO_CURE
    else:
        only_looked = all(sighting.deed is Deed.LOOK for sighting in seen)
        weight, cure = _weigh(path, need, context, only_looked=only_looked)
    return Miss(path, weight, _deeds(seen), _by(seen), need, cure)


def _weigh(path: str, need: str | None, context: Context, *, only_looked: bool) -> tuple[Weight, Cure]:
    """How much it matters that nothing stands at a path that no search ends at otherwise."""
    machine = context.machine
    if known := _known_cure(need, path, context):
        return Weight.MISSED if known.options else Weight.RUNTIME, known
    if need is None and (source := machine.nearby(path)):
        return Weight.MISSED, _added(source, path)
    if machine.is_directory(path):
        cure = Cure(text="a folder of this machine: add what is needed of it")
        return (Weight.ABSENT, NO_CURE) if only_looked else (Weight.MISSED, cure)
    here = path if machine.has(path) else None
    if need == "exec":
        return Weight.MISSED, _program_cure(here, path, machine)
    if here and need == "temp":
        return Weight.RUNTIME, Cure(text=f"whit run -v {path}:{path}: /tmp begins empty")
    return (Weight.MISSED, _added(path, path)) if here else (Weight.ABSENT, NO_CURE)


def _known_cure(need: str | None, path: str, context: Context) -> Cure | None:
    """What whit itself can give, where the image hasn't got it yet: a file below what is given isn't given by it."""
    if need in ("temp", "home", "shm"):
        return None
    cure = cure_of(need, path)
    if cure is None or (cure.options and any(file.need == need for file in context.image)):
        return None
    return cure


def _written(sightings: Sightings) -> Iterator[Written]:
    """Everything that was written, but for devices; what can't be written needs a place of its own."""
    works: dict[str, bool] = {}
    for seen in sightings.paths.values():
        meant = seen.deed in (Deed.WRITE, Deed.REMOVE) and (seen.there or seen.creates)
        if meant and not is_kernels(seen.path):
            works[seen.path] = works.get(seen.path, True) and seen.writable
    for path, can in sorted(works.items()):
        if not can and any(not works.get(above, True) for above in _above(path)):
            continue
        yield Written(path, can, NO_CURE if can else Cure(text=_place_to_write(posixpath.dirname(path))))


def _place_to_write(folder: str) -> str:
    if folder == "/":
        return "the root is read-only: have it write in a folder, and mount that"
    return f"whit run --tmpfs {folder}, or -v FOLDER:{folder}"


def _promotions(sightings: Sightings, context: Context) -> Iterator[Promotion]:
    """Needs that aren't judged to be needed, and whose files the run asked for."""
    open_needs = {need.name: need.verdict for need in context.needs if need.verdict != "needed"}
    # A loader looks for these in many places, and nobody asked for more than they are linked to.
    linked = {posixpath.basename(file.path) for file in context.image}
    for seen in sightings.paths.values():
        need = "exec" if seen.deed is Deed.EXECUTE and seen.path != context.program else family(seen.path)
        # Who lists a folder looks at all that is in it.
        passing = is_probe(seen.path) or seen.path in SHARED or (seen.deed is Deed.LOOK and seen.there)
        if need in open_needs and not passing and (need != "dlopen" or posixpath.basename(seen.path) not in linked):
            yield Promotion(need, open_needs.pop(need), seen.path)


def _options(misses: tuple[Miss, ...]) -> tuple[str, ...]:
    """The options of ``whit pack`` that bring all that was missed and can be brought."""
    needs = dict.fromkeys(
        miss.cure.options[1]
        for miss in misses
        if miss.weight is Weight.MISSED and miss.cure.options[:1] == ("--needs",)
    )
    added = dict.fromkeys(
        miss.cure.options[1] for miss in misses if miss.weight is Weight.MISSED and miss.cure.options[:1] == ("--add",)
    )
    targets = {item.partition(":")[2] for item in added}
    alone = [item for item in added if targets.isdisjoint(_above(item.partition(":")[2]))]
    chosen = ("--needs", ",".join(needs)) if needs else ()
    return (*chosen, *(word for item in alone for word in ("--add", item)))


def _above(path: str) -> set[str]:
    """The folders that a path is in: with them it is added itself."""
    parts = path.split("/")
    return {"/".join(parts[:depth]) for depth in range(2, len(parts))}


def _deeds(seen: Iterable[Sighting]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(sighting.deed) for sighting in seen))


def _by(seen: Iterable[Sighting]) -> tuple[str, ...]:
    return tuple(sorted({program for sighting in seen for program in sighting.programs if program}))
