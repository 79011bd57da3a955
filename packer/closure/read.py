"""An ELF file's bytes → what a loader reads of it. Libraries are as untrusted as executables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from whit.packer.closure.imports import ASKED
from whit.packer.closure.model import Candidate, DlopenNote, Facts
from whit.packer.elf import dynamic as program
from whit.packer.elf.file import FileType, parse
from whit.packer.elf.imports import imported
from whit.packer.elf.versions import defined_versions, needed_versions
from whit.packer.needs import WANTED
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.elf.dynamic import Note
    from whit.packer.image.spec import HostFile
    from whit.packer.store.filetree import FileTree
    from whit.packer.support.search import Data

DLOPEN_NOTE = ("FDO", 0x407C0C0A)
"""Owner and type. Other notes of FDO's are about packaging."""

MAX_LOOKS = 200_000
"""Places where a library is looked for, of one program: a thousand times what is usual."""

_ASKED = frozenset(name.encode() for name in ASKED | WANTED.functions)
"""Functions that say what a process needs, if one of its objects imports them."""

_MAGIC = b"\x7fELF"
_DF_1_NODEFLIB = 0x800
_PRIORITIES = ("required", "recommended", "suggested")
_MAX_ALTERNATIVES = 64


def facts(data: Data) -> Facts:
    """Read one object. Raises InvalidFileError for what a loader refuses."""
    if data[:4] != _MAGIC:
        raise InvalidFileError("it isn't an ELF file" if len(data) else "it is empty")
    elf = parse(data, sections=False)
    dynamic = program.dynamic(elf)
    loadable = elf.type in (FileType.DYN, FileType.EXEC) and bool(elf.loads)
    if dynamic is None:
        return Facts(elf.machine, elf.bits, elf.order, loadable)
    return Facts(
        machine=elf.machine,
        bits=elf.bits,
        order=elf.order,
        loadable=loadable,
        needed=dynamic.libraries,
        optional=tuple(name for name, optional in dynamic.filters if optional),
        soname=dynamic.soname,
        # Of an object with both, glibc forgets RPATH (elf/get-dynamic-info.h) and musl lets RUNPATH win.
        rpath=dynamic.rpath if dynamic.runpath is None else None,
        runpath=dynamic.runpath,
        no_default=bool(dynamic.values.get(program.Tag.FLAGS_1, 0) & _DF_1_NODEFLIB),
        needs=needed_versions(elf, dynamic),
        defines=defined_versions(elf, dynamic),
        imports=imported(elf, dynamic, _ASKED),
        dlopens=tuple(entry for note in program.notes(elf) for entry in _dlopens(note)),
    )


def _dlopens(note: Note) -> Iterator[DlopenNote]:
    """The entries of a note, if it is one of these and well-formed (systemd, "Interoperability", ELF dlopen metadata)."""
    if (note.owner, note.type) != DLOPEN_NOTE:
        return
    try:
        entries = json.loads(note.content.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        sonames = entry.get("soname") if isinstance(entry, dict) else None
        if not isinstance(sonames, list) or not all(isinstance(name, str) and name for name in sonames):
            continue
        priority = entry.get("priority", "recommended")
        yield DlopenNote(
            tuple(sonames[:_MAX_ALTERNATIVES]),
            priority if priority in _PRIORITIES else "recommended",
            str(entry.get("feature", "")),
            str(entry.get("description", "")),
        )


class Reader:
    """A tree's shared objects, each read once, with what a person adds at its place in the image.

    Remembers where it has looked: ``folders`` are the tree's.
    """

    def __init__(
        self, tree: FileTree, host: FileTree | None = None, added: Mapping[str, HostFile] | None = None
    ) -> None:
        self._tree = tree
        self._host = host or tree
        self._added = added or {}
        self._known: dict[str, Candidate | None] = {}
        self.folders: set[str] = set()

    def __call__(self, path: str) -> Candidate | None:
        """What stands at an absolute path; None if it is no regular file that can be opened, as for a loader."""
        if path not in self._known:
            if len(self._known) >= MAX_LOOKS:
                raise UnsupportedError("its libraries' search paths are too long: too many places to look at")
            self.folders.add(path.rpartition("/")[0] or "/")
            self._known[path] = self._look(path)
        return self._known[path]

    def added_objects(self) -> tuple[str, ...]:
        """The image paths of what was added and can be loaded: programs and libraries, not scripts and data."""
        return tuple(path for path in sorted(self._added) if (found := self(path)) and found.facts)

    def _look(self, path: str) -> Candidate | None:
        added = self._added.get(path)
        file = added or self._tree.file(path)
        if file is None:
            return None
        try:
            with self._host.mapped(added.path) if added else self._tree.mapped(path) as data:
                return Candidate(path, file, file.identity[:2], facts(data))
        except OSError:
            return None
        except InvalidFileError as error:
            return Candidate(path, file, file.identity[:2], fault=error.message)
