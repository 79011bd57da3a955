"""Go: a module, a workspace or lone files → a static program. Pure but for what it asks through the kit.

Without cgo the linker makes a static program by itself. Where packages need cgo, C is compiled by ``zig cc`` for musl and
linked statically; names are then resolved and users looked up by Go itself (tags netgo and osusergo), not by libc, whose
static form would look for NSS plugins.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import dataclass
from whit.toolchains.gomod import parse_gomod
from whit.toolchains.model import ROOM, Hermetic, Note, Recipe, Step, Target, check_outside, is_older
from whit.toolchains.zigcc import ZIG_TARGETS, zig_cpu, zig_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.platform import Platform
    from whit.toolchains.model import Kit, Project, Tool, Wish

_INHERITED = (
    "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOVCS", "GOAUTH",
    "GOENV", "GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR", "SSH_AUTH_SOCK", "NETRC",
)  # fmt: skip
"""Where modules come from and what is kept: nothing of it changes what is built from the same go.sum."""

ARCHITECTURES = frozenset(ZIG_TARGETS)
"""Those that whit packs programs for."""

_OWN_LIBRARIES = frozenset(["m", "c", "pthread", "dl", "rt", "util", "resolv", "crypt"])
"""Those that are parts of musl's libc."""

_MAJOR = re.compile(r"v[2-9]\d*|v1\d+")
_CGO_LISTED = 4


@dataclass(frozen=True, slots=True)
class Go:
    """The toolchain."""

    tool: str = "go"
    ignores: frozenset[str] = frozenset()

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set."""
        return {
            "TAGS": "build tags, separated by commas",
            "LDFLAGS": "further flags of the linker, such as -X main.version=1.2",
            "CGO_ENABLED": "0 builds without cgo, 1 with it, whatever the packages say",
            "GOEXPERIMENT": "experiments of the compiler's",
            "CGO_CFLAGS": "flags of the C compiler",
            "CGO_LDFLAGS": "flags of the C linker",
        }

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Folders that ``replace`` and ``use`` name, and those that these name in turn."""
        found: list[str] = []
        pending = [project.root]
        while pending:
            folder = pending.pop()
            for name in ("go.mod", "go.work"):
                for other in parse_gomod(kit.read(posixpath.join(folder, name)) or "").folders:
                    path = posixpath.normpath(posixpath.join(folder, other))
                    if path not in found and path != project.root:
                        is_module = "go.mod" in kit.names(path)
                        check_outside(project, path, posixpath.join(folder, name), is_module=is_module)
                        if not is_module:
                            continue  # Go itself says so, and all of /etc isn't read for that
                        found.append(path)
                        pending.append(path)
        return tuple(sorted(path for path in found if not f"{path}/".startswith(f"{project.root}/")))

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """All main packages at the folder and below it."""
        go = _checked_tool(project, kit)
        if not project.manifest or project.files:
            name = posixpath.basename(project.files[0]).removesuffix(".go")
            return (Target(name if len(project.files) == 1 else project.name, "", is_main=True),)
        line = '{{if eq .Name "main"}}{{.ImportPath}}\t{{.Dir}}{{end}}'
        asked = Step(
            (go.path, "list", "-e", "-f", line, *_patterns(project, kit)), project.folder,
            (*_environment(project, kit), ("CGO_ENABLED", "1")), _INHERITED,
        )  # fmt: skip
        rows = (row.partition("\t") for row in kit.ask(asked).splitlines() if row)
        return tuple(_target(project, path, folder) for path, _, folder in rows)

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """One ``go build`` for each program."""
        go = _checked_tool(project, kit)
        given = dict(wish.variables)
        env = (*_environment(project, kit), *_platform_environment(wish.platform))
        found = _cgo(go, project, targets, (*env, ("CGO_ENABLED", "1")), given, kit)
        needing = found.needing
        if given.get("CGO_ENABLED") in {"0", "1"}:
            needing = needing if given["CGO_ENABLED"] == "1" else ()
            uses_cgo = given["CGO_ENABLED"] == "1"
        else:
            uses_cgo = bool(needing)
        way = _with_cgo(wish.platform, needing, found, kit) if uses_cgo else _WITHOUT_CGO
        flags, notes = _flags(wish, way, given)
        env = (
            *env,
            *way.env,
            *((key, given[key]) for key in ("GOEXPERIMENT", "CGO_CFLAGS", "CGO_LDFLAGS") if key in given),
        )
        ending = ".wasm" if wish.platform.architecture == "wasm" else ""
        made = [(target, f"{target.name}{ending}") for target in targets]
        steps = tuple(
            Step(
                (go.path, "build", *flags, "-o", posixpath.join(output, file), *_package(project, target)),
                project.folder, env, _INHERITED, f"{target.name} for {wish.platform} with {go.title}",
            )
            for target, file in made
        )  # fmt: skip
        return Recipe(
            steps=steps,
            programs=tuple((target.name, file) for target, file in made),
            notes=(way.note, *notes),
            tools=(go, *way.tools),
            prepares=_downloads(go, project, env),
            warnings=(*way.warnings, *((_PLUGINS,) if found.has_plugins else ())),
            hermetic=_hermetic(go, project, env, way, kit) if wish.hermetic else None,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """How C is taken part of, or isn't."""

    env: tuple[tuple[str, str], ...]
    note: Note
    linker: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Of the packages that a program has: those with C, libraries of C that these name, whether it loads plugins."""

    needing: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    has_plugins: bool = False


_PLUGINS = "package plugin loads code while the program runs: a static program can't, and plugin.Open will fail"
_WITHOUT_CGO = _Way((("CGO_ENABLED", "0"),), Note("CGO_ENABLED=0", "static: no package needs cgo"))


def _checked_tool(project: Project, kit: Kit) -> Tool:
    """Go, if it is new enough. Raises :class:`UnsupportedError`."""
    manifest = kit.read(posixpath.join(project.root, project.manifest)) if project.manifest else None
    least = parse_gomod(manifest or "").version
    go = kit.tool("go", least)
    if least and is_older(go.version, least):
        raise UnsupportedError(
            f"{project.manifest} asks for Go {least}, and here is {go.version} ({go.path})",
            hint=f"install Go {least} or newer",
        )
    return go


def _environment(project: Project, kit: Kit) -> tuple[tuple[str, str], ...]:
    """Variables that would change what is built are set to one value, whatever whit's own environment says."""
    # A module's zip from a proxy has the list of what is vendored, and nothing of it.
    is_vendored = len(kit.names(posixpath.join(project.root, "vendor"))) > 1
    workspace = posixpath.join(project.root, "go.work") if project.manifest == "go.work" else "off"
    return (
        ("GOFLAGS", "-mod=vendor" if is_vendored else "-mod=readonly"),
        ("GOTOOLCHAIN", "local"),
        ("GOWORK", workspace),
        ("GO111MODULE", "on"),
    )


def _platform_environment(platform: Platform) -> tuple[tuple[str, str], ...]:
    """GOOS, GOARCH and the variant's own variable (go.dev/doc/install/source). Raises :class:`UnsupportedError`."""
    if platform.architecture == "wasm":
        return (("GOOS", "wasip1"), ("GOARCH", "wasm"))
    if platform.os != "linux" or platform.architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise UnsupportedError(f"Go builds no program for {platform}", hint=f"linux/ and one of {known}, or wasi/wasm")
    variant = (platform.variant or "").removeprefix("v")
    more: tuple[tuple[str, str], ...] = ()
    if platform.architecture == "arm":
        more = (("GOARM", variant or "7"),)
    elif platform.architecture == "amd64":
        more = (("GOAMD64", f"v{variant or 1}"),)
    elif platform.architecture == "arm64":
        more = (("GOARM64", f"v{variant}.0" if variant and "." not in variant else f"v{variant or '8.0'}"),)
    return (("GOOS", "linux"), ("GOARCH", platform.architecture), *more)


def _patterns(project: Project, kit: Kit) -> tuple[str, ...]:
    """At the root of a workspace each of its modules is named: Go takes ``./...`` for none of them."""
    if project.manifest == "go.work" and project.folder == project.root and "go.mod" not in kit.names(project.root):
        used = parse_gomod(kit.read(posixpath.join(project.root, "go.work")) or "").folders
        return tuple(f"./{posixpath.normpath(folder)}/..." for folder in used if not folder.startswith(("/", "../")))
    return ("./...",)


def _target(project: Project, path: str, folder: str) -> Target:
    parts = path.split("/")
    name = parts[-2] if len(parts) > 1 and _MAJOR.fullmatch(parts[-1]) else parts[-1]
    place = posixpath.relpath(folder, project.folder)
    return Target(name, path, "." if place == "." else f"./{place}", is_main=place == ".")


def _package(project: Project, target: Target) -> tuple[str, ...]:
    return (target.path,) if target.path else tuple(posixpath.join(project.root, name) for name in project.files)


def _cgo(
    go: Tool,
    project: Project,
    targets: tuple[Target, ...],
    env: tuple[tuple[str, str], ...],
    given: dict[str, str],
    kit: Kit,
) -> _Found:
    """The standard library does without C."""
    if "wasm" in dict(env).values():
        return _Found()
    tags = (f"-tags={given['TAGS']}",) if given.get("TAGS") else ()
    packages = [word for target in targets for word in _package(project, target)]
    fields = "-json=ImportPath,Standard,CgoFiles,CgoLDFLAGS,CgoPkgConfig"
    words = (go.path, "list", "-e", "-deps", fields, *tags, *packages)
    step = Step(words, project.folder, env, _INHERITED, "the list of packages, with modules that aren't here yet")
    needing, libraries, has_plugins = [], [], False
    for package in _documents(kit.ask(step)):
        has_plugins |= package.get("ImportPath") == "plugin"
        if not package.get("Standard") and package.get("CgoFiles"):
            needing.append(str(package["ImportPath"]))
            libraries += [*_linked(package.get("CgoLDFLAGS")), *_words(package.get("CgoPkgConfig"))]
    return _Found(tuple(needing), tuple(dict.fromkeys(libraries)), has_plugins)


def _documents(text: str) -> Iterable[dict[str, object]]:
    """JSON objects one after the other, as go list prints them."""
    decoder, at = json.JSONDecoder(), 0
    while (at := next((n for n in range(at, len(text)) if text[n] == "{"), -1)) >= 0:
        document, at = decoder.raw_decode(text, at)
        yield document


def _words(value: object) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []


def _linked(flags: object) -> list[str]:
    return [word[2:] for word in _words(flags) if word.startswith("-l") and word[2:] not in _OWN_LIBRARIES]


def _with_cgo(platform: Platform, needing: tuple[str, ...], found: _Found, kit: Kit) -> _Way:
    target = f"-target {zig_target(platform)} -mcpu={zig_cpu(platform)}"
    zig = kit.tool("zig")
    warnings: tuple[str, ...] = ()
    if found.libraries:
        text = f"{_some(needing)} link with {', '.join(found.libraries)}: a static form for musl must be in the tree"
        warnings = (f"{text}, as this machine's own are made for another libc",)
    env = (("CGO_ENABLED", "1"), ("CC", f"{zig.path} cc {target}"), ("CXX", f"{zig.path} c++ {target}"))
    note = Note(
        f"cgo by {zig.title}, linked statically with musl",
        f"C is in {_some(needing)}" if needing else "asked for by CGO_ENABLED=1",
    )
    return _Way(env, note, ("-linkmode", "external", "-extldflags", "-static"), ("netgo", "osusergo"), (zig,), warnings)


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _CGO_LISTED} more" if len(names) > _CGO_LISTED else ""
    return ", ".join(names[:_CGO_LISTED]) + more


def _flags(wish: Wish, way: _Way, given: dict[str, str]) -> tuple[list[str], tuple[Note, ...]]:
    """What ``go build`` is given, and why."""
    room = () if wish.platform.architecture == "wasm" else ("-B", ROOM)
    linker = [*([] if wish.keeps_debug else ["-s", "-w"]), "-buildid=", *room, *way.linker]
    words = " ".join(f"'{word}'" if " " in word else word for word in linker)
    words = " ".join(filter(None, (words, given.get("LDFLAGS", ""))))
    tags = [*way.tags, *filter(None, given.get("TAGS", "").split(","))]
    flags = ["-trimpath", "-buildvcs=false", f"-ldflags={words}", *([f"-tags={','.join(tags)}"] if tags else [])]
    size = (
        Note("debug information kept", "asked for")
        if wish.keeps_debug
        else Note("-s -w", "small: no debug information, no symbol table; traces of panics still have names and lines")
    )
    same = Note(
        "-trimpath -buildid= -buildvcs=false", "reproducible: no folder, no build's number, no state of a repository"
    )
    return flags, (size, same, *(Note(f"{key}={value}", "asked for") for key, value in given.items()))


def _hermetic(go: Tool, project: Project, env: tuple[tuple[str, str], ...], way: _Way, kit: Kit) -> Hermetic:
    """Modules are seen where Go keeps them; what it compiles is kept apart from what it compiles otherwise."""
    modules = kit.ask(Step((go.path, "env", "GOMODCACHE"), project.folder, env, _INHERITED)).strip()
    caches = (("ZIG_GLOBAL_CACHE_DIR", "zig"),) if way.tools else ()
    off = (("GOPROXY", "off"), ("GOENV", "off"), ("GOMODCACHE", modules), ("GOSUMDB", "off"))
    return Hermetic(shows=(modules,), caches=caches, shared=(("GOCACHE", "go"),), env=off)


def _downloads(go: Tool, project: Project, env: tuple[tuple[str, str], ...]) -> tuple[Step, ...]:
    """What brings modules into the cache, checked by go.sum; vendored ones are there."""
    if not project.manifest or ("GOFLAGS", "-mod=vendor") in env:
        return ()
    return (Step((go.path, "mod", "download"), project.folder, env, _INHERITED, "modules"),)


GO = Go()
