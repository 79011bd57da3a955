"""Dynamic programs made from source, and the answers of the real loaders and of whit about the libraries they start with.

A loader's answer is a mapping from the name that was asked for to the path of the file that was loaded for it.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.closure.closing import start
from whit.packer.closure.model import Failure
from whit.packer.closure.read import Reader
from whit.packer.elf.dynamic import interpreter
from whit.packer.elf.file import parse
from whit.packer.resolution.model import Program
from whit.packer.store.filetree import HostTree

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.store.filetree import FileTree

GLIBC, MUSL = "gcc", "musl-gcc"
"""The compilers that make programs for each loader."""

MUSL_LOADER = "/lib/ld-musl-x86_64.so.1"
NOT_FOUND = "not found"

_ARROW = re.compile(r"\s+(\S.*?) => (/\S+|not found)(?: \(0x[0-9a-f]+\))?$")
_ALONE = re.compile(r"\s+(/\S+) \(0x[0-9a-f]+\)$")
_LACKS = re.compile(r"Error loading shared library (\S+):")


@dataclass(frozen=True)
class Workshop:
    """Makes libraries and programs below ``folder`` with one compiler."""

    folder: Path
    compiler: str = GLIBC

    def library(self, path: str, *needs: str, soname: str | None = "", flags: tuple[str, ...] = ()) -> Path:
        """A library at a path below the folder, whose SONAME is its file's name unless told otherwise."""
        place = self.folder / path
        name = place.name if soname == "" else soname
        named = [f"-Wl,-soname,{name}"] if name else []
        self._link(place, needs, ("-shared", "-nostdlib", "-fPIC", *named, *flags), "int one_of_these;")
        return place

    def program(self, path: str, *needs: str, flags: tuple[str, ...] = (), source: str = "") -> Path:
        """A program that needs the libraries of these names, and libc."""
        place = self.folder / path
        self._link(place, needs, flags, source or "int main(void) { return 0; }")
        return place

    def link(self, path: str, target: str | Path) -> Path:
        """A symbolic link."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        return place

    def _link(self, place: Path, needs: tuple[str, ...], flags: tuple[str, ...], source: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        stubs = [str(self._stub(name)) for name in needs]
        line = [self.compiler, "-o", str(place), "-x", "c", "-", "-x", "none", "-Wl,--no-as-needed", *stubs]
        subprocess.run([*line, "-Wl,--allow-shlib-undefined", *flags], input=source.encode(), check=True)

    def _stub(self, name: str) -> Path:
        """A library that only the linker sees: its SONAME becomes the DT_NEEDED of what is linked with it."""
        place = self.folder / ".stubs" / f"{name.replace('/', '%').replace('$', '%')}.so"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            line = [self.compiler, "-shared", "-nostdlib", "-fPIC", f"-Wl,-soname,{name}", "-o", str(place)]
            subprocess.run([*line, "-x", "c", "-"], input=b"int stub; const char *word(void) { return 0; }", check=True)
        return place


def rpath(*folders: str) -> tuple[str, ...]:
    """The linker's flags for DT_RPATH."""
    return (f"-Wl,-rpath,{':'.join(folders)}", "-Wl,--disable-new-dtags")


def runpath(*folders: str) -> tuple[str, ...]:
    """The linker's flags for DT_RUNPATH."""
    return (f"-Wl,-rpath,{':'.join(folders)}", "-Wl,--enable-new-dtags")


def loader_of(program: Path) -> str:
    """PT_INTERP's path."""
    found = interpreter(parse(program.read_bytes()))
    assert found is not None
    return found


def loader_says(program: Path, **environment: str) -> dict[str, str]:
    """The real loader's own answer; the program itself isn't started."""
    loader = loader_of(program)
    if loader == MUSL_LOADER:
        output = _run([loader, "--list", str(program)], environment)[1]
    else:
        # The oldest processor's answer, without variants for newer ones; but where something is missing, or a link
        # leads to the program, only the program's own start tells.
        masked = [loader, "--glibc-hwcaps-mask", "none", "--list", str(program)]
        status, output = _run(masked, environment) if not program.is_symlink() else (1, "")
        if status:
            output = _run([str(program)], {**environment, "LD_TRACE_LOADED_OBJECTS": "1"})[1]
    found: dict[str, str] = {}
    for text in output.splitlines():
        if match := _ARROW.match(text):
            found[match[1]] = match[2]
        elif match := _ALONE.match(text):
            found[match[1]] = match[1]
        elif match := _LACKS.match(text):
            found[match[1]] = NOT_FOUND
    return {name: path for name, path in found.items() if path != loader}


def _run(line: list[str], environment: dict[str, str]) -> tuple[int, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
    done = subprocess.run(
        line, env={**clean, **environment}, capture_output=True, text=True, cwd="/", timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def whit_says(program: Path, tree: FileTree | None = None, environment: tuple[str, ...] = ()) -> dict[str, str]:
    """whit's answer, in the same form."""
    host, loader = HostTree(), loader_of(program)
    file = host.file(str(program))
    assert file is not None
    walk = start(loader, Program(file, f"/{program.name}"), host, tree or host, Reader(tree or host), environment)
    assert not isinstance(walk, Failure), walk
    found = {item.names[0] if item.names else item.path: item.path for item in walk.loaded[2:]}
    return {**found, **{failure.name: NOT_FOUND for failure in walk.failures}}
