"""What language a folder is written in, by the names of its files. Pure.

A language's own project file decides. Makefile, CMake and Meson drive builds of all kinds of things: they tell C where no
other language has a project file. Without one, sources of a single language are a program.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from whit.packer.support.errors import NotFoundError, UsageError
from whit.toolchains.model import Language

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFESTS: tuple[tuple[Language, str], ...] = (
    (Language.GO, r"go\.work"),
    (Language.GO, r"go\.mod"),
    (Language.RUST, r"Cargo\.toml"),
    (Language.ZIG, r"build\.zig"),
    (Language.NIM, r".+\.nimble"),
)
"""Project files, the one that counts first where a language has two."""

DRIVERS = ("CMakeLists.txt", "meson.build", "configure", "GNUmakefile", "makefile", "Makefile")
"""Files of builders of C, the one that knows most of the build first."""

SUFFIXES = {".go": Language.GO, ".rs": Language.RUST, ".nim": Language.NIM, ".zig": Language.ZIG, ".c": Language.C}

_KNOWN = "go.mod, go.work, Cargo.toml, build.zig, *.nimble, a Makefile, CMakeLists.txt or meson.build of C, or sources"


def language_of(name: str) -> Language | None:
    """The language of a source file; None for what isn't one, and for tests of Go."""
    dot = name.rfind(".")
    return None if dot <= 0 or name.endswith("_test.go") else SUFFIXES.get(name[dot:])


def manifests(names: Iterable[str]) -> dict[Language, str]:
    """Project files in a folder."""
    found: dict[Language, str] = {}
    there = sorted(names)
    for language, pattern in MANIFESTS:
        for name in there:
            if re.fullmatch(pattern, name):
                found.setdefault(language, name)
    driver = next((name for name in DRIVERS if name in there), None)
    if driver and not found:
        found[Language.C] = driver
    return found


def sources(names: Iterable[str]) -> dict[Language, tuple[str, ...]]:
    """Source files in a folder by language."""
    found: dict[Language, list[str]] = {}
    for name in sorted(names):
        language = language_of(name)
        if language:
            found.setdefault(language, []).append(name)
    return {language: tuple(files) for language, files in found.items()}


def chosen_manifest(shown: str, names: Iterable[str], wanted: Language | None) -> tuple[Language, str] | None:
    """The project file that counts; None where there is none. Raises :class:`UsageError` for two that are as good."""
    found = manifests(names)
    if wanted:
        if wanted is Language.C and wanted not in found:
            driver = next((name for name in DRIVERS if name in set(names)), None)
            return (wanted, driver) if driver else None
        return (wanted, found[wanted]) if wanted in found else None
    if len(found) > 1:
        raise UsageError(
            f"{shown} is a project of several languages: {', '.join(found.values())}",
            hint=f"--language says which to build: {' or '.join(found)}",
        )
    return next(iter(found.items()), None)


def chosen_sources(shown: str, names: Iterable[str], wanted: Language | None) -> tuple[Language, tuple[str, ...]]:
    """The sources that count where there is no project file. Raises :class:`NotFoundError`, :class:`UsageError`."""
    found = sources(names)
    if wanted:
        found = {language: files for language, files in found.items() if language is wanted}
    if not found:
        what = f"no source of {wanted}" if wanted else "no whit.yaml, no Dockerfile, and no source that whit can build"
        raise NotFoundError(f"{shown}: there is {what}", hint=f"whit knows {_KNOWN} (docs/toolchains.md)")
    if len(found) > 1:
        raise UsageError(
            f"{shown} has sources of several languages: {', '.join(found)}", hint="--language says which to build"
        )
    return next(iter(found.items()))
