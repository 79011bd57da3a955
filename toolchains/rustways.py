"""What Rust's programs are built for, and what compiles their C and links them. Pure but for what it asks through the kit."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.toolchains.model import ROOM, Note, Tool, Written
from whit.toolchains.rustlinker import linker
from whit.toolchains.zigcc import compiler, zig_cpu

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.toolchains.model import Kit, Project, Wish
    from whit.toolchains.zigcc import Compiler as Zig

_CPU = {"386": "i686", "amd64": "x86_64", "arm": "armv7", "arm64": "aarch64", "riscv64": "riscv64gc", "ppc64le": "powerpc64le",
        "s390x": "s390x", "loong64": "loongarch64"}  # fmt: skip
_OLDER_ARM = {"v5": ("armv5te", "eabi"), "v6": ("arm", "eabihf")}
_WASI = ("wasm32-wasip1", "wasm32-wasi")
LIBRARIES = "lib/rustlib"


@dataclass(frozen=True, slots=True)
class Compiler:
    """``rustc`` as the project's folder has it; ``libraries`` are the targets whose standard library is here."""

    tool: Tool
    host: str
    sysroot: str
    libraries: tuple[str, ...]

    def linker(self, kit: Kit) -> str:
        """Rust's own, which toolchains of rustup have beside their libraries."""
        folder = posixpath.join(self.sysroot, LIBRARIES, self.host, "bin")
        return posixpath.join(folder, "rust-lld") if "rust-lld" in kit.names(folder) else "rust-lld"

    def watched(self, triple: str) -> tuple[str, ...]:
        """Files that are others with another toolchain, and what says which one or what it builds for: rustup's settings, the libraries."""
        inside = ("bin/rustc", LIBRARIES, f"{LIBRARIES}/{triple}/lib", "../../settings.toml")
        return tuple(posixpath.normpath(posixpath.join(self.sysroot, path)) for path in inside)


@dataclass(frozen=True, slots=True)
class Way:
    """What is built for, and how it is linked. ``kept`` is cargo's folder; ``place`` the one in which ``files`` are to be."""

    triple: str
    note: Note
    kept: str
    flags: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    ending: str = ""
    files: tuple[Written, ...] = ()
    tools: tuple[Tool, ...] = ()
    place: str = ""


def platforms_here(rust: Compiler) -> tuple[str, ...]:
    """What programs can be built for: where the standard library is here, and this machine with its own glibc."""
    found = []
    for architecture, cpu in sorted(_CPU.items()):
        abi = "eabihf" if architecture == "arm" else ""
        if f"{cpu}-unknown-linux-musl{abi}" in rust.libraries or rust.host == f"{cpu}-unknown-linux-gnu{abi}":
            found.append(f"linux/{architecture}")
    return (*found, *(("wasi/wasm",) if not set(_WASI).isdisjoint(rust.libraries) else ()))


def way_of(rust: Compiler, project: Project, wish: Wish, output: str, kit: Kit) -> Way:
    """The target. Raises :class:`UnsupportedError` where its standard library isn't here."""
    platform = wish.platform
    if platform.architecture == "wasm":
        triple = next((name for name in _WASI if name in rust.libraries), None)
        if triple is None:
            raise _lacking(platform, rust, _WASI[0])
        return Way(triple, Note(triple, "WebAssembly with WASI"), _kept(project, wish, output, kit), ending=".wasm")
    cpu = _CPU.get(platform.architecture) if platform.os == "linux" else None
    if cpu is None:
        known = ", ".join(f"linux/{name}" for name in sorted(_CPU))
        raise UnsupportedError(f"Rust builds no program for {platform}", hint=f"one of {known}, or wasi/wasm")
    cpu, abi = _OLDER_ARM.get(platform.variant or "", (cpu, "eabihf")) if platform.architecture == "arm" else (cpu, "")
    musl = f"{cpu}-unknown-linux-musl{abi}"
    levels = (
        ("-C", f"target-cpu=x86-64-{platform.variant}") if platform.architecture == "amd64" and platform.variant else ()
    )
    static = ("-C", "target-feature=+crt-static", *levels)
    if musl in rust.libraries:
        return _with_zig(rust, musl, static, project, wish, output, kit)
    gnu = f"{cpu}-unknown-linux-gnu{abi}"
    if gnu != rust.host:
        raise _lacking(platform, rust, musl)
    flags = (*static, "-C", f"link-arg=-Wl,--build-id={ROOM}")
    note = Note("+crt-static", f"static, with this machine's glibc: {musl} isn't installed")
    return Way(gnu, note, _kept(project, wish, output, kit), flags)


def _kept(project: Project, wish: Wish, output: str, kit: Kit, key: str = "") -> str:
    return posixpath.join(output, "target") if wish.hermetic else kit.kept(f"cargo{key}", project.root)


def _with_zig(
    rust: Compiler, triple: str, static: tuple[str, ...], project: Project, wish: Wish, output: str, kit: Kit
) -> Way:
    """Zig compiles what crates have of C; what links is Rust's own: it brings musl's start files itself.

    Both have names that stay from build to build, or cargo would compile every crate again. Another compiler has a folder of
    its own: cargo doesn't ask what stands behind a name.
    """

    def named(place: str, *hidden: str) -> Zig:
        return compiler(wish.platform, place, hidden, kit, is_pic=True)

    draft = named("").files
    kept = _kept(project, wish, output, kit, f"-{sha256(b''.join(file.data for file in draft)).hexdigest()[:12]}")
    place = posixpath.join(kept, f"whit-{triple}")
    c = named(place, kept, project.root)
    name = triple.replace("-", "_")
    env = ((f"CC_{name}", c.program("cc")), (f"CXX_{name}", c.program("c++")), (f"AR_{name}", c.program("ar")),
           ("PKG_CONFIG_LIBDIR", posixpath.join(c.folder, "pkgconfig")))  # fmt: skip
    script = linker(c.zig, c.target, zig_cpu(wish.platform), rust.linker(kit))
    linked = (
        f"linker={place}/{script[0].path}",
        "linker-flavor=ld.lld",
        "link-self-contained=yes",
        f"link-arg=--build-id={ROOM}",
    )
    flags = (*static, *(word for flag in linked for word in ("-C", flag)))
    return Way(
        triple,
        Note(triple, "static, with musl"),
        kept,
        flags,
        env,
        files=(*c.files, *script),
        tools=(c.zig,),
        place=place,
    )


def _lacking(platform: Platform, rust: Compiler, triple: str) -> UnsupportedError:
    here = ", ".join(rust.libraries)
    return UnsupportedError(
        f"for {platform} Rust's standard library isn't here ({rust.tool.title} has it for {here or 'nothing'})",
        hint=f"rustup target add {triple}",
    )
