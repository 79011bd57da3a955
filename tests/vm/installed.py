"""The installed whit with the Python under it, as files that a guest can have under the same paths; no more than it needs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

VENV = PROJECT / ".venv"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))

STDLIB_LEFT_OUT = re.compile(
    r"/(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|distutils|pydoc_data|site-packages|dist-packages|venv|"
    r"unittest|sqlite3|curses|config-[^/]*)(/|$)|/(_tkinter|_sqlite3|_curses|_test|_ctypes_test|_dbm|_gdbm|readline)[^/]*\.so$"
    r"|\.opt-[12]\.pyc$"
)
SHARED_OBJECT = re.compile(r"(/\S+) \(0x")


def installed_whit() -> Iterator[Path]:
    """Files, links and folders; a path may come twice."""
    yield from (interpreter := [*chain(VENV / "bin" / "python")])
    yield from libraries(interpreter[-1])
    yield VENV / "pyvenv.cfg"
    for name in ("whit", "whit-oci"):
        yield VENV / "bin" / name
    yield from _standard_library()
    yield from _site_packages()
    for part in ("packer", "runtime", "toolchains"):
        yield PROJECT / ".typing" / "whit" / part
        yield from _files(PROJECT / part)


def chain(path: Path) -> Iterator[Path]:
    """The path, what it links to, and so on to the file."""
    while path.is_symlink():
        yield path
        path = path.parent / path.readlink()
    yield path


def libraries(*objects: Path) -> Iterator[Path]:
    """The shared objects that these load, and the loader."""
    listed = subprocess.run(["ldd", *objects], capture_output=True, text=True, check=False).stdout
    for name in sorted(set(SHARED_OBJECT.findall(listed))):
        yield from chain(Path(name))


def _standard_library() -> Iterator[Path]:
    folder = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    found = [path for path in _files(folder) if not STDLIB_LEFT_OUT.search(str(path))]
    yield from found
    yield from libraries(*(path for path in found if path.suffix == ".so"))


def _site_packages() -> Iterator[Path]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    lines = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["systemd"]]
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in lines}
    files = [file for name in sorted(names) for file in importlib.metadata.files(name) or []]
    found = [path for file in files if ".." not in file.parts and (path := SITE_PACKAGES / file).exists()]
    yield from found
    yield from libraries(*(path for path in found if path.suffix == ".so"))
    yield from SITE_PACKAGES.glob("*whit*.pth")
    for path in SITE_PACKAGES.glob("*whit*"):
        if not path.is_dir():
            yield path
        elif path.suffix == ".dist-info":
            yield from _files(path)
    yield from SITE_PACKAGES.glob("__pycache__/*whit*")


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
