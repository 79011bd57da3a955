"""What a build begins with: the context's folder, its Dockerfile, its .dockerignore, and what the command line gives."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass
from whit.packer.buildfile.dockerfile import lexing
from whit.packer.buildfile.dockerfile.ignorefile import LARGEST, IgnoreRules, ignore_files, parse_ignore_file
from whit.packer.buildfile.remote import contexts
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.packer.buildfile.remote.sources import Sources

_MOST_SECRET = 500 << 10
"""Bytes of a secret; BuildKit's own limit."""

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class Begun:
    """``folder`` is the context's; None where a Dockerfile came alone, on standard input."""

    folder: Path | None
    name: str
    data: bytes
    ignore: IgnoreRules


def begin(context: str, file: str | None, args: Mapping[str, str], sources: Sources) -> Begun:
    """Read the Dockerfile and the ignore file. Raises :class:`UsageError`, :class:`NotFoundError`, and what fetching raises."""
    if context == _STDIN:
        if file == _STDIN:
            raise UsageError("context and Dockerfile can't both be standard input", hint="whit build - < Dockerfile")
        found, data = contexts.from_stdin(sources, sys.stdin.fileno())
        if found is None and file:
            raise UsageError("a Dockerfile on standard input has no place for --file", hint="whit build - < Dockerfile")
        if found is None:
            return Begun(None, "Dockerfile", data, IgnoreRules())
        return _begun_in(found, "the tar", file)
    if contexts.is_remote(context):
        return _begun_in(contexts.fetched(context, args, sources), context, file)
    if "://" in context:
        raise UsageError(f"the context is {context}, which whit can't fetch", hint="a folder, or a URL by https, http, ssh or git")
    folder = Path(context)
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {context}", hint="the context is a folder, as in: whit build .")
    if file == _STDIN:
        return Begun(folder, "Dockerfile", _stdin(), _ignored(folder, None))
    path = Path(file) if file else folder / "Dockerfile"
    try:
        data = read_regular(path, lexing.LARGEST)
    except FileNotFoundError:
        raise NotFoundError(f"there is no {path}", hint="--file names the Dockerfile") from None
    return Begun(folder, str(path), data, _ignored(folder, path))


def _begun_in(folder: Path, context: str, file: str | None) -> Begun:
    """A context that was fetched: the Dockerfile is one of its files; a URL that is no tar is the Dockerfile itself."""
    if file == _STDIN:
        return Begun(folder, "Dockerfile", _stdin(), IgnoreRules())
    alone = [path.name for path in folder.iterdir()] == [contexts.ALONE]
    name = contexts.ALONE if alone else file or "Dockerfile"
    return Begun(folder, name, contexts.read_within(folder, name, context), IgnoreRules())


def _stdin() -> bytes:
    data = sys.stdin.buffer.read(lexing.LARGEST + 1)
    if len(data) > lexing.LARGEST:
        raise UsageError("a Dockerfile on standard input has too many bytes", hint="give the context as a folder")
    return data


def _ignored(folder: Path, dockerfile: Path | None) -> IgnoreRules:
    beside, common = ignore_files(str(dockerfile) if dockerfile else "Dockerfile")
    for path in ([Path(beside)] if dockerfile else []) + [folder / common]:
        with contextlib.suppress(FileNotFoundError):
            return parse_ignore_file(read_regular(path, LARGEST), str(path))
    return IgnoreRules()


def secrets(texts: Iterable[str]) -> dict[str, bytes]:
    """``--secret id=NAME,src=FILE`` or ``env=NAME``. Raises :class:`UsageError`, :class:`NotFoundError`."""
    found: dict[str, bytes] = {}
    for text in texts:
        fields = dict(field.partition("=")[::2] for field in next(csv.reader([text]), []))
        unknown = set(fields) - {"id", "src", "source", "env", "type"}
        name = fields.get("id", "")
        if unknown or not name or fields.get("type", "file") not in ("file", "env"):
            raise UsageError(
                f"--secret {text}", hint="as in --secret id=token,src=token.txt or --secret id=token,env=TOKEN"
            )
        source = fields.get("src", fields.get("source"))
        found[name] = _secret(name, source, fields)
    return found


def _secret(name: str, source: str | None, fields: dict[str, str]) -> bytes:
    variable = fields.get("env") or (
        name if source is None and (fields.get("type") == "env" or name in os.environ) else None
    )
    if variable is not None and source is None:
        if variable not in os.environ:
            raise NotFoundError(f"secret {name}: there is no variable {variable}")
        return os.fsencode(os.environ[variable])
    path = Path(source or name)
    try:
        return read_regular(path, _MOST_SECRET)
    except OSError as error:
        raise NotFoundError(f"secret {name}: {path}: {error.strerror}") from None
