"""What is traced: a file that is packed first, or an image; with what is known of the files in it."""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.image.annotations import ANNOTATION_PREFIX
from whit.packer.needs import RULES
from whit.packer.resolution.choices import DEFAULT
from whit.packer.store.targets import names_file
from whit.packer.support.errors import WhitError
from whit.runtime.explain import loader_of, script_interpreter
from whit.runtime.prepare import Prepared, prepare
from whit.runtime.rootview import RootView
from whit.runtime.trace.known import family
from whit.runtime.trace.verdict import ImageFile, Judged, Lacking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.request import Request

GIVEN_BY_RUNTIME = frozenset(("/etc/hosts",))
"""What the runtime puts into every root: no part of the image, where that doesn't bring its own."""


HISTORIES = frozenset((".git", ".hg", ".svn"))

LIBRARIES = "libraries"
"""What shared libraries in an image are told to be for."""


@dataclass(frozen=True, slots=True)
class Target:
    """An image that is ready to run. ``needs`` is empty where nobody has judged them."""

    prepared: Prepared
    files: tuple[ImageFile, ...]
    needs: tuple[Judged, ...]
    packable: bool


def find_target(request: Request, store: Store) -> Target:
    """Pack or find what is to be traced. Raises whatever packing and finding raise."""
    packs = names_file(request.target)
    if packs:
        from whit.packer.pipeline import pack_file  # noqa: PLC0415 - only where a file is packed

        image = pack_file(request.target, store, request.choices)
        prepared = prepare(replace(request, target=image.digest, choices=DEFAULT), store, ())
        # Its host name is the file's, as whit run has it.
        prepared = replace(prepared, program=replace(prepared.program, name=Path(request.target).name))
    else:
        image = store.resolve(request.target)
        prepared = prepare(request, store, ())
    given = GIVEN_BY_RUNTIME | {volume.target for volume in request.options.volumes}
    return Target(prepared, tuple(_listed(prepared.program.rootfs, given)), _judged(image), packs)


def _judged(image: StoredImage) -> tuple[Judged, ...]:
    """The verdicts that whit wrote into an image that it made."""
    text = dict(image.manifest.annotations).get(f"{ANNOTATION_PREFIX}needs", "")
    verdicts = dict(item.split("=", 1) for item in text.split(",") if "=" in item)
    return tuple(Judged(rule.name, verdicts.get(rule.name, "not")) for rule in RULES) if verdicts else ()


def _listed(rootfs: str, given: frozenset[str]) -> Iterator[ImageFile]:
    """The regular files of an unpacked image, but for what the runtime has ``given`` a place in it."""
    for folder, folders, names in os.walk(rootfs):
        folders.sort()
        for name in sorted(names):
            whole = f"{folder}/{name}"
            path = whole[len(rootfs) :]
            status = os.lstat(whole)
            if path not in given and stat.S_ISREG(status.st_mode):
                need = family(path) or ""
                yield ImageFile(path, status.st_size, LIBRARIES if need == "dlopen" else need)


def opened_by_kernel(rootfs: str, programs: Iterable[str]) -> tuple[frozenset[str], tuple[Lacking, ...]]:
    """The loaders and scripts' interpreters with which the kernel executes programs of an unpacked image.

    Those that are there, as real paths, and those that aren't.
    """
    view = RootView(rootfs)
    there: set[str] = set()
    lacking: dict[str, Lacking] = {}
    for program in programs:
        data = view.read(program) or b""
        for path in filter(None, (loader_of(data), script_interpreter(data))):
            real = view.resolve(path)
            if real is None:
                lacking.setdefault(path, Lacking(path, program))
            else:
                there.add(real[len(rootfs) :])
    return frozenset(there), tuple(lacking.values())


@dataclass(frozen=True, slots=True)
class ThisMachine:
    """The machine that the trace runs on. ``folders`` may be what a program takes its root for: where it is started, and
    where it lies.
    """

    folders: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Whether something stands at this absolute path."""
        try:
            return Path(path).exists()
        except (OSError, ValueError):
            return False

    def is_directory(self, path: str) -> bool:
        """Whether a folder stands at this absolute path."""
        try:
            return Path(path).is_dir()
        except (OSError, ValueError):
            return False

    def nearby(self, path: str) -> str | None:
        """Where a container's path would be if its root were one of the folders. Histories of sources never count."""
        if path.split("/")[1] in HISTORIES:
            return None
        candidates = (posixpath.join(folder, path.lstrip("/")) for folder in self.folders)
        return next((found for found in candidates if path != "/" and self.has(found)), None)

    def find_program(self, name: str) -> str | None:
        """Where the program of this name is on our PATH."""
        return shutil.which(name)

    def is_dynamic(self, path: str) -> bool:
        """Whether a program needs a loader and libraries besides itself."""
        from whit.packer.executable.analysis import Linkage, Wanted  # noqa: PLC0415 - only for programs that are missing
        from whit.packer.executable.file import open_executable  # noqa: PLC0415

        try:
            return open_executable(path, Wanted()).analysis.linkage is Linkage.DYNAMIC
        except (WhitError, OSError, ValueError):
            return False
