"""What a program needs beyond its closure: what libc and others load while it runs. Pure.

libgcc_s for cancelling threads, NSS modules of a glibc before 2.34 (since then they are inside), libraries that a
``.note.dlopen`` requires, and converters for a program that calls iconv itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.closure.imports import ACCOUNTS, HOSTS, UNWINDS, imports_of
from whit.packer.closure.model import Failure
from whit.packer.resolution.model import Advice

if TYPE_CHECKING:
    from whit.packer.closure.model import DlopenNote, Loaded
    from whit.packer.closure.walk import Walk
    from whit.packer.image.spec import HostFile
    from whit.packer.store.filetree import FileTree
    from whit.packer.support.search import Data

_INSIDE_SINCE = (2, 34)
"""glibc's files and dns modules, and libresolv's queries, became parts of libc (release notes of 2.34)."""

_CONVERTERS = ("UTF-16", "UTF-32", "UTF-7", "ISO8859-1", "ISO8859-15", "CP1252")
"""The most used of 250: 130 KB instead of 8 MB. UTF-8, UCS-2, UCS-4 and ASCII are inside libc."""

_LOCALES = "/usr/lib/locale"
_UNIVERSAL = ("C.utf8", "C.UTF-8")
"""The folder's name: glibc's own (since 2.35), and what Debian called it before."""

_SETS_LOCALE = ("setlocale", "newlocale")
_CATEGORIES = (
    *("LC_ADDRESS", "LC_COLLATE", "LC_CTYPE", "LC_IDENTIFICATION", "LC_MEASUREMENT", "LC_MESSAGES/SYS_LC_MESSAGES"),
    *("LC_MONETARY", "LC_NAME", "LC_NUMERIC", "LC_PAPER", "LC_TELEPHONE", "LC_TIME"),
)

_LIBRARY = re.compile(rb"(?:/[A-Za-z0-9_./+-]{1,200}/)?lib[A-Za-z0-9_+.-]{1,60}\.so(?:\.[0-9]{1,4}){0,3}")
_LONGEST = 300
_WINDOW = 256 << 10
_SEARCHED = 64 << 20
_MOST_NAMES = 12

_GCONV = re.compile(rb"(/[\x21-\x7e]{1,250})/gconv-modules\.cache\0")
_RELEASE = re.compile(r"GLIBC_(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Extra:
    """Another file: where it stands in the tree and in the image, and why."""

    path: str
    file: HostFile
    reason: str


def glibc_version(walk: Walk) -> tuple[int, int] | None:
    """The newest version that libc.so.6 defines: its release."""
    libc = _libc(walk)
    found = [match for text in (libc.facts.defines if libc else None) or () if (match := _RELEASE.fullmatch(text))]
    return max(((int(match[1]), int(match[2])) for match in found), default=None)


def load_more(walk: Walk, loads: tuple[tuple[str, ...], ...] = ()) -> dict[str, str]:
    """Load what glibc loads by itself and what notes require; title of each → why. Adds to the walk's failures.

    ``loads``: libraries that the program is known to load as it starts, each with its names in the order of trial.
    """
    reasons: dict[str, str] = {}
    for name, by, reason in _libc_loads(walk):
        if item := walk.load(name, by, optional=True):
            reasons.setdefault(item.title, reason)
    walk.run()
    for item in tuple(walk.loaded):
        for note in item.facts.dlopens:
            if note.priority == "required":
                reasons.update(_required(walk, item, note))
    for names in loads:
        if found := _first(walk, names, walk.system.program):
            reasons.setdefault(found.title, "the program loads it as it starts")
    return reasons


def _libc_loads(walk: Walk) -> list[tuple[str, Loaded, str]]:
    """What libc loads for the functions that are imported: name, libc itself and why."""
    imports = imports_of(walk.loaded)
    libc, program = _libc(walk), "the program"
    wishes: list[tuple[str, Loaded, str]] = []
    if libc and (who := imports.importers(UNWINDS, program)):
        wishes.append(("libgcc_s.so.1", libc, f"libc loads it when a thread ends early, as {who[0]} may ask for"))
    version = glibc_version(walk)
    if libc and version and version < _INSIDE_SINCE:
        if who := imports.importers((*HOSTS, *ACCOUNTS), program):
            wishes.append(("libnss_files.so.2", libc, f"libc loads it to read /etc/passwd and its like for {who[0]}"))
        if who := imports.importers(HOSTS, program):
            wishes.append(("libnss_dns.so.2", libc, f"libc loads it to ask name servers for {who[0]}"))
    return wishes


def _first(walk: Walk, names: tuple[str, ...], by: Loaded) -> Loaded | None:
    """The first of these that there is, loaded with all that it needs."""
    for name in names:
        if found := walk.load(name, by, optional=True):
            walk.run()
            return found
    return None


def _required(walk: Walk, item: Loaded, note: DlopenNote) -> dict[str, str]:
    if found := _first(walk, note.sonames, item):
        return {found.title: f"{item.title} requires it while it runs ({_purpose(note)}): .note.dlopen"}
    walk.failures.append(Failure(note.sonames[0], item.title, "its .note.dlopen requires it"))
    return {}


def dlopen_advice(
    walk: Walk, constants: tuple[str, ...], loads: tuple[tuple[str, ...], ...] = ()
) -> tuple[Advice, ...]:
    """What may be loaded while the program runs and isn't packed for it; ``loads`` as for :func:`load_more`."""
    there = {name for item in walk.loaded for name in (*item.names, item.facts.soname)}
    found = [
        f"{item.title} can use {' or '.join(note.sonames)} ({_purpose(note)}), {note.priority}"
        for item in walk.loaded
        for note in item.facts.dlopens
        if note.priority != "required" and not there.intersection(note.sonames)
    ]
    found += [f"it loads {' or '.join(names[:3])} as it starts" for names in loads if not there.intersection(names)]
    names = [name for name in dict.fromkeys(constants) if ".so" in name and name.rpartition("/")[2] not in there]
    if names:
        found.append(f"it loads libraries while it runs, and knows the names {', '.join(names)}")
    elif not loads and "dlopen" in walk.system.program.facts.imports and not walk.system.program.facts.dlopens:
        found.append("it loads libraries while it runs, which ones isn't known")
    return tuple(Advice("dlopen", f"{text[0].upper()}{text[1:]}: give what is wanted with --add.") for text in found)


def library_names(program: Data) -> tuple[str, ...]:
    """Strings in an executable that are what libraries are called: what it may hand to dlopen."""
    found: dict[str, None] = {}
    # In windows that stay in the cache: a regular expression over the whole takes a second for 64 MB.
    for start in range(0, min(len(program), _SEARCHED), _WINDOW):
        window = program[start : start + _WINDOW + _LONGEST]
        at = window.find(b".so")
        while at >= 0 and len(found) < _MOST_NAMES:
            first, end = window.rfind(b"\0", max(at - _LONGEST, 0), at) + 1, window.find(b"\0", at, at + _LONGEST)
            if 0 < first < end and _LIBRARY.fullmatch(window, first, end):
                found[window[first:end].decode("ascii")] = None
            at = window.find(b".so", at + 1)
    return tuple(found)


def _purpose(note: DlopenNote) -> str:
    return note.description or note.feature or "no purpose given"


def converters(walk: Walk, tree: FileTree) -> tuple[Extra, ...]:
    """The table of converters and the most used ones, for a program that calls iconv itself; libc knows their folder."""
    libc = _libc(walk)
    if libc is None or "iconv_open" not in walk.system.program.facts.imports:
        return ()
    with tree.mapped(libc.found.path) as data:
        folder = _gconv_folder(data)
    table = f"{folder}/gconv-modules.cache"
    if folder is None or tree.file(table) is None:
        return ()
    paths = (table, *(f"{folder}/{name}.so" for name in _CONVERTERS))
    reason = "iconv, which the program calls, reads it"
    return tuple(Extra(path, file, reason) for path in paths if (file := tree.file(path)))


def locale(walk: Walk, tree: FileTree) -> tuple[Extra, ...]:
    """The locale C.UTF-8, for a program that sets locales and names this one."""
    if not walk.system.program.facts.imports.intersection(_SETS_LOCALE):
        return ()
    paths = (f"{_LOCALES}/{name}/{category}" for name in _UNIVERSAL for category in _CATEGORIES)
    return tuple(
        Extra(path, file, "the locale C.UTF-8, which the program names") for path in paths if (file := tree.file(path))
    )


def _gconv_folder(libc: Data) -> str | None:
    match = _GCONV.search(libc)
    return match[1].decode("ascii") if match else None


def _libc(walk: Walk) -> Loaded | None:
    return next((item for item in walk.loaded if item.facts.soname == "libc.so.6"), None)
