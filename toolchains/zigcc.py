"""A compiler of C that makes static programs for any Linux: ``zig cc`` with musl, under the names that builders call. Pure.

The names are small scripts in a folder that comes first on PATH: builders know a compiler as one word.
"""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import dataclass
from whit.toolchains.model import ROOM, Hermetic, Note, Step, Warming, Written

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.toolchains.model import Kit, Tool

ZIG_TARGETS = {
    "386": "x86-linux-musl",
    "amd64": "x86_64-linux-musl",
    "arm": "arm-linux-musleabihf",
    "arm64": "aarch64-linux-musl",
    "loong64": "loongarch64-linux-musl",
    "ppc64le": "powerpc64le-linux-musl",
    "riscv64": "riscv64-linux-musl",
    "s390x": "s390x-linux-musl",
}
"""OCI's architecture → Zig's target."""

_OLDER_ARM = {"v5": ("arm-linux-musleabi", "arm926ej_s"), "v6": ("arm-linux-musleabihf", "arm1176jzf_s")}
"""Of linux/arm: the first has no floating point of its own, the second's is older than what Zig takes for the least."""

WASI_TARGET = "wasm32-wasi"
_BASELINE = {"amd64": {"": "x86_64", "v1": "x86_64", "v2": "x86_64_v2", "v3": "x86_64_v3", "v4": "x86_64_v4"}}
_NATIVE = "native-native-musl"
_FOR_BUILDING = {
    "native-cc": ("CC_FOR_BUILD", "BUILD_CC", "HOSTCC"),
    "native-c++": ("CXX_FOR_BUILD", "BUILD_CXX", "HOSTCXX"),
}
"""Compilers of what a build itself executes → the names that builders know them by: Autoconf's and Meson's, others', and the kernel's Makefiles'."""

_C_NAMES = ("cc", "gcc", "clang")
_CXX_NAMES = ("c++", "g++", "clang++")
_FOLDER = "tools"
_EMPTY = "empty.c"
_CACHE = "ZIG_GLOBAL_CACHE_DIR"
_LEFT_OUT = "-march=native|-mtune=native|-mcpu=native|--target=*"
_STRIPS = "-g0|-s|-Wl,-s|-Wl,--strip-all"
_SOURCES = "*.[cCsS]|*.cc|*.cpp|*.cxx|*.c++"


def zig_target(platform: Platform) -> str:
    """Raises :class:`UnsupportedError` for a platform that whit has no C for."""
    if platform.architecture == "wasm":
        return WASI_TARGET
    target = ZIG_TARGETS.get(platform.architecture) if platform.os == "linux" else None
    if target is None:
        known = ", ".join(f"linux/{name}" for name in sorted(ZIG_TARGETS))
        raise UnsupportedError(f"Zig builds no program for {platform}", hint=f"one of {known}, or wasi/wasm")
    return _OLDER_ARM[platform.variant or ""][0] if _is_older_arm(platform) else target


def _is_older_arm(platform: Platform) -> bool:
    return platform.architecture == "arm" and platform.variant in _OLDER_ARM


def zig_cpu(platform: Platform) -> str:
    """The processor's oldest form that the platform's variant promises."""
    if _is_older_arm(platform):
        return _OLDER_ARM[platform.variant or ""][1]
    return _BASELINE.get(platform.architecture, {}).get(platform.variant or "", "baseline")


@dataclass(frozen=True, slots=True)
class Compiler:
    """Scripts in ``folder``, which is to come first on PATH."""

    zig: Tool
    target: str
    cpu: str
    folder: str
    files: tuple[Written, ...]

    @property
    def note(self) -> Note:
        """What was chosen, and why."""
        libc = "wasi-libc" if self.target == WASI_TARGET else "musl"
        return Note(
            f"C by {self.zig.title} for {self.target}", f"static: {libc} is linked in; no compiler of C is needed here"
        )

    def program(self, name: str) -> str:
        """A compiler's path, by the name that it is called by."""
        return posixpath.join(self.folder, name)

    @property
    def for_building(self) -> tuple[tuple[str, str], ...]:
        """Variables that name the compilers of helpers, which a build compiles and executes: for this machine, whatever the program is for."""
        return tuple((name, self.program(script)) for script, names in _FOR_BUILDING.items() for name in names)

    def environment(self, path: str) -> tuple[tuple[str, str], ...]:
        """For builders that read it. The machine's own libraries of C are made for another libc: pkg-config finds none."""
        return (
            ("PATH", f"{self.folder}:{path}"),
            ("CC", self.program("cc")),
            ("CXX", self.program("c++")),
            ("AR", self.program("ar")),
            ("RANLIB", self.program("ranlib")),
            *self.for_building,
            ("PKG_CONFIG_LIBDIR", posixpath.join(self.folder, "pkgconfig")),
            ("PKG_CONFIG_PATH", ""),
        )


def hermetic(c: Compiler) -> Hermetic:
    """How a build with this compiler is confined: scripts and drivers are this machine's, and there is a cache for Zig.

    That has the libc, which Zig compiles itself, from the beginning.
    """
    cache = f"zig-{c.target}-{c.cpu}"
    words = (c.program("cc"), posixpath.join(c.folder, _EMPTY), "-o", "/tmp/empty")  # noqa: S108 - the confined program's own
    # Not in a folder that Zig itself may be in: it would name its own files relative to that, and take them for others.
    step = Step(words, c.folder, doing=f"libc for {c.target} with {c.zig.title}, once")
    return Hermetic(caches=((_CACHE, cache),), system=True, warming=Warming(step, cache, c.zig))


def compiler(platform: Platform, output: str, hides: tuple[str, ...], kit: Kit, *, is_pic: bool = False) -> Compiler:
    """The compiler for a platform. ``hides`` are folders whose names don't come into programs.

    ``is_pic`` is for objects that go into a static PIE, which another linker makes.
    """
    target = zig_target(platform)
    zig = kit.tool("zig")
    always = ["-Os", "-fno-sanitize=undefined", "-Wno-unused-command-line-argument"]
    cpu = zig_cpu(platform)
    words = [*always, "-target", target, f"-mcpu={cpu}"]
    native = [*always, "-target", _NATIVE, "-mcpu=baseline"]
    words += [f"-ffile-prefix-map={folder}=." for folder in dict.fromkeys((output, *hides))]
    left_out = _LEFT_OUT
    if target != WASI_TARGET:
        # Clang makes other instructions with debug information than without: it is always there, and whit strips it.
        words += ["-g", f"-Wl,--build-id={ROOM}", *(["-fPIC"] if is_pic else [])]
        left_out = f"{_LEFT_OUT}|{_STRIPS}"
    scripts = {
        **{name: _compiles(zig, "cc", words, left_out) for name in _C_NAMES},
        **{name: _compiles(zig, "c++", words, left_out) for name in _CXX_NAMES},
        "native-cc": _compiles(zig, "cc", native, _LEFT_OUT),
        "native-c++": _compiles(zig, "c++", native, _LEFT_OUT),
        **{name: _script(f'exec {shlex.quote(zig.path)} {name} "$@"') for name in ("ar", "ranlib", "objcopy")},
        "strip": _script("exit 0"),
    }
    files = tuple(Written(f"{_FOLDER}/{name}", text, is_executable=True) for name, text in scripts.items())
    files += (Written(f"{_FOLDER}/{_EMPTY}", b"int main(void) { return 0; }\n"),)
    return Compiler(zig, target, cpu, posixpath.join(output, _FOLDER), files)


def _compiles(zig: Tool, verb: str, words: list[str], left_out: str) -> bytes:
    """``-march=native`` would make a program of this machine's processor alone; it and its like are left out.

    So is ``--target``, which builders of Rust's crates give in LLVM's words: Zig has others for the same. Of several
    sources and ``-c`` Zig makes one object that has all of them: each is compiled by itself, as other compilers do it. And of what
    comes from standard input it doesn't know the language, which Meson leaves out; nor does Meson know Zig's name for LLD.
    """
    call = f"{shlex.quote(zig.path)} {verb} {shlex.join(words)}"
    return _script(
        f"""for word; do shift; case $word in {left_out}) ;; *) set -- "$@" "$word" ;; esac; done
sources=0 many= named= input= language=
for word; do
    case $word in
    -c) many=1 ;;
    -o*) named=1 ;;
    -Wl,--version) echo 'LLD, in {zig.title} (compatible with GNU linkers)'; exit ;;
    -x*) language=1 ;;
    -) input=1 ;;
    -*) ;;
    {_SOURCES}) sources=$((sources + 1)) ;;
    esac
done
test "$input" && test -z "$language" && set -- -x {"c" if verb == "cc" else verb} "$@"
test "$many" && test -z "$named" && test $sources -gt 1 || exec {call} "$@"
alone() {{
    own=$1; shift
    for other; do
        shift
        case $other in -*) ;; {_SOURCES}) test "$other" = "$own" || continue ;; esac
        set -- "$@" "$other"
    done
    {call} "$@"
}}
for word; do
    case $word in -*) ;; {_SOURCES}) alone "$word" "$@" || exit ;; esac
done"""
    )


def _script(text: str) -> bytes:
    return f"#!/bin/sh\n{text}\n".encode()
