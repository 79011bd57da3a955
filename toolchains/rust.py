"""Rust: a package, a workspace or a lone file → a static program. Pure but for what it asks through the kit.

With the standard library for musl that is what is built for, and Zig links it; else, for this machine's own architecture, glibc
is linked statically (``crt-static``). Which crates are in the program is written into it, as cargo-auditable does.
"""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from whit.packer.support.errors import UnsupportedError
from whit.toolchains import crates
from whit.toolchains.cargofiles import check_toolchain, configurations_above, outside_folders, read_facts, unseen_words
from whit.toolchains.model import Hermetic, Note, Recipe, Step, Target, Tool, Written, as_path
from whit.toolchains.rustways import LIBRARIES, Compiler, Way, platforms_here, way_of

if TYPE_CHECKING:
    from whit.toolchains.cargofiles import Facts
    from whit.toolchains.model import Kit, Project, Wish

_INHERITED = (
    "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_NET_GIT_FETCH_WITH_CLI",
    "CARGO_HTTP_PROXY", "CARGO_HTTP_CAINFO", "CARGO_REGISTRY_TOKEN", "SSH_AUTH_SOCK",
)  # fmt: skip
"""Where toolchain and crates are. Their versions are the lock file's."""

_DEBUG = ("-C", "debuginfo=2")
_SMALL = (("CODEGEN_UNITS", "1"), ("LTO", "thin"))
_LISTED = Note("the list of crates", "written into the program, as cargo-auditable does")
_KEPT_BY_CARGO = ("/registry/src/", "/git/checkouts/")


@dataclass(frozen=True, slots=True)
class Rust:
    """The toolchain."""

    tool: str = "cargo"
    ignores: frozenset[str] = frozenset()

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set."""
        return {
            "FEATURES": "features, separated by commas",
            "NO_DEFAULT_FEATURES": "1 leaves out the default ones",
            "PROFILE": "a profile of Cargo.toml instead of release",
            "RUSTFLAGS": "further flags of the compiler",
        }

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Folders beside the tree that manifests and cargo's configuration name, those that these name in turn, and configuration above it."""
        return (*outside_folders(project, kit), *configurations_above(project, kit))

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """Programs of the packages at the folder and below it."""
        if not project.manifest:
            return (Target(project.name, "", is_main=True),)
        words = (kit.tool("cargo").path, "metadata", "--format-version=1", "--no-deps")
        text = kit.ask(_asking(words, (), project, kit))
        metadata = crates.parse_metadata(text)
        found = crates.programs(metadata, project.folder)
        reason = "" if found else crates.why_no_program(metadata, project.folder)
        if reason:
            raise UnsupportedError(
                f"{project.folder} has no program: {reason}", hint="whit build takes what can be started"
            )
        return found

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """One ``cargo rustc`` for each program, or one ``rustc``."""
        rust = _found(project, kit)
        way = way_of(rust, project, wish, output, kit)
        work = _Work(project, wish, output, rust, way, dict(wish.variables), read_facts(project.root, way.triple, kit))
        if not project.manifest:
            return _lone(work, targets[0])
        cargo = _own_cargo(rust, kit)
        metadata = crates.parse_metadata(kit.ask(_metadata(work, cargo, kit)))
        steps: list[Step] = _placed(work)
        files: list[Written] = []
        for target in targets:
            package = target.path.partition("/")[0]
            data = crates.audit_data(metadata, package)
            name = f"crates-{sha256(data).hexdigest()[:12]}"
            files.append(Written(f"{name}.rs", crates.audit_source(data)))
            steps += [_audit(work, name), _cargo(work, cargo, target, package, name)]
            steps.append(_copied(work, target))
        names = {target.path.partition("/")[0] for target in targets}
        linked = sorted({name for package in names for name in crates.native_libraries(metadata, package)})
        return Recipe(
            steps=tuple(steps),
            programs=tuple((target.name, f"{target.name}{way.ending}") for target in targets),
            notes=(way.note, *_notes(work), _LISTED),
            tools=(rust.tool, cargo, *way.tools),
            watched=rust.watched(way.triple),
            warnings=_warnings(work, linked),
            files=(*files, *way.files),
            hermetic=_hermetic(metadata, project, way) if wish.hermetic else None,
        )


@dataclass(frozen=True, slots=True)
class _Work:
    project: Project
    wish: Wish
    output: str
    rust: Compiler
    way: Way
    given: dict[str, str]
    facts: Facts

    @property
    def env(self) -> tuple[tuple[str, str], ...]:
        """``RUSTFLAGS`` replaces the flags of the project's configuration: those come first in it.

        Debug information is always made, as the compiler makes other instructions without; linking strips it.
        """
        debug = () if self.way.ending else _DEBUG
        own = (*self.way.flags, *_remapped(self), *debug)
        flags = [*self.facts.flags, *own, *shlex.split(self.given.get("RUSTFLAGS", ""))]
        small = tuple((f"CARGO_PROFILE_RELEASE_{key}", value) for key, value in _SMALL if key not in self.facts.profile)
        return (
            ("RUSTC", self.rust.tool.path),
            ("CARGO_ENCODED_RUSTFLAGS", "\x1f".join(flags)),
            ("CARGO_INCREMENTAL", "0"),
            *small,
            ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
            *self.way.env,
        )

    @property
    def profile(self) -> str:
        return self.given.get("PROFILE", "release")

    def doing(self, what: str) -> str:
        return f"{what} for {self.wish.platform} with {self.rust.tool.title}"


def _found(project: Project, kit: Kit) -> Compiler:
    if kit.is_hermetic:
        check_toolchain(project, kit)
    rustc = kit.tool("rustc")
    told = kit.ask(Step((rustc.path, "-vV"), project.folder, (), _INHERITED))
    facts = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    sysroot = kit.ask(Step((rustc.path, "--print=sysroot"), project.folder, (), _INHERITED)).strip()
    own = posixpath.join(sysroot, "bin", "rustc")
    path = own if "rustc" in kit.names(posixpath.join(sysroot, "bin")) else rustc.path
    tool = Tool("rustc", path, facts.get("release", rustc.version), sysroot)
    rustlib = posixpath.join(sysroot, LIBRARIES)
    libraries = tuple(name for name in kit.names(rustlib) if kit.names(posixpath.join(rustlib, name, "lib")))
    return Compiler(tool, facts.get("host", ""), sysroot, libraries)


def platforms_of(project: Project, kit: Kit) -> tuple[str, ...]:
    """What programs can be built for: where the standard library is here, and this machine with its own glibc."""
    return platforms_here(_found(project, kit))


def _own_cargo(rust: Compiler, kit: Kit) -> Tool:
    """Cargo of the same toolchain, where rustup's shim would have to look for it."""
    cargo, folder = kit.tool("cargo"), posixpath.join(rust.sysroot, "bin")
    if "cargo" not in kit.names(folder):
        return cargo
    path = posixpath.join(folder, "cargo")
    told = kit.ask(Step((path, "--version"), rust.sysroot, (), _INHERITED)).split()
    return Tool("cargo", path, told[1] if len(told) > 1 else cargo.version, rust.sysroot)


def _hermetic(metadata: dict[str, Any], project: Project, way: Way) -> Hermetic:
    """Crates are seen where cargo keeps them; this machine's linker is needed, or Zig."""
    places = (one["manifest_path"] for one in metadata["packages"])
    homes = {path[: path.index(mark)] for path in places for mark in _KEPT_BY_CARGO if mark in path}
    shown = tuple(sorted(home for home in homes if not f"{home}/".startswith(f"{project.root}/")))
    caches = (("ZIG_GLOBAL_CACHE_DIR", "zig"),) if way.tools else ()
    env = (("CARGO_NET_OFFLINE", "true"), *((("CARGO_HOME", shown[0]),) if shown else ()))
    return Hermetic(shows=shown, caches=caches, env=env, system=True)


def _asking(words: tuple[str, ...], env: tuple[tuple[str, str], ...], project: Project, kit: Kit) -> Step:
    """A question to cargo; it needs a network, so that where nothing of the tree's is to be executed it isn't shown its configuration."""
    if not kit.is_hermetic:
        return Step(words, project.folder, env, _INHERITED)
    check_toolchain(project, kit)
    return Step((*words, *unseen_words(project, kit)), "/", env, _INHERITED)


def _metadata(work: _Work, cargo: Tool, kit: Kit) -> Step:
    words = ("metadata", "--format-version=1", f"--filter-platform={work.way.triple}", *_locked(work), *_features(work))
    return _asking((cargo.path, *words), work.env, work.project, kit)


def _audit(work: _Work, name: str) -> Step:
    """An object with the crates' list, which the program is linked with."""
    words = ("--crate-type=lib", "--emit=obj", f"--target={work.way.triple}", "--crate-name=crates", "--edition=2021")
    rustc = work.rust.tool.path
    return Step(
        (rustc, *words, "-C", "panic=abort", "-o", f"{work.output}/{name}.o", f"{work.output}/{name}.rs"),
        work.project.folder, (), _INHERITED, "the list of crates",
    )  # fmt: skip


def _cargo(work: _Work, cargo: Tool, target: Target, package: str, audit: str) -> Step:
    words = (
        *(
            "rustc",
            f"--profile={work.profile}",
            f"--target={work.way.triple}",
            f"--package={package}",
            f"--bin={target.name}",
        ),
        *("--target-dir", work.way.kept, *_locked(work), *_features(work)),
    )
    is_bare = work.way.ending or "linker-flavor=ld.lld" in work.way.flags
    kept = f"--keep-section={crates.SECTION}" if work.way.ending else f"--undefined={crates.SYMBOL}"
    linked = ("--", "-C", f"link-arg={work.output}/{audit}.o", "-C", f"link-arg={'' if is_bare else '-Wl,'}{kept}")
    unstripped = ("-C", "strip=none") if work.wish.keeps_debug else ()
    argv = (cargo.path, *words, *linked, *unstripped)
    return Step(argv, work.project.folder, work.env, _INHERITED, work.doing(target.name))


def _placed(work: _Work) -> list[Step]:
    """Compiler and linker, where their names are the same in the next build."""
    place, names = work.way.place, sorted({file.path.partition("/")[0] for file in work.way.files})
    if not names:
        return []
    words = (("rm", "-rf", place), ("mkdir", "-p", place), ("cp", "-R", *names, place))
    return [Step(argv, work.output, (), (), "tools") for argv in words]


def _copied(work: _Work, target: Target) -> Step:
    folder = "debug" if work.profile == "dev" else work.profile
    made = posixpath.join(work.way.kept, work.way.triple, folder, f"{target.name}{work.way.ending}")
    return Step(("cp", "--reflink=auto", made, work.output), work.output, (), (), target.name)


def _lone(work: _Work, target: Target) -> Recipe:
    names = {posixpath.basename(name): name for name in work.project.files}
    first = work.project.files[0] if len(names) == 1 else names.get("main.rs", work.project.files[0])
    name = f"{target.name}{work.way.ending}"
    flags = (
        *work.way.flags,
        *_remapped(work),
        "-O",
        "--edition=2021",
        f"--target={work.way.triple}",
        "-C",
        "codegen-units=1",
    )
    strip = (*(() if work.way.ending else _DEBUG), *(() if work.wish.keeps_debug else ("-C", "strip=symbols")))
    words = (work.rust.tool.path, *flags, *strip, "-o", posixpath.join(work.output, name), as_path(first))
    step = Step(words, work.project.root, work.way.env, _INHERITED, work.doing(target.name))
    return Recipe(
        (*_placed(work), step), ((target.name, name),), (work.way.note, *_notes(work)), (work.rust.tool, *work.way.tools),
        watched=work.rust.watched(work.way.triple), files=work.way.files,
        hermetic=_hermetic({"packages": []}, work.project, work.way) if work.wish.hermetic else None,
    )  # fmt: skip


def _remapped(work: _Work) -> list[str]:
    """No folder of this machine comes into the program."""
    places = {work.project.root: ".", work.way.kept: "target"}
    return [word for old, new in places.items() for word in ("--remap-path-prefix", f"{old}={new}")]


def _notes(work: _Work) -> tuple[Note, ...]:
    small = "debug information kept" if work.wish.keeps_debug else "strip=symbols, codegen-units=1, lto=thin"
    return (
        Note(small, "asked for" if work.wish.keeps_debug else "small; what Cargo.toml says of the profile goes before"),
        Note("--remap-path-prefix", "reproducible: no folder of this machine is in it"),
        *(Note(f"{key}={value}", "asked for") for key, value in work.given.items()),
    )


def _warnings(work: _Work, linked: list[str]) -> tuple[str, ...]:
    told = []
    if not work.facts.is_locked:
        told.append("there is no Cargo.lock: another day's build may have other crates")
    if linked:
        told.append(
            f"crates link with {', '.join(linked)}: where they don't bring its source, a static form must be there"
        )
    return tuple(told)


def _locked(work: _Work) -> tuple[str, ...]:
    return ("--locked",) if work.facts.is_locked else ()


def _features(work: _Work) -> tuple[str, ...]:
    given = work.given
    features = (f"--features={given['FEATURES']}",) if given.get("FEATURES") else ()
    return (*features, *(("--no-default-features",) if given.get("NO_DEFAULT_FEATURES") == "1" else ()))


RUST = Rust()
