"""Nim: a package, or a lone file → a static program: Nim's C is compiled by ``zig cc`` with musl. Pure but for the kit."""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError, UsageError
from whit.packer.support.light import dataclass, replace
from whit.toolchains import nimconfig, nimpackages
from whit.toolchains.model import Note, Recipe, Step, Target, as_path, is_older
from whit.toolchains.zigcc import WASI_TARGET, compiler, hermetic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.platform import Platform
    from whit.toolchains.model import Hermetic, Kit, Project, Tool, Wish
    from whit.toolchains.zigcc import Compiler

_CPU = {"386": "i386", "amd64": "amd64", "arm": "arm", "arm64": "arm64", "ppc64le": "powerpc64el", "riscv64": "riscv64",
        "loong64": "loongarch64"}  # fmt: skip
_WIDE_TIMES = frozenset(("386", "arm"))
"""Processors of 32 bits, where Nim's library takes C's times for 32 bits wide unless it is told; musl's are 64."""

_INHERITED = ("NIMBLE_DIR",)
_OWN_FOLDERS = ("/etc/nim", "/usr/lib/nim")
"""Where Debian has its configuration, which says where its library is."""

_PATH = "/usr/local/bin:/usr/bin:/bin"
_SSL = re.compile(r"(?:-d:|--define:|define:|switch\(\s*\"define\"\s*,\s*\")ssl\b")
_LOADING = {
    "re": "PCRE", "nre": "PCRE", "pcre": "PCRE", "db_sqlite": "SQLite", "sqlite3": "SQLite", "db_mysql": "MySQL", "db_postgres": "PostgreSQL",
    "db_odbc": "ODBC", "openssl": "OpenSSL",
}  # fmt: skip
"""Modules of Nim's own library that load a library of C while the program runs, and which."""

_IMPORTS = re.compile(r"^[ \t]*(?:import|from|include)\b(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_DYNLIB = re.compile(r"\bdynlib\s*:\s*\"?([^\s,.}\"][^,}\"\n]*)")
_NO_SSL = re.compile(r"(?:-u|--undef):ssl\b")
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
        """Configuration above the project, and folders of modules that configuration names."""
        folders, _ = _folders(project, _configuration(project, self.targets(project, kit), kit), kit)
        return (*nimconfig.above(project.root, kit), *folders)

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
        verb = _verb(package, project)
        start = (
            (nimble, "--accept", verb) if needs else (nim.path, verb, *(f"--nimblePath:{path}" for path in vendored))
        )
        env = c.environment(_PATH)
        steps = tuple(
            Step(
                (*start, *_options(wish, c, output, target, verb), as_path(target.path)), project.root, env, _INHERITED,
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
            watched=nimconfig.of_machine(nim),
            # Confined, it reads none of this machine's own packages.
            reads=tuple if wish.hermetic else lambda: _read(project, targets, output, kit),
            warnings=_warnings(project, targets, wish, kit),
            files=c.files,
            strips=not wish.keeps_debug,
            hermetic=_hermetic(c, nimconfig.above(project.root, kit)) if wish.hermetic else None,
        )


@dataclass(frozen=True, slots=True)
class Package:
    """What of a ``.nimble`` decides: (source without its ending, program's name), folder of sources, requirements."""

    bins: tuple[tuple[str, str], ...] = ()
    source: str = ""
    requires: tuple[str, ...] = ()
    least: str = ""
    backend: str = "c"


def parse_nimble(text: str) -> Package:
    """The declarative part; what is computed by NimScript isn't seen."""
    plain = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    bins = re.search(r"^\s*bin\s*=\s*@\[(.*?)\]", plain, re.MULTILINE | re.DOTALL)
    source = re.search(r'^\s*srcDir\s*=\s*"([^"]*)"', plain, re.MULTILINE)
    named = dict(re.findall(r'namedBin\s*\[\s*"([^"]+)"\s*\]\s*=\s*"([^"]+)"', plain))
    table = re.search(r"^\s*namedBin\s*=\s*\{(.*?)\}", plain, re.MULTILINE | re.DOTALL)
    named |= dict(re.findall(r'"([^"]+)"\s*:\s*"([^"]+)"', table[1])) if table else {}
    backend = re.search(r'^\s*backend\s*=\s*"([^"]*)"', plain, re.MULTILINE)
    requires = [
        part.strip()
        for words in re.findall(r'^\s*requires\s*\(?((?:\s*"[^"]*"\s*,?)+)', plain, re.MULTILINE)
        for word in re.findall(r'"([^"]*)"', words)
        for part in word.split(",")
    ]
    least = _LEAST.search(plain)
    paths = dict.fromkeys((*(re.findall(r'"([^"]+)"', bins[1]) if bins else ()), *named))
    return Package(
        tuple((path, named.get(path, posixpath.basename(path))) for path in paths),
        source[1] if source else "", tuple(requires), least[1] if least else "", backend[1] if backend else "c",
    )  # fmt: skip


def _verb(package: Package, project: Project) -> str:
    """How Nim is to compile. Raises :class:`UnsupportedError` for what becomes no program of Linux'."""
    if package.backend not in {"c", "cpp"}:
        raise UnsupportedError(
            f"{project.manifest} compiles to {package.backend}: that is no program that can be packed"
        )
    return package.backend


def _vendored(project: Project, kit: Kit) -> tuple[str, ...]:
    """Folders of packages in the tree; nimble 0.14 has named them anew."""
    folder = posixpath.join(project.root, "nimbledeps")
    return tuple(posixpath.join(folder, name) for name in kit.names(folder) if name in nimpackages.FOLDERS)


def _of_tree(vendored: tuple[str, ...]) -> tuple[Note, ...]:
    return (Note("nimbledeps", "packages are in the tree: none is brought"),) if vendored else ()


def _hermetic(c: Compiler, above: tuple[str, ...]) -> Hermetic:
    """Packages are brought in the box: nimble evaluates what they say of themselves. ``above`` is configuration that Nim reads there, too."""
    usual = hermetic(c)
    return replace(usual, shows=(*_OWN_FOLDERS, *above), caches=(*usual.caches, ("NIMBLE_DIR", "nimble")))


def _checked(nim: Tool, package: Package, project: Project) -> Tool:
    if package.least and is_older(nim.version, package.least):
        raise UnsupportedError(
            f"{project.manifest} asks for Nim {package.least}, and here is {nim.version} ({nim.path})",
            hint=f"install Nim {package.least} or newer",
        )
    return nim


def _options(wish: Wish, c: Compiler, output: str, target: Target, backend: str) -> tuple[str, ...]:
    cc = c.program("cc")
    words = ["-d:release", nimpackages.LISTS, "--opt:size", "--hints:off", "--skipUserCfg"]
    words += [f"--nimcache:{_cache(output, target)}"]
    words += [f"-o:{output}/{target.name}{_ending(c)}", "--cc:gcc", f"--gcc.exe:{cc}", f"--gcc.linkerexe:{cc}"]
    cxx = c.program("c++")
    words += [f"--gcc.cpp.exe:{cxx}", f"--gcc.cpp.linkerexe:{cxx}"] if backend == "cpp" else []
    words += _platform(wish.platform, cxx if backend == "cpp" else cc, ".cpp" if backend == "cpp" else "")
    # Nim's library declares glibc's pthread_t, as large as musl's but of another kind: an error to today's compilers.
    words += ["--lineDir:on", "--passC:-Wno-incompatible-pointer-types -Wno-int-conversion"]
    return (*words, *shlex.split(dict(wish.variables).get("OPTIONS", "")))


def _cache(output: str, target: Target) -> str:
    return f"{output}/nimcache-{target.name}"


def _read(project: Project, targets: tuple[Target, ...], output: str, kit: Kit) -> tuple[str, ...]:
    """What the programs were compiled from that isn't in the tree."""
    caches = (_cache(output, target) for target in targets)
    return nimpackages.read_by(caches, (output, project.root, kit.real(project.root)), kit)


def _platform(platform: Platform, cc: str, kind: str) -> list[str]:
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
    return [
        "--os:linux",
        *(["-d:nimUse64BitCTime"] if platform.architecture in _WIDE_TIMES else []),
        f"--cpu:{cpu}",
        f"--{cpu}.linux.gcc{kind}.exe:{cc}",
        f"--{cpu}.linux.gcc{kind}.linkerexe:{cc}",
    ]


def _ending(c: Compiler) -> str:
    return ".wasm" if c.target == WASI_TARGET else ""


def _asked(wish: Wish) -> tuple[Note, ...]:
    return tuple(Note(f"{key}={value}", "asked for") for key, value in wish.variables)


def loaded(text: str) -> tuple[str, ...]:
    """Libraries of C that a source loads while the program runs, as far as it says so itself."""
    words = {word for statement in _IMPORTS.findall(text) for word in re.findall(r"\w+", statement.split("#")[0])}
    named = (name.strip() for name in _DYNLIB.findall(text))
    return tuple(dict.fromkeys((*(_LOADING[word] for word in sorted(words & _LOADING.keys())), *named)))


def _warnings(project: Project, targets: tuple[Target, ...], wish: Wish, kit: Kit) -> tuple[str, ...]:
    """What a static program can't, and what isn't known of its sources."""
    sources = {posixpath.join(project.root, target.path) for target in targets}
    sources.update(path for path in _beside(sources, kit) if path.endswith(".nim"))
    libraries = dict.fromkeys(name for path in sorted(sources) for name in loaded(kit.read(path) or ""))
    told = [f"it loads {', '.join(libraries)} while it runs: a static program can't, and ends"] if libraries else []
    _, holding = _folders(project, _configuration(project, targets, kit), kit)
    told += (
        f"{file} names a folder that holds the project itself: what else is there isn't looked at" for file in holding
    )
    return (*_ssl(project, targets, wish, kit), *told)


def _beside(sources: set[str], kit: Kit) -> Iterable[str]:
    """Files in the programs' folders, and in those directly in them."""
    for folder in sorted({posixpath.dirname(path) for path in sources}):
        for name in kit.names(folder):
            path = posixpath.join(folder, name)
            yield path
            if "." not in name:
                yield from (posixpath.join(path, below) for below in kit.names(path))


def _configuration(project: Project, targets: tuple[Target, ...], kit: Kit) -> tuple[str, ...]:
    """All files of configuration that the programs are compiled by, but for the machine's own."""
    sources = (posixpath.join(project.root, target.path) for target in targets)
    return tuple(dict.fromkeys(path for source in sources for path in nimconfig.read_for(source, kit)))


def _folders(project: Project, files: tuple[str, ...], kit: Kit) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Folders beside the tree that files of configuration name; and the files that name one which the tree itself is in.

    Such a one isn't read for that: it may be all that a person has.
    """
    root = kit.real(project.root)
    found = [(path, file) for path, file in nimconfig.named(files, root, kit) if not _is_in(path, root)]
    holding = dict.fromkeys(file for path, file in found if _is_in(root, path))
    return tuple(sorted({path for path, _ in found if not _is_in(root, path)})), tuple(holding)


def _is_in(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")


def _ssl(project: Project, targets: tuple[Target, ...], wish: Wish, kit: Kit) -> tuple[str, ...]:
    """Nim's ``ssl`` loads OpenSSL. Configuration is the project's, a folder's or a file's own."""
    options = dict(wish.variables).get("OPTIONS", "")
    if _NO_SSL.search(options):
        return ()
    texts = [options, *(kit.read(path) or "" for path in _configuration(project, targets, kit))]
    if any(_SSL.search(text) for text in texts):
        told = "-d:ssl loads OpenSSL while the program runs: a static program can't, and may not even start"
        return (f"{told} (--build-arg OPTIONS=--undef:ssl leaves it out)",)
    return ()


NIM = Nim()
