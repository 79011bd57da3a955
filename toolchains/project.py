"""A path that a person names → the project that it means."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.toolchains.detect import chosen_manifest, chosen_sources, language_of, manifests
from whit.toolchains.gomod import parse_gomod
from whit.toolchains.model import Language, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABOVE = {Language.GO: "go.mod", Language.RUST: "Cargo.toml"}
"""Project files that also stand for the folders below them."""


def find_project(context: str, language: Language | None = None) -> Project:
    """The project of a folder or of a source file.

    Raises :class:`NotFoundError` where there is none, :class:`UsageError` where there are several, :class:`InvalidFileError`
    for a folder that can't be read.
    """
    path = posixpath.abspath(context)
    if os.path.isdir(path):  # noqa: PTH112 - texts, as all here
        return _of_folder(context, path, language)
    if os.path.exists(path):  # noqa: PTH110
        return _of_file(context, path, language)
    raise NotFoundError(f"{context}: no such file or folder", hint="whit build FOLDER, or a source file")


def _of_folder(shown: str, folder: str, language: Language | None) -> Project:
    names = _names(shown, folder)
    found = chosen_manifest(shown, names, language)
    if found:
        return _of_manifest(folder, folder, *found)
    for wanted, manifest in _ABOVE.items():
        if language in {None, wanted} and _has_sources(folder, names, wanted):
            root = next((above for above in _above(folder) if os.path.isfile(f"{above}/{manifest}")), None)  # noqa: PTH113
            if root:
                return _of_manifest(root, folder, wanted, manifest)
    try:
        wanted, files = chosen_sources(shown, names, language)
    except NotFoundError as error:
        raise NotFoundError(error.message, hint=_nearby(shown, folder, language) or error.hint) from None
    _check_names(shown, files)
    return Project(wanted, folder, folder, posixpath.basename(folder), files=files)


def _of_file(shown: str, path: str, language: Language | None) -> Project:
    folder, name = posixpath.split(path)
    found = language_of(name) if os.path.isfile(path) else None  # noqa: PTH113
    if found is None or language not in {None, found}:
        raise UsageError(
            f"{shown} is no source file that whit can build",
            hint="whit pack packs an executable; whit build takes a folder",
        )
    _check_names(posixpath.dirname(shown) or ".", (name,))
    stem = name[: name.rindex(".")]
    root = next((above for above in (folder, *_above(folder)) if os.path.isfile(f"{above}/go.mod")), None)  # noqa: PTH113
    if found is Language.GO and root:
        return Project(found, root, folder, stem, "go.mod", (posixpath.relpath(path, root),))
    return Project(found, folder, folder, stem, files=(name,), is_lone=True)


def _of_manifest(root: str, folder: str, language: Language, manifest: str) -> Project:
    """A module may be part of a workspace above it, which is then what is built from."""
    if language is Language.GO and manifest == "go.mod":
        for above in _above(root):
            used = parse_gomod(_text(f"{above}/go.work")).folders
            if any(posixpath.normpath(posixpath.join(above, one)) == root for one in used):
                root, manifest = above, "go.work"
                break
    if language is Language.RUST:
        root = next((above for above in _above(root) if _has_member(above, root)), root)
    return Project(language, root, folder, posixpath.basename(folder) or "program", manifest)


def _has_member(above: str, folder: str) -> bool:
    """Whether a folder belongs to a workspace above it (doc.rust-lang.org/cargo, "Workspaces": members, exclude)."""
    import tomllib  # noqa: PLC0415 - Rust's alone

    try:
        workspace = tomllib.loads(_text(f"{above}/Cargo.toml")).get("workspace")
    except ValueError:
        return False
    if not isinstance(workspace, dict):
        return False
    place = posixpath.relpath(folder, above)
    return not any(f"{place}/".startswith(f"{posixpath.normpath(other)}/") for other in workspace.get("exclude", ()))


def _names(shown: str, folder: str) -> tuple[str, ...]:
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(entry.name for entry in entries if _is_file(entry)))
    except OSError as error:
        raise InvalidFileError(f"{shown} can't be read: {(error.strerror or str(error)).lower()}") from None


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A link that leads nowhere, or to itself, is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def _check_names(shown: str, names: tuple[str, ...]) -> None:
    """Compilers take files by lists of lines, and tell of them in lines."""
    for name in names:
        if any(letter < " " or letter == "\x7f" for letter in name):
            raise UsageError(
                f"{shown} has a source file whose name has a line break or another control character in it: {name!r}",
                hint="rename it",
            )


def _has_sources(folder: str, names: tuple[str, ...], language: Language) -> bool:
    """In the folder, or in one directly in it."""
    if any(language_of(name) is language for name in names):
        return True
    with os.scandir(folder) as entries:
        below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return any(language_of(name) is language for path in below for name in _listed(path))


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208
    except OSError:
        return []


def _above(folder: str) -> Iterator[str]:
    """Folders above one, as far as the repository that it's in goes."""
    while folder != "/" and not os.path.exists(f"{folder}/.git"):  # noqa: PTH110
        folder = posixpath.dirname(folder)
        yield folder


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""


def _nearby(shown: str, folder: str, language: Language | None) -> str | None:
    """A folder in it that is a project."""
    for name in sorted(_listed(folder)):
        for found, manifest in manifests(_listed(f"{folder}/{name}")).items():
            if language in {None, found}:
                return f"there is one in it: whit build {posixpath.join(shown, name)} ({manifest})"
    return None
