"""Which repositories are known to have a blob, so that another of the same registry can have it by a mount.

    ROOT/cache/origins/KEY.json      what was pulled from a repository or pushed to it last; KEY is a hash of its name

Only what the registry has seen already is ever named to it: an image's local names are nobody's business.
"""

from __future__ import annotations

import contextlib
from hashlib import sha256

from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.tree import Tree

_LIMIT = 1 << 20
_MOST_FILES = 200
_MOST_BLOBS = 4000
MOST_TRIED = 2
"""Repositories that a blob is asked of."""
SCHEMA = "whit-origin/1"


class Origins:
    """What is known, in a folder of the store's cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, domain: str, name: str, tree: Tree) -> None:
        """A repository has these blobs. Not to be able to remember it is no failure."""
        key = sha256(f"{domain}/{name}".encode()).hexdigest()
        blobs = [blob.hex for blob in tree.blobs][:_MOST_BLOBS]
        document = {"schema": SCHEMA, "registry": domain, "repository": name, "blobs": blobs}
        with contextlib.suppress(OSError):
            durable.private_folder(self._folder)
            path = self._folder / f"{key}.json"
            if not path.exists() or path.read_bytes() != canonical_json(document):
                durable.write_record(path, canonical_json(document))

    def of(self, domain: str, besides: str) -> dict[str, tuple[str, ...]]:
        """Blobs' hex digests → repositories of a registry that have them, other than ``besides``."""
        found: dict[str, tuple[str, ...]] = {}
        try:
            files = sorted(self._folder.glob("*.json"))[:_MOST_FILES]
        except OSError:
            return found
        for file in files:
            with contextlib.suppress(OSError, InvalidFileError):
                doc = parse_object(file.read_bytes(), "origin", _LIMIT)
                name = doc.text("repository")
                if doc.text("registry") != domain or name == besides:
                    continue
                for blob in doc.texts("blobs"):
                    found[blob] = (*found.get(blob, ()), name)[:MOST_TRIED]
        return found


class Mounts:
    """Where blobs of a target may be mounted from; looked up when the first is missing there."""

    def __init__(self, origins: Origins, domain: str, name: str) -> None:
        self._origins, self._domain, self._name = origins, domain, name
        self._known: dict[str, tuple[str, ...]] | None = None

    def __call__(self, blob: Descriptor) -> tuple[str, ...]:
        """Repositories that may have it."""
        if self._known is None:
            self._known = self._origins.of(self._domain, self._name)
        return self._known.get(blob.hex, ())
