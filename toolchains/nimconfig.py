"""What Nim reads of configuration around a program, and the folders of modules that it names. Pure but for the kit.

Nim Compiler User Guide, "Configuration files": ``nim.cfg`` and ``config.nims`` in the main source's folder and in all above it, and
files that are called after the source. The machine's own are the toolchain's; the user's is left out (``--skipUserCfg``).
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.toolchains.model import Kit, Tool

NAMES = ("nim.cfg", "config.nims")
_OWN = ("cfg", ".cfg", "s")
"""What follows a source's name: ``x.nimcfg``, ``x.nim.cfg``, ``x.nims``."""

_PATH = re.compile(
    r"""^\s*(?:--?)?(?:path|p)\s*[:=]\s*"?([^"\n;#]+?)"?\s*(?:\#.*)?$|\bswitch\s*\(?\s*"(?:path|p)"\s*,\s*"([^"\n]+)\"""",
    re.MULTILINE | re.IGNORECASE,
)


def read_for(source: str, kit: Kit) -> tuple[str, ...]:
    """Files that are read for a main source, those of its own first."""
    folder = posixpath.dirname(source)
    own = (*(source + ending for ending in _OWN), *(posixpath.join(folder, name) for name in NAMES))
    return (*(path for path in own if kit.is_file(path)), *above(folder, kit))


def above(folder: str, kit: Kit) -> tuple[str, ...]:
    """Files above a folder that are there, the nearest first: those above where it really is, as Nim follows links."""
    found: list[str] = []
    folder = kit.real(folder)
    while folder != "/":
        folder = posixpath.dirname(folder)
        found += (path for name in NAMES if kit.is_file(path := posixpath.join(folder, name)))
    return tuple(found)


def named(files: Iterable[str], main: str, kit: Kit) -> Iterator[tuple[str, str]]:
    """Folders of modules that are there, each with the file that names it; ``main`` is the main source's folder, as Nim's variables have it.

    What a script computes isn't seen.
    """
    for file in files:
        here = posixpath.dirname(file)
        for words in _PATH.findall(kit.read(file) or ""):
            text = "".join(words).strip()
            for variable, value in (("$config", here), ("$projectpath", main), ("$projectdir", main)):
                text = re.sub(re.escape(variable), value.replace("\\", r"\\"), text, flags=re.IGNORECASE)
            path = kit.real(posixpath.join(here, text))
            if "$" not in text and kit.names(path):
                yield path, file


def of_machine(nim: Tool) -> tuple[str, ...]:
    """Files of the toolchain, were they there: its own folder's, or the machine's."""
    prefix = posixpath.dirname(nim.home)
    return tuple(
        f"{folder}/{name}" for folder in (f"{prefix}/config", f"{prefix}/etc/nim", "/etc/nim") for name in NAMES
    )
