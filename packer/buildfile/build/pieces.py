"""What a COPY or ADD brings, piece by piece: each a stream of bytes whose digest is part of the step's key."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.modes import parse_mode
from whit.packer.buildfile.build.origins import find, find_one, rooted
from whit.packer.buildfile.build.selecting import Walk, least
from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules, parse_ignore_file
from whit.packer.buildfile.dockerfile.plan import SourceKind
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.support.light import replace
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.archives.loading import uncompressed
from whit.packer.tar import write
from whit.packer.tar.header import check_sum
from whit.packer.tar.member import RECORD, Kind, Member
from whit.packer.tar.tree import Selected, TreeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.buildfile.build.origins import Files, Found
    from whit.packer.buildfile.build.owners import Owner
    from whit.packer.buildfile.dockerfile.plan import FileSource, FileStep

_READ = 1 << 20
_INLINE_MODE = 0o644
_NS = 1_000_000_000


class PieceKind(StrEnum):
    """What is done with it."""

    FOLDER = "folder"
    FILE = "file"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Piece:
    """``chunks`` are a tar's, or an archive's own. ``name`` is a file's; ``below`` are the folders that ``--parents`` keeps."""

    kind: PieceKind
    name: str
    below: str
    chunks: Callable[[], Iterator[bytes]]

    def digest(self) -> str:
        """Of all that is brought: names, kinds, modes, owners, contents; not of times."""
        hashed = sha256()
        for chunk in self.chunks():
            hashed.update(chunk)
        return hashed.hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of each file: whose it is, what may be done with it, and when it was made."""

    owner: Owner | None
    mode: Callable[[int, bool], int] | None
    seconds: int
    is_context: bool

    def __call__(self, member: Member) -> Member:
        """The member as the image has it."""
        uid, gid = self.owner or ((0, 0) if self.is_context else (member.uid, member.gid))
        mode = member.mode
        if self.mode and member.kind is not Kind.SYMLINK:
            mode = self.mode(mode, member.kind is Kind.DIRECTORY) & 0o7777
        xattrs = () if self.is_context else member.xattrs
        return replace(member, uid=uid, gid=gid, mode=mode, xattrs=xattrs, mtime_ns=self.seconds * _NS)


def change_of(step: FileStep, owner: Owner | None, seconds: int, *, is_context: bool) -> Change:
    """What a step says of its files."""
    return Change(owner, parse_mode(step.mode) if step.mode else None, seconds, is_context)


def pieces_of(step: FileStep, files: Files, change: Change) -> list[Piece]:
    """All pieces in order. Raises Fault, UnsupportedError."""
    pieces: list[Piece] = []
    for source in step.sources:
        if source.kind is SourceKind.INLINE:
            pieces.append(_inline(source, change))
        elif source.kind is SourceKind.PATH:
            for found in find(files, source.value):
                piece = _piece(step, source, files, found, change)
                pieces += [piece] if piece else []
        else:
            raise UnsupportedError(
                f"{step.source.place}: ADD of a {source.kind} isn't honoured: {source.value[:200]}",
                hint="fetch it beforehand, or by RUN",
            )
    return pieces


def _inline(source: FileSource, change: Change) -> Piece:
    data = source.content.encode("utf-8", "surrogateescape")
    member = change(Member(os.fsencode(source.value), Kind.FILE, _INLINE_MODE, 0, 0, len(data)))

    def chunks() -> Iterator[bytes]:
        yield write.header(member)
        yield data
        yield write.padding(len(data))
        yield write.END

    return Piece(PieceKind.FILE, source.value, "", chunks)


def _piece(step: FileStep, source: FileSource, files: Files, found: Found, change: Change) -> Piece | None:
    name = posixpath.basename(found.path)
    below = _kept_parents(source.value, found) if step.keeps_parents else ""
    if found.is_folder:
        return Piece(PieceKind.FOLDER, "", below, lambda: _folder(files, found, change, _excludes(step)))
    excludes = Walk(_excludes(step))
    if excludes.select(name, is_folder=False) is Selected.NO:
        return None
    if source.unpacks and _is_archive(files, found):
        return Piece(PieceKind.ARCHIVE, name, "", lambda: _raw(files, found))
    return Piece(PieceKind.FILE, name, below, lambda: _file(files, found, name, change))


def _kept_parents(written: str, found: Found) -> str:
    """The folders that ``--parents`` has in the target too: those after ``/./`` where that is in the source."""
    pivot = rooted(written.partition("/./")[0]) if "/./" in written else ""
    path = found.path.removeprefix(f"{pivot}/") if pivot else found.path
    return path if found.is_folder else posixpath.dirname(path)


def _excludes(step: FileStep) -> IgnoreRules:
    return parse_ignore_file("\n".join(step.excludes).encode("utf-8", "surrogateescape"), "--exclude")


def piece_of(files: Files, path: str, change: Change) -> Piece:
    """A file or folder by itself, as a bind mount shows it. Raises Fault where it isn't there."""
    found = find_one(files, path)
    name = posixpath.basename(path)
    if found.is_folder:
        return Piece(PieceKind.FOLDER, "", "", lambda: _folder(files, found, change, IgnoreRules()))
    return Piece(PieceKind.FILE, name, "", lambda: _file(files, found, name, change))


def _folder(files: Files, found: Found, change: Change, excludes: IgnoreRules) -> Iterator[bytes]:
    ignored, excluded = Walk(files.ignore), Walk(excludes)
    ignored.enter(found.path)
    prefix = f"{found.path}/" if found.path else ""

    def select(name: bytes, is_folder: bool) -> Selected:  # noqa: FBT001 - as TreeReader has it
        if not name:
            return Selected.YES
        path = os.fsdecode(name)
        one = ignored.select(prefix + path, is_folder=is_folder)
        other = excluded.select(path, is_folder=is_folder)
        return least(one, other)

    descriptor = files.open(found.path)
    try:
        yield from TreeReader(select=select, change=change).tar(descriptor, b"")
    finally:
        os.close(descriptor)


def _file(files: Files, found: Found, name: str, change: Change) -> Iterator[bytes]:
    descriptor = files.open(found.path)
    try:
        yield from TreeReader(change=change).tar(descriptor, os.fsencode(name))
    finally:
        os.close(descriptor)


def _raw(files: Files, found: Found) -> Iterator[bytes]:
    descriptor = files.open(found.path)
    try:
        with open(f"/proc/self/fd/{descriptor}", "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor's path
            while chunk := file.read(_READ):
                yield chunk
    finally:
        os.close(descriptor)


def _is_archive(files: Files, found: Found) -> bool:
    """Whether it begins, compressed or not, as a tar does."""
    block = b""
    try:
        for chunk in uncompressed(_raw(files, found), found.path):
            block += chunk
            if len(block) >= RECORD:
                check_sum(block[:RECORD])
                return True
    except (InvalidFileError, UnsupportedError):
        return False
    return False


def require_some(step: FileStep, pieces: list[Piece]) -> None:
    """Raises Fault where a file would have to be two."""
    if len(pieces) > 1 and not step.target.endswith(("/", "/.")) and len(step.sources) > 1:
        raise Fault(f"{step.target} must be a folder for more than one source", "write a slash at its end")
