"""Nim: a package, or a lone file → a static program: Nim's C is compiled by ``zig cc`` with musl. Pure but for the kit."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError, UsageError
from whit.toolchains.model import Note, Recipe, Step, Target, as_path, is_older
from whit.toolchains.zigcc import WASI_TARGET, compiler, hermetic

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.toolchains.model import Hermetic, Kit, Project, Tool, Wish
    from whit.toolchains.zigcc import Compiler

_CPU = {"386": "i386", "amd64": "amd64", "arm": "arm", "arm64": "arm64", "ppc64le": "powerpc64el", "riscv64": "riscv64",
        "loong64": "loongarch64"}  # fmt: skip
_INHERITED = ("NIMBLE_DIR",)
_OWN_FOLDERS = ("/etc/nim", "/usr/lib/nim")
"""Where Debian has its configuration, which says where its library is."""

_PATH = "/usr/local/bin:/usr/bin:/bin"
_SSL = re.compile(r"(?:-d:|--define:|define:|switch\(\s*\"define\"\s*,\s*\")ssl\b")
_LEAST = re.compile(r'requires\s*\(?\s*"nim\s*>=\s*([\d.]+)')


@dataclass(frozen=True, slots=True)
class Nim:
    """The toolchain."""

    tool: str = "nim"
    ignores: frozenset[str] = frozenset(("nimcache",))

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set."""
        return {"OPTIONS": "further options of the compiler, such as -d:name=value"}

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Nothing."""
        del project, kit
        return ()

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """The package's ``bin``, with ``namedBin`` and ``srcDir``; a path is the source's."""
        if not project.manifest:
            names = {posixpath.basename(name): name for name in project.files}
            first = project.files[0] if len(names) == 1 else names.get("main.nim") or names.get(f"{project.name}.nim")
            if first is None:
                raise UsageError(f"none of {', '.join(names)} is main.nim", hint="whit build FILE names the program's")
            return (Target(project.name, first, is_main=True),)
        package = parse_nimble(kit.read(posixpath.join(project.root, project.manifest)) or "")
        named = package.bins
        return tuple(
            Target(posixpath.basename(name), posixpath.join(package.source, f"{path}.nim"), is_main=len(named) == 1)
            for path, name in named
        )

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """One ``nim c`` for each program; of a package that needs others nimble calls it, and knows where they are.

        Those that the tree has itself (``nimbledeps``, as ``nimble --localdeps`` writes it) Nim finds without.
        """
        package = parse_nimble(
            kit.read(posixpath.join(project.root, project.manifest)) or "" if project.manifest else ""
        )
        nim = _checked(kit.tool("nim"), package, project)
        c = compiler(wish.platform, output, (project.root,), kit)
        needs = [word for word in package.requires if not re.match(r"nim\b", word)]
        nimble = posixpath.join(posixpath.dirname(nim.path), "nimble")
        vendored = _vendored(project, kit) if needs else ()
        needs = [] if vendored else needs
        start = (nimble, "--accept", "c") if needs else (nim.path, "c", *(f"--nimblePath:{path}" for path in vendored))
        env = c.environment(_PATH)
        steps = tuple(
            Step(
                (*start, *_options(wish, c, output, target), as_path(target.path)), project.root, env, _INHERITED,
                f"{target.name} for {wish.platform} with {nim.title}",
            )
            for target in targets
        )  # fmt: skip
        words = (nimble, "--accept", "install", "--depsOnly")
        prepares = (Step(words, project.root, env, _INHERITED, "packages", evaluates=True),) if needs else ()
        return Recipe(
            steps=(*(() if wish.hermetic else prepares), *steps),
            prepares=prepares if wish.hermetic else (),
            programs=tuple((target.name, f"{target.name}{_ending(c)}") for target in targets),
            notes=(c.note, Note("-d:release --opt:size", "small; checks stay"), *_asked(wish), *_of_tree(vendored)),
            tools=(nim, c.zig),
            warnings=_warnings(project, wish, kit),
            files=c.files,
            strips=not wish.keeps_debug,
            hermetic=_hermetic() if wish.hermetic else None,
        )


@dataclass(frozen=True, slots=True)
class Package:
    """What of a ``.nimble`` decides: (source without its ending, program's name), folder of sources, requirements."""

    bins: tuple[tuple[str, str], ...] = ()
    source: str = ""
    requires: tuple[str, ...] = ()
    least: str = ""


def parse_nimble(text: str) -> Package:
    """The declarative part; what is computed by NimScript isn't seen."""
    plain = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    bins = re.search(r"^\s*bin\s*=\s*@\[(.*?)\]", plain, re.MULTILINE | re.DOTALL)
    source = re.search(r'^\s*srcDir\s*=\s*"([^"]*)"', plain, re.MULTILINE)
    named = dict(re.findall(r'namedBin\s*\[\s*"([^"]+)"\s*\]\s*=\s*"([^"]+)"', plain))
    requires = [
        part.strip()
        for words in re.findall(r'^\s*requires\s*\(?((?:\s*"[^"]*"\s*,?)+)', plain, re.MULTILINE)
        for word in re.findall(r'"([^"]*)"', words)
        for part in word.split(",")
    ]
    least = _LEAST.search(plain)
    paths = re.findall(r'"([^"]+)"', bins[1]) if bins else []
    return Package(
        tuple((path, named.get(path, posixpath.basename(path))) for path in paths),
        source[1] if source else "", tuple(requires), least[1] if least else "",
    )  # fmt: skip


def _vendored(project: Project, kit: Kit) -> tuple[str, ...]:
    """Folders of packages in the tree; nimble 0.14 has named them anew."""
    folder = posixpath.join(project.root, "nimbledeps")
    return tuple(posixpath.join(folder, name) for name in kit.names(folder) if name in {"pkgs", "pkgs2"})


def _of_tree(vendored: tuple[str, ...]) -> tuple[Note, ...]:
    return (Note("nimbledeps", "packages are in the tree: none is brought"),) if vendored else ()


def _hermetic() -> Hermetic:
    """Packages are brought in the box: nimble evaluates what they say of themselves."""
    usual = hermetic()
    return replace(usual, shows=_OWN_FOLDERS, caches=(*usual.caches, ("NIMBLE_DIR", "nimble")))


def _checked(nim: Tool, package: Package, project: Project) -> Tool:
    if package.least and is_older(nim.version, package.least):
        raise UnsupportedError(
            f"{project.manifest} asks for Nim {package.least}, and here is {nim.version} ({nim.path})",
            hint=f"install Nim {package.least} or newer",
        )
    return nim


def _options(wish: Wish, c: Compiler, output: str, target: Target) -> tuple[str, ...]:
    cc = c.program("cc")
    words = ["-d:release", "--opt:size", "--hints:off", "--skipUserCfg", f"--nimcache:{output}/nimcache-{target.name}"]
    words += [f"-o:{output}/{target.name}{_ending(c)}", "--cc:gcc", f"--gcc.exe:{cc}", f"--gcc.linkerexe:{cc}"]
    words += _platform(wish.platform, cc)
    words += ["--debugger:native"] if wish.keeps_debug else []
    return (*words, *dict(wish.variables).get("OPTIONS", "").split())


def _platform(platform: Platform, cc: str) -> list[str]:
    if platform.architecture == "wasm":
        return [
            "--os:any",
            "--cpu:wasm32",
            "-d:useMalloc",
            "--mm:arc",
            "-d:noSignalHandler",
            "--passC:-D_WASI_EMULATED_SIGNAL",
        ]
    cpu = _CPU.get(platform.architecture)
    if cpu is None:
        known = ", ".join(f"linux/{name}" for name in sorted(_CPU))
        raise UnsupportedError(f"Nim builds no program for {platform}", hint=f"one of {known}")
    return ["--os:linux", f"--cpu:{cpu}", f"--{cpu}.linux.gcc.exe:{cc}", f"--{cpu}.linux.gcc.linkerexe:{cc}"]


def _ending(c: Compiler) -> str:
    return ".wasm" if c.target == WASI_TARGET else ""


def _asked(wish: Wish) -> tuple[Note, ...]:
    return tuple(Note(f"{key}={value}", "asked for") for key, value in wish.variables)


def _warnings(project: Project, wish: Wish, kit: Kit) -> tuple[str, ...]:
    """Nim's ``ssl`` loads OpenSSL while it runs, which a static program can't."""
    texts = [dict(wish.variables).get("OPTIONS", "")]
    texts += [kit.read(posixpath.join(project.root, name)) or "" for name in ("nim.cfg", "config.nims")]
    if any(_SSL.search(text) for text in texts):
        return ("-d:ssl loads OpenSSL while the program runs: a static program can't, and HTTPS will fail",)
    return ()


NIM = Nim()
