"""Contexts that are no folder of this machine: a git repository, a URL, or what stands on standard input.

As BuildKit has them (frontend/dockerui/context.go): a repository's Dockerfile is its own; a URL is a tar, or else the
Dockerfile itself; ``.dockerignore`` is for folders, and doesn't count here.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.archives.loading import uncompressed
from whit.packer.buildfile.build.pieces import is_archive
from whit.packer.buildfile.dockerfile.gitref import BARE, parse_git_ref
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.text import truth
from whit.packer.store.inroot import open_in_root
from whit.packer.store.unpack import Unpacker
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import replace
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from whit.packer.buildfile.dockerfile.gitref import GitRef
    from whit.packer.buildfile.remote.sources import Sources

LARGEST_DOCKERFILE = 16 << 20
KEEP = "BUILDKIT_CONTEXT_KEEP_GIT_DIR"
"""The build argument by which a repository's ``.git`` is part of the context."""

_URLS = ("http://", "https://")
ALONE = "context"
"""The one file of a context that is a URL, and no tar."""

_READ = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def is_remote(context: str) -> bool:
    """Whether a context is a repository's address or a URL; an existing folder is a folder. Raises :class:`UsageError`."""
    if context.startswith(BARE) and Path(context).is_dir():
        return False
    return context.startswith(_URLS) or _git(context) is not None


def _git(context: str) -> GitRef | None:
    try:
        return parse_git_ref(context, bare=True)
    except Fault as fault:
        raise UsageError(f"{context[:300]}: {fault.message}", hint=fault.hint) from None


def is_ssh(context: str) -> bool:
    """Whether it takes an SSH agent to get it: then the person's own is meant. Raises :class:`UsageError`."""
    found = _git(context)
    return found is not None and found.is_ssh


def fetched(context: str, args: Mapping[str, str], sources: Sources) -> Path:
    """A remote context's folder; of a URL that is no tar a folder with that file. Raises :class:`WhitError`."""
    git = _git(context)
    if git is not None:
        keeps = True if truth(args.get(KEEP, "")) else git.keeps_git_dir
        return sources.checkout(replace(git, keeps_git_dir=keeps))
    found = sources.download(context)

    def chunks() -> Iterator[bytes]:
        with found.path.open("rb") as file:
            while chunk := file.read(_READ):
                yield chunk

    return unpacked(chunks, context, sources) or _alone(found.path, sources)


def fetched_as_is(context: str, sources: Sources) -> Path:
    """A named context's folder: of a URL one with that file, whatever it is. Raises :class:`WhitError`."""
    git = _git(context)
    return sources.checkout(git) if git else _alone(sources.download(context).path, sources)


def _alone(path: Path, sources: Sources) -> Path:
    folder = _new(sources)
    (folder / ALONE).write_bytes(path.read_bytes())
    (folder / ALONE).chmod(0o600)
    return folder


def _new(sources: Sources) -> Path:
    folder = sources.scratch()
    folder.mkdir(mode=0o755)
    return folder


def unpacked(chunks: Callable[[], Iterator[bytes]], what: str, sources: Sources) -> Path | None:
    """A tar's files, compressed or not; None for what is none. Raises :class:`InvalidFileError`."""
    if not is_archive(chunks(), what):
        return None
    folder = _new(sources)
    with Unpacker(folder, is_layer=False) as unpacker:
        unpacker.layer(TarReader(uncompressed(chunks(), what)))
        unpacker.finish()
    return folder


def from_stdin(sources: Sources, file: int) -> tuple[Path | None, bytes]:
    """What stands on standard input: a tar, unpacked, or a Dockerfile's bytes. Raises :class:`WhitError`."""
    spool = sources.scratch()
    with spool.open("xb") as made, open(file, "rb", closefd=False) as source:
        while chunk := source.read(_READ):
            made.write(chunk)

    def chunks() -> Iterator[bytes]:
        with spool.open("rb") as source:
            while chunk := source.read(_READ):
                yield chunk

    try:
        folder = unpacked(chunks, "standard input", sources)
        if folder is None and spool.stat().st_size > LARGEST_DOCKERFILE:
            raise UsageError("a Dockerfile on standard input has too many bytes", hint="or is it a broken tar?")
        return folder, b"" if folder else spool.read_bytes()
    finally:
        spool.unlink()


def read_within(folder: Path, name: str, context: str) -> bytes:
    """A file of a context's, links followed within it. Raises :class:`NotFoundError`, :class:`UsageError`."""
    root = os.open(folder, _FOLDER)
    try:
        try:
            found = open_in_root(root, os.fsencode(f"/{name}"))
        except OSError:
            raise NotFoundError(f"there is no {name} in {context}", hint="--file names the Dockerfile in it") from None
        try:
            state = os.fstat(found)
            if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST_DOCKERFILE:
                raise UsageError(f"{name} in {context} can't be a Dockerfile", hint="--file names the Dockerfile in it")
            with open(f"/proc/self/fd/{found}", "rb") as file:  # noqa: PTH123 - a descriptor's path
                return file.read()
        finally:
            os.close(found)
    finally:
        os.close(root)
