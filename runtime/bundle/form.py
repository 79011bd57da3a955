"""A bundle's bytes: its mark, its head, its entries, as runtime/launcher/bundle.h has them. Pure.

    launcher, with its mark filled in
    files' contents, page, document
    head        places of all that; plans, settings, entries, texts
    signature   if there is one

Numbers are in native byte order: the launcher is of one architecture.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.executable.bundled import BLANK, MAGIC, MARK
from whit.packer.support.errors import InvalidFileError, LaunchError
from whit.runtime.bundle.sums import add
from whit.runtime.opcodes import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD_MAGIC, VERSION = b"WHITBNDL", 2
HEAD = struct.Struct("=8sII II 4I4I II II Q QQQ QQQ QQ".replace(" ", ""))
ENTRY = struct.Struct("=6IqQQQ")
VARIANTS = ("root", "user", "root-host", "user-host")
"""Whose plans they are: root's or a user's, without a network or on the host's. Their order is that of the launcher's numbers."""

MAX_HEAD = 256 << 20
MAX_ENTRIES = 1_000_000
_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is in the file, and its sum."""

    at: int = 0
    size: int = 0
    sum: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: ``path`` without a slash at its beginning. Links have a target, and so have further names of a regular file."""

    path: bytes
    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    target: bytes = b""
    content: Place = Place()

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file, under the first of its names."""
        return stat.S_ISREG(self.mode) and not self.target


@dataclass(frozen=True, slots=True)
class Head:
    """What there is. ``plans`` are encoded, in the order of :data:`VARIANTS`; ``defaults`` are NAME=VALUE."""

    plans: tuple[bytes, ...]
    defaults: tuple[bytes, ...]
    entrypoint_words: int
    entries: tuple[Entry, ...]
    page: Place
    document: Place
    signature: Place = Place()

    @property
    def files_count(self) -> int:
        """How many regular files there are; folders, links and further names aren't counted."""
        return sum(entry.is_file for entry in self.entries)

    @property
    def files_size(self) -> int:
        """Bytes of all files, each once."""
        return sum(entry.content.size for entry in self.entries if not entry.target)


@dataclass(frozen=True, slots=True)
class Mark:
    """What the launcher knows without opening anything."""

    at: int
    launcher_size: int
    size: int
    head: Place
    launcher_sum: int

    def encode(self) -> bytes:
        """Its bytes, with their own sum."""
        numbers = (
            self.at,
            self.launcher_size,
            self.size,
            self.head.at,
            self.head.size,
            self.head.sum,
            self.launcher_sum,
        )
        data = MARK.pack(MAGIC, *numbers, 0, 0)
        return MARK.pack(MAGIC, *numbers, add(0, data[: MARK.size - 16]), 0)


def find_mark(launcher: bytes) -> int:
    """Where a launcher's mark is. Raises :class:`LaunchError` for a file that isn't one, or is a bundle already."""
    at = launcher.find(MAGIC)
    if at < 0 or launcher[at : at + MARK.size] != BLANK or launcher.count(MAGIC) != 1:
        raise LaunchError(
            "whit's launcher is of another version, and can't be put into a bundle", hint="install whit again"
        )
    return at


def launcher_sum(launcher: bytes, at: int) -> int:
    """The sum of the launcher without its mark."""
    return add(add(0, launcher[:at]), launcher[at + MARK.size :])


class _Texts:
    """Texts with a NUL behind each; equal ones are stored once."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()
        self.known: dict[bytes, int] = {}

    def add(self, text: bytes) -> int:
        place = self.known.get(text)
        if place is None:
            place = self.start + len(self.data)
            self.data += text + b"\0"
            self.known[text] = place
        return place


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)


def equals(entries: Sequence[Entry]) -> Iterator[int]:
    """For each entry which one before it, counted from 1, is equal in all but its name; 0 for none."""
    first: dict[Entry, int] = {}
    for number, entry in enumerate(entries, 1):
        same = number
        if entry.is_file:
            same = first.setdefault(replace(entry, path=b""), number)
        yield same if same < number else 0


def encode_head(head: Head) -> bytes:
    """The head's bytes. Raises :class:`InvalidFileError` for more files than a bundle takes."""
    body = bytearray(_padded(bytes(HEAD.size)))
    plans = []
    for plan in head.plans:
        plans.append(len(body))
        body += _padded(plan)
    entries_at = len(body)
    texts = _Texts(entries_at + ENTRY.size * len(head.entries))
    records = b"".join(
        ENTRY.pack(
            texts.add(entry.path), texts.add(entry.target) if entry.target else 0, entry.mode, entry.uid, entry.gid, same,
            entry.mtime, entry.content.at, entry.content.size, entry.content.sum,
        )
        for entry, same in zip(head.entries, equals(head.entries), strict=True)
    )  # fmt: skip
    defaults = b"".join(text + b"\0" for text in head.defaults)
    defaults_at = texts.start + len(texts.data)
    body += records + texts.data + defaults
    if len(head.entries) > MAX_ENTRIES or len(body) > MAX_HEAD:
        raise InvalidFileError("the image holds more files than a bundle takes", hint=f"at most {MAX_ENTRIES}")
    HEAD.pack_into(
        body, 0, HEAD_MAGIC, VERSION, TABLE, len(head.entries), entries_at, *plans, *map(len, head.plans),
        defaults_at, len(defaults), head.entrypoint_words, texts.start, head.files_size,
        head.page.at, head.page.size, head.page.sum, head.document.at, head.document.size, head.document.sum,
        head.signature.at, head.signature.size,
    )  # fmt: skip
    return bytes(body)


def damaged(path: str, what: str) -> InvalidFileError:
    """The error for a bundle that isn't what it was."""
    return InvalidFileError(f"{path} is damaged: {what} isn't what it was", hint="fetch it again")


def decode_mark(data: bytes, path: str) -> Mark:
    """The mark out of a bundle's bytes. Raises :class:`InvalidFileError` for what is no bundle, or one with a damaged mark."""
    at = data.find(MAGIC)
    if at < 0 or len(data) < at + MARK.size:
        raise InvalidFileError(f"{path} is no bundle", hint="'whit bundle IMAGE -o FILE' makes one")
    _, *numbers, total, _ = MARK.unpack_from(data, at)
    if data[at : at + MARK.size] == BLANK:
        raise InvalidFileError(
            f"{path} is whit's launcher, and no bundle", hint="'whit bundle IMAGE -o FILE' makes one"
        )
    own, launcher_size, size, head_at, head_size, head_sum, sum_of_launcher = numbers
    if add(0, data[at : at + MARK.size - 16]) != total or own != at or at + MARK.size > launcher_size:
        raise damaged(path, "the launcher")
    return Mark(at, launcher_size, size, Place(head_at, head_size, head_sum), sum_of_launcher)


def decode_head(data: bytes, path: str) -> Head:
    """The head, whose sum has been looked at. Raises :class:`InvalidFileError` for what points out of it."""
    try:
        magic, version, table, count, entries_at, *rest = HEAD.unpack_from(data)
        plans_at, plans_size = rest[0:4], rest[4:8]
        defaults_at, defaults_size, words, _, _, *places = rest[8:]
        if magic != HEAD_MAGIC or count > MAX_ENTRIES:
            raise damaged(path, "the list of what is in it")
        if version != VERSION or table != TABLE:
            raise InvalidFileError(
                f"{path} is a bundle of another version of whit", hint="it tells of itself: --whit-inspect"
            )
        entries = tuple(_entry(data, entries_at + index * ENTRY.size) for index in range(count))
    except (struct.error, ValueError):
        raise damaged(path, "the list of what is in it") from None
    plans = tuple(data[at : at + size] for at, size in zip(plans_at, plans_size, strict=True))
    defaults = tuple(data[defaults_at : defaults_at + defaults_size].split(b"\0")[:-1])
    page, document, signature = Place(*places[0:3]), Place(*places[3:6]), Place(*places[6:8])
    return Head(plans, defaults, words, entries, page, document, signature)


def _entry(data: bytes, at: int) -> Entry:
    path, target, mode, uid, gid, _, mtime, content_at, size, total = ENTRY.unpack_from(data, at)
    place = Place(content_at, size, total) if stat.S_ISREG(mode) and not target else Place()
    return Entry(_text(data, path), mode, uid, gid, mtime, _text(data, target) if target else b"", place)


def _text(data: bytes, at: int) -> bytes:
    return data[at : data.index(b"\0", at)]
