"""What Nim has read for a program outside of its tree: packages in ``~/.nimble``, and modules that they are developed from. Pure but for the kit.

Nim's cache has a list of it, PROGRAM.json, where it is told to write one (``-d:nimBetterRun``, which ``nim r`` gives itself): ``depfiles``
are [file, digest], texts that were embedded among them; ``compile`` [source of C, command]. Nimble keeps a package in
``pkgs/NAME-VERSION``, newer ones (0.14) in ``pkgs2/NAME-VERSION-DIGEST``, and takes the newest that is wanted.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import parse_object
from whit.toolchains.model import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.toolchains.model import Kit

LISTS = "-d:nimBetterRun"
"""The option that has Nim write down what it reads. What it compiles is the same."""

FOLDERS = ("pkgs", "pkgs2")
_PACKAGE = re.compile(rf"(/.*)/(?:{'|'.join(FOLDERS)})/([^/-]+)-[^/]*/")
_MOST = 64 << 20


def read_by(caches: Iterable[str], inside: Iterable[str], kit: Kit) -> tuple[str, ...]:
    """Files outside of the folders ``inside``, and of each package all versions that there are, as one that is newer would be taken.

    A list that can't be read is none.
    """
    own = tuple(f"{folder.rstrip('/')}/" for folder in inside)
    found: dict[str, None] = {}
    for path in (path for cache in caches for path in _listed(cache, kit)):
        if path.startswith("/") and "\0" not in path and not path.startswith(own):
            found[path] = None
            found |= dict.fromkeys(versions(path))
    return tuple(sorted(found))


def versions(path: str) -> tuple[str, ...]:
    """Where all versions of the package are that a file is part of; nothing for one that is in none."""
    package = _PACKAGE.match(path)
    return tuple(f"{package[1]}/{folder}/{package[2]}-{ANY}" for folder in FOLDERS) if package else ()


def _listed(cache: str, kit: Kit) -> Iterator[str]:
    for name in kit.names(cache):
        if name.endswith(".json"):
            text = kit.read(posixpath.join(cache, name)) or ""
            try:
                document = parse_object(text.encode("utf-8", "surrogateescape"), name, _MOST)
                yield from (path for key in ("depfiles", "compile") for path, _ in document.rows(key, str, str))
            except InvalidFileError:
                continue
