"""C: Make, CMake, Meson, a configure script, or lone files → static programs. Pure but for what it asks through the kit.

Whatever drives the build finds ``zig cc`` under every name of a compiler. Make and configure write beside the sources: they
work on a copy. CMake and Meson have a folder of their own.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.support.errors import UsageError
from whit.toolchains import cprograms
from whit.toolchains.model import Note, Recipe, Step, Target, Written, as_path
from whit.toolchains.zigcc import WASI_TARGET, compiler, hermetic

if TYPE_CHECKING:
    from whit.toolchains.model import Kit, Project, Tool, Wish
    from whit.toolchains.zigcc import Compiler

_MAKEFILES = frozenset(("GNUmakefile", "makefile", "Makefile"))
_CPU = {"amd64": "x86_64", "386": "x86", "arm64": "aarch64", "arm": "arm", "wasm": "wasm32"}
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
_LOADS = re.compile(r"\bdlopen\s*\(")
_OWN = frozenset(("m", "c", "pthread", "dl", "rt", "util", "resolv", "crypt"))
_STALE = ("(", "-name", "*.o", "-o", "-name", "*.lo", ")", "-type", "f", "-delete")


@dataclass(frozen=True, slots=True)
class C:
    """The toolchain."""

    tool: str = "zig"
    ignores: frozenset[str] = frozenset()

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set."""
        return {
            "CFLAGS": "flags of the compiler, for lone files and configure",
            "LIBS": "libraries that lone files are linked with, such as -lm",
            "OPTIONS": "further words for make, cmake, meson or configure, such as -DNAME=value",
        }

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Nothing."""
        del project, kit
        return ()

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """What the build files name; make is asked for its plan."""
        if not project.manifest:
            return (Target(project.name, "", is_main=True),)
        names: tuple[str, ...]
        if project.manifest == "CMakeLists.txt":
            made = cprograms.of_cmake(kit.read, project.root)
            return tuple(Target(name, path, is_main=name == project.name) for path, name in made.items())
        if project.manifest == "meson.build":
            names = cprograms.of_meson(kit.read, project.root)
        elif project.manifest in _MAKEFILES:
            words = ("--dry-run", "--always-make", "--no-print-directory", "CC=cc", "CXX=c++")
            command = (kit.tool("make").path, *words, "-f", project.manifest)
            plan = kit.ask(Step(command, project.folder, doing="make's plan", evaluates=True))
            names = cprograms.of_make(plan)
        else:
            names = cprograms.of_automake(kit.read, project.root) or (project.name,)
        return tuple(_target(project, name) for name in names)

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """Steps of the driver, or one of the compiler."""
        c = compiler(wish.platform, output, (project.root,), kit)
        given = dict(wish.variables)
        doing = f"{', '.join(target.name for target in targets)} for {wish.platform} with {c.zig.title}"
        work = _Work(project, targets, wish, output, c, given, c.environment(_PATH), doing)
        driver = _lone if not project.manifest else _DRIVERS.get(project.manifest, _make)
        driven = driver(work, kit)
        return Recipe(
            steps=driven.steps,
            programs=tuple((target.name, place) for target, place in zip(targets, driven.places, strict=True)),
            notes=(c.note, driven.note),
            tools=(c.zig, *driven.tools),
            warnings=_warnings(project, given, kit),
            files=(*c.files, *driven.files),
            strips=not wish.keeps_debug,
            hermetic=hermetic(c) if wish.hermetic else None,
        )


@dataclass(frozen=True, slots=True)
class _Driven:
    """What a driver of builds does, and where in the output folder the programs are then."""

    steps: tuple[Step, ...]
    places: tuple[str, ...]
    note: Note
    tools: tuple[Tool, ...] = ()
    files: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class _Work:
    project: Project
    targets: tuple[Target, ...]
    wish: Wish
    output: str
    c: Compiler
    given: dict[str, str]
    env: tuple[tuple[str, str], ...]
    doing: str

    def step(self, *argv: str, cwd: str = "") -> Step:
        return Step(argv, cwd or self.output, self.env, (), self.doing)

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.given.get("OPTIONS", "")))


def _warnings(project: Project, given: dict[str, str], kit: Kit) -> tuple[str, ...]:
    """Libraries that aren't made for musl here, and code that is loaded while the program runs."""
    if project.manifest:
        wanted = cprograms.libraries(kit.read, project.root, project.manifest)
    else:
        wanted = tuple(
            word[2:] for word in given.get("LIBS", "").split() if word.startswith("-l") and word[2:] not in _OWN
        )
    told = []
    if wanted:
        told.append(
            f"it asks for {', '.join(wanted)}: a static form for musl must be in the tree, as this machine's own are made for another libc"
        )
    texts = (kit.read(posixpath.join(project.root, name)) or "" for name in project.files)
    if any(_LOADS.search(text) for text in texts):
        told.append("dlopen loads code while the program runs: a static program can't, and it will fail")
    return tuple(told)


def _target(project: Project, path: str) -> Target:
    name = posixpath.basename(path)
    folder = posixpath.dirname(path)
    return Target(name, path, f"./{folder}" if folder else "", is_main=name == project.name)


def _lone(work: _Work, kit: Kit) -> _Driven:
    del kit
    project = work.project
    if any("/" in name for name in project.files):
        raise UsageError(
            "sources in several folders need a build file", hint="a Makefile, CMakeLists.txt or meson.build"
        )
    flags = work.given.get("CFLAGS", "-Os").split()
    libraries = work.given.get("LIBS", "-lm").split()
    words = (*flags, *map(as_path, project.files), "-o", posixpath.join(work.output, project.name), *libraries)
    step = work.step(work.c.program("cc"), *words, cwd=project.root)
    return _Driven((step,), (project.name,), Note(" ".join(flags), "asked for" if "CFLAGS" in work.given else "small"))


def _cmake(work: _Work, kit: Kit) -> _Driven:
    cmake, c = kit.tool("cmake"), work.c
    build = posixpath.join(work.output, "build")
    settings = {
        "CMAKE_BUILD_TYPE": "MinSizeRel",
        "CMAKE_SYSTEM_NAME": "WASI" if c.target == WASI_TARGET else "Linux",
        "CMAKE_SYSTEM_PROCESSOR": _CPU.get(work.wish.platform.architecture, work.wish.platform.architecture),
        "CMAKE_C_COMPILER": c.program("cc"),
        "CMAKE_CXX_COMPILER": c.program("c++"),
        "CMAKE_AR": c.program("ar"),
        "CMAKE_RANLIB": c.program("ranlib"),
        "CMAKE_FIND_ROOT_PATH": c.folder,
        "CMAKE_FIND_ROOT_PATH_MODE_LIBRARY": "ONLY",
        "CMAKE_FIND_ROOT_PATH_MODE_INCLUDE": "ONLY",
        "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "ONLY",
        "CMAKE_SKIP_RPATH": "ON",
        "BUILD_SHARED_LIBS": "OFF",
        "BUILD_TESTING": "OFF",
    }
    words = [f"-D{name}={value}" for name, value in settings.items()]
    wanted = [word for target in work.targets for word in ("--target", target.path)]
    steps = (
        work.step(cmake.path, "-S", work.project.root, "-B", build, *words, *work.options),
        work.step(cmake.path, "--build", build, "--parallel", str(kit.processors), *wanted),
    )
    return _Driven(steps, _below("build", work), Note("MinSizeRel", "small"), (cmake,))


def _meson(work: _Work, kit: Kit) -> _Driven:
    meson, ninja = kit.tool("meson"), kit.tool("ninja")
    build, cross = posixpath.join(work.output, "build"), posixpath.join(work.output, "cross.ini")
    words = ("--cross-file", cross, "--buildtype=minsize", "--default-library=static", "--prefer-static")
    work = replace(work, env=(*work.env, ("NINJA", ninja.path)))
    # Meson names sources relative to its own folder, and so they come into programs: a copy is always as far away.
    copy = posixpath.join(work.output, "src")
    steps = (
        work.step("cp", "-a", f"{work.project.root}/.", copy),
        work.step(meson.path, "setup", *words, *work.options, build, copy),
        work.step(meson.path, "compile", "-C", build, *(f"{target.name}:executable" for target in work.targets)),
    )
    return _Driven(steps, _below("build", work), Note("minsize", "small"), (meson, ninja), (_cross_file(work),))


def _cross_file(work: _Work) -> Written:
    cpu = _CPU.get(work.wish.platform.architecture, work.wish.platform.architecture)
    order = "big" if cpu == "s390x" else "little"
    binaries = {"c": "cc", "cpp": "c++", "ar": "ar", "strip": "strip"}
    lines = ["[binaries]", *(f"{key} = {work.c.program(name)!r}" for key, name in binaries.items())]
    lines += [
        "[host_machine]",
        "system = 'linux'",
        f"cpu_family = {cpu!r}",
        f"cpu = {cpu!r}",
        f"endian = {order!r}",
        "",
    ]
    return Written("cross.ini", "\n".join(lines).encode())


def _make(work: _Work, kit: Kit) -> _Driven:
    """Make's own variables win over the environment's: the compiler is named on its command line."""
    project, c = work.project, work.c
    make, copy = kit.tool("make"), posixpath.join(work.output, "src")
    steps = [work.step("cp", "-a", f"{project.root}/.", copy), work.step("find", copy, *_STALE)]
    if project.manifest in _MAKEFILES:
        names = {"CC": "cc", "CXX": "c++", "AR": "ar", "RANLIB": "ranlib"}
        words = ("-f", project.manifest, *(f"{key}={c.program(name)}" for key, name in names.items()))
        words = (*words, *(f"{key}={value}" for key, value in c.for_building), *work.options)
    else:
        host = "wasm32-unknown-wasi" if c.target == WASI_TARGET else c.target
        flags = ("--disable-shared", "--enable-static", f"CFLAGS={work.given.get('CFLAGS', '-Os')}")
        steps.append(work.step("sh", "./configure", f"--host={host}", *flags, *work.options, cwd=copy))
        words = ()
    steps.append(work.step(make.path, f"-j{kit.processors}", *words, cwd=copy))
    places = tuple(f"src/{target.path}" if "/" in target.path else f"src/**/{target.name}" for target in work.targets)
    note = Note("built in a copy", "make writes beside the sources; objects of another compiler aren't taken")
    return _Driven(tuple(steps), places, note, (make,))


def _below(folder: str, work: _Work) -> tuple[str, ...]:
    return tuple(f"{folder}/**/{target.name}" for target in work.targets)


_DRIVERS = {"CMakeLists.txt": _cmake, "meson.build": _meson}
"""By the build file; make drives what has any other."""

C_CHAIN = C()
