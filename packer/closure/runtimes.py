"""Interpreters whose own library is files, not shared objects: nothing in the program asks a loader for them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.resolution.model import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.closure.walk import Walk
    from whit.packer.store.filetree import FileTree

_RUNTIMES = (
    ("Python", re.compile(r"(?:lib)?python(\d\.\d+)(?:\.so.*)?"), ("/usr/lib/python{0}", "/usr/local/lib/python{0}")),
    ("Perl", re.compile(r"libperl\.so\.(\d+\.\d+)"), ("/usr/share/perl/{0}", "/usr/share/perl5")),
    ("Ruby", re.compile(r"libruby-?(\d\.\d+)\.so.*"), ("/usr/lib/ruby/{0}.0",)),
)
"""Name, what its program or shared library is called, and where Debian and others have the rest."""


def runtime_advice(walk: Walk, tree: FileTree, added: frozenset[str]) -> Iterator[Advice]:
    """An interpreter in the process whose library is on the machine and not among what is ``added``."""
    names = {item.path.rpartition("/")[2] for item in walk.loaded}
    for language, pattern, places in _RUNTIMES:
        versions = sorted({match[1] for name in names if (match := pattern.fullmatch(name))})
        folders = [place.format(version) for version in versions for place in places]
        for folder in folders:
            if tree.children(folder) and not any(path.startswith(f"{folder}/") for path in added):
                give = f"--add {tree.place(folder)}:{folder}"
                yield Advice("runtime", f"{language}'s own library isn't in the image: give it with {give}.")
                break
