"""A compiler of C that makes static programs for any Linux: ``zig cc`` with musl, under the names that builders call. Pure.

The names are small scripts in a folder that comes first on PATH: builders know a compiler as one word.
"""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import dataclass
from whit.toolchains.model import Hermetic, Note, Written

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
_C_NAMES = ("cc", "gcc", "clang")
_CXX_NAMES = ("c++", "g++", "clang++")
_FOLDER = "tools"


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

    def environment(self, path: str) -> tuple[tuple[str, str], ...]:
        """For builders that read it. The machine's own libraries of C are made for another libc: pkg-config finds none."""
        return (
            ("PATH", f"{self.folder}:{path}"),
            ("CC", self.program("cc")),
            ("CXX", self.program("c++")),
            ("AR", self.program("ar")),
            ("RANLIB", self.program("ranlib")),
            ("PKG_CONFIG_LIBDIR", posixpath.join(self.folder, "pkgconfig")),
            ("PKG_CONFIG_PATH", ""),
        )


def hermetic() -> Hermetic:
    """How a build with this compiler is confined: scripts and drivers are this machine's, and there is a cache for Zig."""
    return Hermetic(caches=(("ZIG_GLOBAL_CACHE_DIR", "zig"),), system=True)


def compiler(platform: Platform, output: str, hides: tuple[str, ...], kit: Kit) -> Compiler:
    """The compiler for a platform. ``hides`` are folders whose names don't come into programs."""
    target = zig_target(platform)
    zig = kit.tool("zig")
    words = [
        "-Os",
        "-target",
        target,
        f"-mcpu={zig_cpu(platform)}",
        "-fno-sanitize=undefined",
        "-Wno-unused-command-line-argument",
    ]
    words += [f"-ffile-prefix-map={folder}=." for folder in dict.fromkeys((output, *hides))]
    scripts = {
        **{name: _compiles(zig.path, "cc", words) for name in _C_NAMES},
        **{name: _compiles(zig.path, "c++", words) for name in _CXX_NAMES},
        **{name: _script(f'exec {shlex.quote(zig.path)} {name} "$@"') for name in ("ar", "ranlib", "objcopy")},
        "strip": _script("exit 0"),
    }
    files = tuple(Written(f"{_FOLDER}/{name}", text, is_executable=True) for name, text in scripts.items())
    return Compiler(zig, target, posixpath.join(output, _FOLDER), files)


def _compiles(zig: str, verb: str, words: list[str]) -> bytes:
    """``-march=native`` would make a program of this machine's processor alone; it and its like are left out.

    So is ``--target``, which builders of Rust's crates give in LLVM's words: Zig has others for the same.
    """
    left_out = "-march=native|-mtune=native|-mcpu=native|--target=*"
    return _script(
        f'for word; do shift; case $word in {left_out}) ;; *) set -- "$@" "$word" ;; esac; done\n'
        f'exec {shlex.quote(zig)} {verb} {shlex.join(words)} "$@"'
    )


def _script(text: str) -> bytes:
    return f"#!/bin/sh\n{text}\n".encode()
