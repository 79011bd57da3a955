"""A lone source file: which files beside it are part of the program, by what it names. Pure but for what it asks through the kit.

Each language's way of naming files is matched, not parsed: a name too many is harmless, as only what is there counts. Where the text
computes a name, or brings others by ways that can't be seen in it, nobody can tell: then it is the whole folder.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from whit.packer.support.light import dataclass
from whit.toolchains.model import Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.toolchains.model import Kit, Project

_MOST_FILES = 1000
_MOST_TEXT = 4 << 20


@dataclass(frozen=True, slots=True)
class Lone:
    """``files`` are absolute, sorted, the file itself among them; none where it can't be told, for a ``reason``."""

    files: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Naming:
    """``names`` finds what is named; ``endings`` may follow. ``unclear`` finds what names a file that can't be told."""

    names: re.Pattern[str]
    unclear: re.Pattern[str]
    endings: tuple[str, ...] = ("",)


_C = _Naming(
    re.compile(r'\b(?:include|include_next|import|embed|incbin)\s*\(?\s*\\?["<]([^"<>\n\\]{1,255})'),
    re.compile(
        r"^[ \t]*(?:#|%:)[ \t]*(?:include|include_next|import|embed)[ \t]+[A-Za-z_]|\bincbin\b\s*[^\s\\\"]",
        re.MULTILINE,
    ),
)
_AT_START = r"(?:#\[[^\]\n]*\]\s*)*(?:pub(?:\([^)\n]*\))?\s+)?"
"""Of Rust: what may stand before a module that belongs to no other one in the file."""

_NAMINGS = {
    ".c": _C,
    ".h": _C,
    ".zig": _Naming(
        re.compile(r'@(?:import|embedFile|cInclude)\s*\(\s*"([^"\n]{1,255})"'),
        re.compile(r'@(?:embedFile|import|cInclude)\s*\(\s*[^"\s]'),
    ),
    ".rs": _Naming(
        re.compile(rf'(?:^{_AT_START}mod\s+(?:r#)?(\w+)\s*;|"([^"\n]{{1,255}})")', re.MULTILINE),
        re.compile(
            r"\binclude(?:_str|_bytes)?!\s*[(\[{]\s*[^\"\s]|\bmod\s+\$|"
            rf"^(?!{_AT_START}mod\s)(?!\s*//).*\bmod\s+(?:r#)?\w+\s*;",
            re.MULTILINE,
        ),
        ("", ".rs", "/mod.rs"),
    ),
    ".nim": _Naming(
        re.compile(r'([\w.+-]+(?:/[\w.+-]+)*)|"([^"\n]{1,255})"'),
        re.compile(r"\b(?:staticExec|gorge\w*|static_?walk\w*|walkDir\w*|walkFiles)\b|\b(?:staticRead|slurp)\b\s*\(?\s*[^\"\s(]", re.IGNORECASE),
        ("", ".nim"),
    ),
    ".go": _Naming(
        re.compile(r'^//go:embed[ \t]+"?([^\s*?\[\]"]+)|#\s*include\s*["<]([^">\n]{1,255})', re.MULTILINE),
        re.compile(r"^//go:embed[ \t].*[*?\[ \t]|#cgo\b", re.MULTILINE),
    ),
}  # fmt: skip
"""By the file's ending: of what a program names only such files name others."""

_NAMED_BY_OPTIONS = ("-I", "-i", "-L", "-p", "path", "import", "include", "@", ".", "/")
_EMBEDDED = re.compile(r'^//go:embed[ \t]+"?([^\s"]+)', re.MULTILINE)
_NIM_GROUP = re.compile(r"([\w.+/-]+)/\[([^\]]*)\]")


def parts_of(project: Project, variables: dict[str, str], kit: Kit) -> Lone:
    """What a lone file's program is made of."""
    if any(flag in text for text in variables.values() for flag in _NAMED_BY_OPTIONS):
        return Lone((), "options may name more")
    first = posixpath.join(project.root, project.files[0])
    found, pending = {first}, [first]
    while pending:
        here = pending.pop()
        naming = _NAMINGS.get(posixpath.splitext(here)[1])
        if naming is None:
            continue
        text, name = kit.read(here) or "", posixpath.relpath(here, project.root)
        reason = _unclear(here, text, naming, kit)
        if reason:
            return Lone((), reason.replace("NAME", name))
        named = set(_named(here, text, naming, kit)) - found
        found |= named
        pending += sorted(named)
        if len(found) > _MOST_FILES:
            return Lone((), f"{name} names too many")
    if project.language is Language.NIM:
        from whit.toolchains import nimconfig  # noqa: PLC0415 - Nim's alone

        configuration = nimconfig.read_for(first, kit)
        if any(nimconfig.named(configuration, project.root, kit)):
            return Lone((), "its configuration names folders of modules")
        found.update(configuration)
    return Lone(tuple(sorted(found)))


def _unclear(here: str, text: str, naming: _Naming, kit: Kit) -> str:
    """Why it can't be told which files a text names, with NAME for its own; empty where it can."""
    if len(text) > _MOST_TEXT:
        return "NAME is larger than what is looked through"
    unclear = naming.unclear.search(text)
    if unclear:
        return f"“{unclear[0].strip().splitlines()[-1][:40]}” in NAME doesn't say which files"
    for pattern in _EMBEDDED.findall(text) if here.endswith(".go") else ():
        if not kit.is_file(posixpath.join(posixpath.dirname(here), pattern)):
            return f"“//go:embed {pattern}” in NAME may be a folder"
    return ""


def _named(here: str, text: str, naming: _Naming, kit: Kit) -> Iterator[str]:
    """Files that are there of those that a text may name."""
    folders = [posixpath.dirname(here)]
    stem = posixpath.splitext(posixpath.basename(here))[0]
    if here.endswith(".rs") and stem not in {"main", "lib", "mod"}:
        folders.append(posixpath.join(folders[0], stem))
    words = {word for match in naming.names.finditer(text) for word in match.groups() if word}
    if here.endswith(".nim"):
        words.update(_grouped(text))
    for word in sorted(words):
        for folder in folders:
            paths = (posixpath.normpath(posixpath.join(folder, word + end)) for end in naming.endings)
            yield from (path for path in paths if kit.is_file(path))


def _grouped(text: str) -> Iterable[str]:
    """``a/[b, c]`` stands for ``a/b`` and ``a/c``."""
    return (f"{folder}/{name.strip()}" for folder, names in _NIM_GROUP.findall(text) for name in names.split(","))
