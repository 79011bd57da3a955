"""What a COPY or ADD brings, piece by piece: each a stream of bytes whose digest is part of the step's key."""

from __future__ import annotations

import os
import posixpath
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote

from whit.packer.buildfile.build.modes import parse_mode
from whit.packer.buildfile.build.origins import Files, Found, find, find_one, rooted
from whit.packer.buildfile.build.selecting import Walk, least
from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules, parse_ignore_file
from whit.packer.buildfile.dockerfile.plan import SourceKind
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.support.light import dataclass, replace
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.userns import few_users
from whit.packer.support.urls import split_url
from whit.packer.archives.loading import uncompressed
from whit.packer.tar import write
from whit.packer.tar.header import check_sum
from whit.packer.tar.member import RECORD, Kind, Member
from whit.packer.tar.tree import Selected, TreeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.buildfile.build.owners import Owner
    from whit.packer.buildfile.dockerfile.gitref import GitRef
    from whit.packer.buildfile.dockerfile.plan import FileSource, FileStep
    from whit.packer.buildfile.remote.downloads import Download
    from whit.packer.buildfile.remote.sources import Sources

_READ = 1 << 20
_INLINE_MODE = 0o644
_DOWNLOAD_MODE = 0o600
_NS = 1_000_000_000


class PieceKind(StrEnum):
    """What is done with it. A download is known for what it is once it is there."""

    FOLDER = "folder"
    FILE = "file"
    ARCHIVE = "archive"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Piece:
    """``chunks`` are a tar's, or an archive's own. ``name`` is a file's; ``below`` are the folders that ``--parents`` keeps.

    ``known`` stands for what comes from elsewhere, so that nothing is fetched for a step that has been done; ``latest`` is
    the time of its files, and ``settle`` tells what a download is.
    """

    kind: PieceKind
    name: str
    below: str
    chunks: Callable[[], Iterator[bytes]]
    known: str = ""
    latest: Callable[[], int] | None = None
    settle: Callable[[], Piece] | None = None

    def digest(self) -> str:
        """Of all that is brought: names, kinds, modes, owners, contents; not of times."""
        if self.known:
            return self.known
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


def pieces_of(step: FileStep, files: Files, change: Change, remote: Sources) -> list[Piece]:
    """All pieces in order. Raises Fault, and what fetching raises."""
    pieces: list[Piece] = []
    for source in step.sources:
        if source.kind is SourceKind.INLINE:
            pieces.append(_inline(source, change))
        elif source.kind is SourceKind.PATH:
            for found in find(files, source.value):
                piece = _piece(step, source, files, found, change)
                pieces += [piece] if piece else []
        elif source.kind is SourceKind.GIT and source.git:
            pieces.append(_repository(step, source.git, change, remote))
        elif is_taken(step, url_name(source.value)):
            pieces.append(_download(step, source, change, remote))
    return pieces


def url_name(url: str) -> str:
    """A file's name by its address; BuildKit's word for one that has none."""
    return posixpath.basename(unquote(split_url(url).path).rstrip("/")) or "__unnamed__"


def _download(step: FileStep, source: FileSource, change: Change, remote: Sources) -> Piece:
    """A file by HTTP; where its checksum is given, it is only fetched to be put somewhere."""
    name = url_name(source.value)

    def here() -> Download:
        return remote.download(source.value, step.checksum)

    def latest() -> int:
        modified = here().modified
        return modified if remote.epoch is None else min(modified, remote.epoch)

    def raw() -> Iterator[bytes]:
        with here().path.open("rb") as file:
            while chunk := file.read(_READ):
                yield chunk

    def tar() -> Iterator[bytes]:
        size = here().size
        member = change(Member(os.fsencode(name), Kind.FILE, _DOWNLOAD_MODE, 0, 0, size))
        yield write.header(replace(member, mtime_ns=latest() * _NS))
        yield from raw()
        yield write.padding(size)
        yield write.END

    def settle() -> Piece:
        if source.unpacks and is_archive(raw(), name):
            return Piece(PieceKind.ARCHIVE, name, "", raw, known, None)
        return Piece(PieceKind.FILE, name, "", tar, known, latest)

    known = f"url {step.checksum or here().digest} unpacks={source.unpacks}"
    return Piece(PieceKind.DOWNLOAD, name, "", tar, known, latest, settle)


def _repository(step: FileStep, git: GitRef, change: Change, remote: Sources) -> Piece:
    """A repository's files, fetched only to be put somewhere."""
    change = replace(change, is_context=True)

    def chunks() -> Iterator[bytes]:
        root = os.open(remote.checkout(git), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            everything = Found("", is_folder=True)
            yield from _folder(Files(root, is_context=True), everything, change, _excludes(step))
        finally:
            os.close(root)

    known = f"{remote.find(git).key(git)} but {step.excludes}"
    return Piece(PieceKind.FOLDER, "", "", chunks, known)


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
    if not is_taken(step, name):
        return None
    if source.unpacks and is_archive(_raw(files, found), found.path):
        return Piece(PieceKind.ARCHIVE, name, "", lambda: _raw(files, found))
    return Piece(PieceKind.FILE, name, below, lambda: _file(files, found, name, change))


def _kept_parents(written: str, found: Found) -> str:
    """The folders that ``--parents`` has in the target too: those after ``/./`` where that is in the source."""
    pivot = rooted(written.partition("/./")[0]) if "/./" in written else ""
    path = found.path.removeprefix(f"{pivot}/") if pivot else found.path
    return path if found.is_folder else posixpath.dirname(path)


def is_taken(step: FileStep, name: str) -> bool:
    """Whether ``--exclude`` leaves a file."""
    return Walk(_excludes(step)).select(name, is_folder=False) is not Selected.NO


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
        yield from TreeReader(select=select, change=change, recorded=few_users()).tar(descriptor, b"")
    finally:
        os.close(descriptor)


def _file(files: Files, found: Found, name: str, change: Change) -> Iterator[bytes]:
    descriptor = files.open(found.path)
    try:
        yield from TreeReader(change=change, recorded=few_users()).tar(descriptor, os.fsencode(name))
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


def is_archive(chunks: Iterator[bytes], what: str) -> bool:
    """Whether something begins, compressed or not, as a tar does."""
    block = b""
    try:
        for chunk in uncompressed(chunks, what):
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
