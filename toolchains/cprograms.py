"""Which programs a project of C makes, as far as its build files say so. Pure.

CMake and Meson name them. Make is asked what it would do: what a compiler links has a name behind ``-o``. A ``configure``
comes from automake's files, which list ``bin_PROGRAMS``.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMPILER = re.compile(r"(?:.*[-/])?(?:cc|gcc|clang|c\+\+|g\+\+|clang\+\+|tcc)(?:-[\d.]+)?")
_NO_PROGRAM = re.compile(r".*\.(?:o|a|so|lo|d|la|obj|i|s|pcm|gch)(?:\.\d+)*")
_NOT_LINKED = frozenset(("-c", "-S", "-E", "-M", "-MM", "-shared"))
_CMAKE_COMMENT = re.compile(r"#.*")
_CMAKE_PROGRAM = re.compile(r"\badd_executable\s*\(\s*([^\s()]+)(\s+IMPORTED|\s+ALIAS)?", re.IGNORECASE)
_CMAKE_PROJECT = re.compile(r"\bproject\s*\(\s*([\w.+-]+)", re.IGNORECASE)
_CMAKE_FOLDER = re.compile(r"\badd_subdirectory\s*\(\s*([\w./+-]+)", re.IGNORECASE)
_CMAKE_SET = re.compile(r"\bset\s*\(\s*(\w+)\s+\"?([\w.+-]+)\"?\s*\)", re.IGNORECASE)
_CMAKE_PROPERTIES = re.compile(r"\bset_target_properties\s*\(\s*([^()]*?)\s+PROPERTIES\b([^()]*)\)", re.IGNORECASE)
_CMAKE_OUTPUT = re.compile(r"\b(?:RUNTIME_)?OUTPUT_NAME\s+\"?([^\s\"]+)")
_MESON_PROGRAM = re.compile(r"\bexecutable\s*\(\s*'([^']+)'")
_MESON_FOLDER = re.compile(r"\bsubdir\s*\(\s*'([^']+)'")
_AUTOMAKE = re.compile(r"^(?:s?bin|libexec)_PROGRAMS\s*\+?=\s*((?:.*\\\n)*.*)$", re.MULTILINE)
_CMAKE_LIBRARY = re.compile(
    r"\bfind_package\s*\(\s*([\w.+-]+)|\bpkg_(?:check|search)_modules?\s*\(\s*\w+\s+((?:[^()]|\n)*)\)", re.IGNORECASE
)
_MESON_LIBRARY = re.compile(r"\bdependency\s*\(\s*'([^']+)'")
_AUTOCONF_LIBRARY = re.compile(
    r"\bPKG_CHECK_MODULES\s*\(\s*\[?\w+\]?\s*,\s*\[?([^\],)]*)|\bAC_CHECK_LIB\s*\(\s*\[?([\w+-]+)"
)
_MAKE_LIBRARY = re.compile(
    r"(?:pkg-config|\$\(PKG_?CONFIG\))((?:\s+[\w.+-]+)+)|(?<![\w-])-l([a-z][\w+]*)", re.IGNORECASE
)
_NO_LIBRARIES = frozenset(
    (
        *("m", "c", "pthread", "dl", "rt", "util", "resolv", "crypt", "threads", "atomic", "gcc", "stdc++"),
        *(
            "pkgconfig",
            "git",
            "python",
            "python3",
            "perl",
            "doxygen",
            "required",
            "quiet",
            "optional",
            "imported_target",
        ),
        *("package", "bison", "flex", "true", "false", "global"),
    )
)
"""Parts of the libc or of compilers, and words of builders'."""

_CMAKE_FOREACH = re.compile(r"\bforeach\s*\(\s*(\w+)\s+(?:IN\s+ITEMS\s+)?([\w\s.+-]+)\)", re.IGNORECASE)
_MOST_FOLDERS = 256


def of_cmake(read: Callable[[str], str | None], root: str) -> dict[str, str]:
    """Target → its program's name, by a property of its own. ``read`` gives a file's text. Variables that are set to plain words are known."""
    found: list[str] = []
    called: dict[str, str] = {}
    values: dict[str, str] = {}
    for text in _texts(read, root, "CMakeLists.txt", _CMAKE_FOLDER, _CMAKE_COMMENT):
        project = _CMAKE_PROJECT.search(text)
        values |= dict(_CMAKE_SET.findall(text)) | ({"PROJECT_NAME": project[1]} if project else {})
        if project:
            values.setdefault("CMAKE_PROJECT_NAME", project[1])
        lists = {name: words.split() for name, words in _CMAKE_FOREACH.findall(text)}
        for name, other in _CMAKE_PROGRAM.findall(text):
            if not other:
                found += _each(_replaced(name, values), lists)
        for targets, properties in _CMAKE_PROPERTIES.findall(text):
            output = _CMAKE_OUTPUT.search(properties)
            if output:
                called |= {_replaced(target, values): _replaced(output[1], values) for target in targets.split()}
    names = ((target, called.get(target, target)) for target in found)
    return {target: name for target, name in names if "$" not in target + name}


def _each(name: str, lists: dict[str, list[str]]) -> list[str]:
    """A name for each word of a loop that it is in."""
    loop = next((one for one in lists if f"${{{one}}}" in name), None)
    return [name.replace(f"${{{loop}}}", word) for word in lists[loop]] if loop else [name]


def _replaced(name: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: values.get(match[1], match[0]), name)


def of_meson(read: Callable[[str], str | None], root: str) -> tuple[str, ...]:
    """As of CMake."""
    texts = _texts(read, root, "meson.build", _MESON_FOLDER, _CMAKE_COMMENT)
    return tuple(dict.fromkeys(name for text in texts for name in _MESON_PROGRAM.findall(text)))


def of_automake(read: Callable[[str], str | None], root: str) -> tuple[str, ...]:
    """Of ``Makefile.am``, at the root and in ``src``."""
    found: list[str] = []
    for place in ("Makefile.am", "src/Makefile.am"):
        for words in _AUTOMAKE.findall(read(posixpath.join(root, place)) or ""):
            found += [word for word in words.replace("\\\n", " ").split() if "$" not in word and "@" not in word]
    return tuple(dict.fromkeys(found))


def libraries(read: Callable[[str], str | None], root: str, manifest: str) -> tuple[str, ...]:
    """Libraries of C that the build files ask for by name, but for parts of the libc. Not all need be: some are optional."""
    if manifest == "CMakeLists.txt":
        texts, pattern = _texts(read, root, manifest, _CMAKE_FOLDER, _CMAKE_COMMENT), _CMAKE_LIBRARY
    elif manifest == "meson.build":
        texts, pattern = _texts(read, root, manifest, _MESON_FOLDER, _CMAKE_COMMENT), _MESON_LIBRARY
    elif manifest == "configure":
        texts, pattern = iter([read(posixpath.join(root, "configure.ac")) or ""]), _AUTOCONF_LIBRARY
    else:
        texts, pattern = iter([_CMAKE_COMMENT.sub("", read(posixpath.join(root, manifest)) or "")]), _MAKE_LIBRARY
    found = [
        word for text in texts for match in pattern.finditer(text) for word in (match[match.lastindex or 0]).split()
    ]
    plain = (
        re.sub(r"[<>=].*", "", word.strip("'\",")) for word in found if not word.startswith(("-", "$", ">", "<", "="))
    )
    return tuple(dict.fromkeys(word for word in plain if word[:1].isalpha() and word.lower() not in _NO_LIBRARIES))


def of_make(plan: str) -> tuple[str, ...]:
    """What ``make --dry-run`` prints → paths of programs, as its commands name them."""
    found: list[str] = []
    for line in plan.replace("\\\n", " ").splitlines():
        for command in re.split(r"\s*(?:;|&&|\|\||\|)\s*", line):
            found += _linked(command)
    return tuple(dict.fromkeys(found))


def _linked(command: str) -> Iterator[str]:
    try:
        words = shlex.split(command)
    except ValueError:
        return
    while words and re.fullmatch(r"\w+=.*|ccache|env|@", words[0]):
        words = words[1:]
    if not words or not _COMPILER.fullmatch(words[0]) or _NOT_LINKED.intersection(words):
        return
    for at, word in enumerate(words):
        name = words[at + 1] if word == "-o" and at + 1 < len(words) else word[2:] if re.match(r"-o[^-]", word) else ""
        if name and not _NO_PROGRAM.fullmatch(name) and not name.startswith("/"):
            yield posixpath.normpath(name)


def _texts(
    read: Callable[[str], str | None], root: str, name: str, folder: re.Pattern[str], comment: re.Pattern[str]
) -> Iterator[str]:
    """A build file, and those in the folders that it names, each once."""
    pending = [root]
    seen: set[str] = set()
    while pending and len(seen) < _MOST_FOLDERS:
        here = pending.pop(0)
        if here in seen:
            continue
        seen.add(here)
        text = comment.sub("", read(posixpath.join(here, name)) or "")
        yield text
        pending += [posixpath.normpath(posixpath.join(here, below)) for below in folder.findall(text)]
