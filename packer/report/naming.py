"""Names of functions and variables → where they belong: Go's module and package, Rust's crate. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from whit.packer.executable.analysis import Analysis

    Placing = Callable[[str], tuple[str, ...]]

COMPILER = "(compiler)"
STANDARD = "(standard library)"
OTHERS = "(C and assembler)"
"""Groups in the place of a module or crate."""

OWNERS = {
    "go": ("module", "package"),
    "rust": ("crate",),
    "nim": ("module",),
    "zig": ("container",),
    "c++": ("namespace",),
}
"""Language → what its names tell the owner by, the outermost first."""

_UNIT = re.compile(r"/@/([A-Za-z_][A-Za-z0-9_]*)\.")
"""How rustc names its units: ``src/lib.rs/@/crate.hash-cgu.0``."""

_FOR_TYPE = re.compile(r"type:\.(?:eq|hash)\.(?:\[\d*\]|\*)*(?!struct \{|interface \{|func\(|map\[)")
"""Before the type's name: arrays and pointers of it."""

_LEGACY = re.compile(r"_ZN(?P<parts>.*?)17h[0-9a-f]{16}E")
_PART = re.compile(r"(\d+)")
_ROOT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)::")
_V0_CRATE = re.compile(r"C(?:s[0-9A-Za-z]*_)?(\d{1,4}_?)[A-Za-z_]")
_V0_STEP = re.compile(r"B[0-9A-Za-z]*_|s[0-9A-Za-z]*_(?=\d)|(\d{1,4})_?")
_MARKS = {
    "$LT$": "<", "$GT$": ">", "$RF$": "&", "$BP$": "*", "$C$": ",", "$LP$": "(", "$RP$": ")", "$SP$": "@", "..": "::",
}  # fmt: skip
_NIM = re.compile(r"(?P<name>.+?)__(?P<module>[A-Za-z]\w*?)_u?\d+(?:\..*)?")
_CPP = re.compile(r"_Z(?:TV|TI|TS|GV|Th?n?\d*_)?(?:N[rVKRO]*)?(?:(?P<std>S[tabsiod])|(?P<length>\d{1,4})(?=[A-Za-z_]))")
_UNICODE = re.compile(r"\$u([0-9a-f]{1,5})\$")


def placing(analysis: Analysis) -> Placing:
    """How names of this program's language are placed; a function from a symbol's name to a path."""
    language = analysis.language.name
    if language == "go":
        return _go_names(analysis).path
    return _PLACINGS.get(language, lambda name: (name,))


def unit_placing(analysis: Analysis) -> Placing:
    """How units of debug information are placed by their names: Go's are packages, Rust's name the crate, others' are source files.

    An empty path where nothing is told.
    """
    language = analysis.language.name
    if language == "go":
        names = _go_names(analysis)
        return lambda name: (
            names.home(name) if name and not name.endswith((".c", ".s", ".S")) else (OTHERS,) if name else ()
        )
    if language == "rust":
        return lambda name: ((found[1],) if (found := _UNIT.search(name)) else (OTHERS,)) if name else ()
    if language == "c":
        return lambda name: (name.rpartition("/")[2],) if name else ()
    return lambda name: (OTHERS,) if name else ()


def grouped(analysis: Analysis) -> bool:
    """Whether names of this language tell a package, crate or module."""
    return analysis.language.name in OWNERS


def go_package(name: str) -> tuple[str, str]:
    """(package, the name within it) of a Go symbol (cmd/internal/objabi, "path.go": dots in a path's last part are escaped).

    The package is empty for what has none. What the compiler makes to compare and hash a type is of the type's package.
    """
    if made := _FOR_TYPE.match(name):
        return go_package(name[made.end() :])[0], name
    head = name.partition("[")[0]
    slash = head.rfind("/") + 1
    dot = name.find(".", slash)
    if dot <= 0 or name.startswith(("type:", "go:", "type.", "go.")):
        return "", name
    return unquote(name[:dot]), name[dot + 1 :]


def _go_names(analysis: Analysis) -> _GoNames:
    modules = [name for name, _ in analysis.build.dependencies]
    main = analysis.build.module or analysis.build.main_path or ""
    return _GoNames([name for name in (main, *modules) if name])


class _GoNames:
    """Remembers which module a package is of: programs have hundreds of packages and a hundred thousand functions."""

    def __init__(self, modules: Iterable[str]) -> None:
        self._modules = sorted(set(modules), key=len, reverse=True)
        self._known: dict[str, tuple[str, ...]] = {}

    def path(self, name: str) -> tuple[str, ...]:
        """Module, package, name within it."""
        package, rest = go_package(name)
        return (*self.home(package), rest or name)

    def home(self, package: str) -> tuple[str, ...]:
        """Module, package."""
        if package not in self._known:
            self._known[package] = self._home(package)
        return self._known[package]

    def _home(self, package: str) -> tuple[str, ...]:
        if not package:
            return (COMPILER,)
        first = package.partition("/")[0]
        if package == "main" and self._modules:
            return (self._main(), package)
        for module in self._modules:
            if package == module or package.startswith(f"{module}/"):
                return (module, package)
        return (STANDARD if "." not in first else first, package)

    def _main(self) -> str:
        return self._modules[0] if len(self._modules) == 1 else "main"


def rust_path(name: str) -> tuple[str, ...]:
    """Crate, and the readable name (rustc's legacy mangling; of v0, RFC 2603, the names without types)."""
    if legacy := _LEGACY.match(name):
        text = _demangled(legacy["parts"])
        root = _ROOT.search(text)
        return (root[1] if root else OTHERS, text)
    if name.startswith("_R") and (root := _V0_CRATE.search(name)):
        words = list(_v0_words(name, root.start(1)))
        if words:
            return (words[0], "::".join(words))
    return (OTHERS, name)


def nim_path(name: str) -> tuple[str, ...]:
    """Module and name, as Nim's C backend writes them: ``name__module_number``, a folder's slash as Z."""
    if (found := _NIM.fullmatch(name)) is None:
        return (OTHERS, name)
    return (found["module"].replace("Z", "/"), found["name"])


def zig_path(name: str) -> tuple[str, ...]:
    """The outermost container and the name: ``fs.path.join`` is in ``fs``."""
    first, dot, _ = name.partition(".")
    return (first, name) if dot and first else (OTHERS, name)


def cpp_path(name: str) -> tuple[str, ...]:
    """The outermost namespace or class and the name, by the Itanium ABI's mangling; functions of none are together."""
    found = _CPP.match(name)
    if found is None:
        return (OTHERS, name)
    if found["std"]:
        return ("std", name)
    nested = "N" in name[: found.start("length")]
    first = name[found.end() : found.end() + int(found["length"])]
    return (first if nested else "(no namespace)", name)


def _v0_words(name: str, at: int) -> Iterator[str]:
    """The identifiers from the crate's on, each after its length; what refers back (``B…_``) and disambiguators have none."""
    while step := _V0_STEP.search(name, at):
        at = step.end() + int(step[1] or 0)
        if step[1] and (word := name[step.end() : at]):
            yield word


def _demangled(parts: str) -> str:
    words, at = [], 0
    while length := _PART.match(parts, at):
        end = length.end() + min(int(length[1][:5]), len(parts))
        words.append(parts[length.end() : end].removeprefix("_" if parts.startswith("_$", length.end()) else ""))
        at = end
    text = "::".join(words)
    for mark, meaning in _MARKS.items():
        text = text.replace(mark, meaning)
    return _UNICODE.sub(lambda found: chr(int(found[1], 16)) if int(found[1], 16) < 0x110000 else "", text)  # noqa: PLR2004 - Unicode's end


_PLACINGS: dict[str, Placing] = {"rust": rust_path, "nim": nim_path, "zig": zig_path, "c++": cpp_path}
