"""A bundle's file, read and verified without executing anything of it."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.executable.bundled import WITHIN
from whit.packer.showing.escaping import json_harmless, terminal_harmless
from whit.packer.support.errors import InvalidFileError, NotFoundError
from whit.packer.support.jsondoc import parse_object
from whit.runtime.bundle.form import (
    MAX_HEAD,
    Head,
    Mark,
    Place,
    damaged,
    decode_head,
    decode_mark,
    launcher_sum,
)
from whit.runtime.bundle.signing import holds
from whit.runtime.bundle.sums import add

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.supply.keys import PublicKey

_PIECE = 1 << 20
_SAID = "what it says of itself"


@dataclass(frozen=True, slots=True)
class Reading:
    """An open bundle whose mark, length and head are as they should be."""

    path: str
    data: mmap.mmap
    mark: Mark
    head: Head

    def part(self, place: Place, what: str) -> bytes:
        """A part that has a sum of its own. Raises :class:`InvalidFileError` where it isn't what it was."""
        data = self.data[place.at : place.at + place.size]
        if len(data) != place.size or add(0, data) != place.sum:
            raise damaged(self.path, what)
        return data

    @property
    def document(self) -> bytes:
        """What it says of itself to programs. Its sum is right, its form need not be."""
        return self.part(self.head.document, _SAID)

    @property
    def page(self) -> bytes:
        """The same for people."""
        return self.part(self.head.page, _SAID)

    def shown(self, *, as_json: bool) -> str:
        """What it says of itself, as a terminal may have it: whoever made it may have written anything. Raises :class:`InvalidFileError`."""
        if not as_json:
            return terminal_harmless(self.page.decode("utf-8", "replace"))
        document = self.document
        parse_object(document, f"{self.path}: {_SAID}", len(document))
        return json_harmless(document.decode())


@contextlib.contextmanager
def opened(path: str) -> Iterator[Reading]:
    """Read a bundle. Raises :class:`InvalidFileError` for what is none or is damaged, :class:`NotFoundError`."""
    try:
        with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            mark = decode_mark(data[:WITHIN], path)
            if len(data) != mark.size:
                what = "its end is missing" if len(data) < mark.size else "there is more of it than there should be"
                raise InvalidFileError(f"{path} is damaged: {what}", hint="fetch it again")
            place = mark.head
            head = data[place.at : place.at + place.size] if place.size <= MAX_HEAD else b""
            if add(0, head) != place.sum or not head:
                raise damaged(path, "the list of what is in it")
            yield Reading(path, data, mark, decode_head(head, path))
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}", hint="check its spelling") from None
    except (OSError, ValueError) as error:
        # An empty file can't be mapped, nor can a folder.
        raise InvalidFileError(
            f"{path} can't be read as a bundle: {getattr(error, 'strerror', None) or error}"
        ) from None


def verify(bundle: Reading) -> int:
    """Look at all of it: sums, and the digests of the files as the document has them. The number of regular files.

    Raises :class:`InvalidFileError` for the first thing that isn't what it was.
    """
    mark = bundle.mark
    if launcher_sum(bundle.data[: mark.launcher_size], mark.at) != mark.launcher_sum:
        raise damaged(bundle.path, "the launcher")
    document = bundle.document
    doc = parse_object(document, f"{bundle.path}: {_SAID}", len(document))
    said = {item.free_text("path"): item.text_or_none("digest") for item in doc.docs("files")}
    _ = bundle.page
    count = 0
    for entry in bundle.head.entries:
        if not entry.is_file:
            continue
        name = "/" + entry.path.decode("utf-8", "surrogateescape")
        data = bundle.part(entry.content, name)
        found = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if said.get(name, found) != found:
            raise damaged(bundle.path, name)
        count += 1
    return count


def digest(bundle: Reading, size: int | None = None) -> str:
    """The SHA-256 of the whole file, or of its first ``size`` bytes, in hexadecimal."""
    hashed, end = hashlib.sha256(), len(bundle.data) if size is None else size
    for start in range(0, end, _PIECE):
        hashed.update(bundle.data[start : min(start + _PIECE, end)])
    return hashed.hexdigest()


def is_signed_by(bundle: Reading, key: PublicKey) -> bool:
    """Whether it has a signature that is this key's, over just these bytes. Raises :class:`InvalidFileError` where there is none."""
    place = bundle.head.signature
    if not place.size:
        raise InvalidFileError(f"{bundle.path} isn't signed", hint="'whit bundle --sign KEY' signs one")
    return holds(bundle.data[place.at : place.at + place.size], digest(bundle, place.at), key)
