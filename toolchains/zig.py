"""Zig: a ``build.zig``, or lone files → a static program. Pure but for what it asks through the kit."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError, UsageError
from whit.toolchains.model import ROOM, Hermetic, Note, Recipe, Step, Target, as_path, check_outside, is_older
from whit.toolchains.zigcc import zig_cpu, zig_target

if TYPE_CHECKING:
    from whit.toolchains.model import Kit, Project, Tool, Wish

_EXECUTABLE = re.compile(
    r'addExecutable\s*\(\s*\.\{(?:(?!addExecutable).){0,400}?\.name\s*=\s*(?:"([^"\\]+)"|([A-Za-z_]\w*)\s*,)', re.DOTALL
)
_CONSTANT = re.compile(r'\bconst\s+(\w+)\s*(?::[^=;\n]*)?=\s*"([^"\\\n]+)"\s*;')
_PATH = re.compile(r'\.path\s*=\s*"([^"\\]+)"')
_LEAST = re.compile(r'\.minimum_zig_version\s*=\s*"([^"]+)"')
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_MODES = {"safe": "ReleaseSafe", "small": "ReleaseSmall", "fast": "ReleaseFast"}
_OWN_PACKAGES = "zig-pkg"
_INHERITED = ("ZIG_GLOBAL_CACHE_DIR",)


@dataclass(frozen=True, slots=True)
class Zig:
    """The toolchain."""

    tool: str = "zig"
    ignores: frozenset[str] = frozenset((".zig-cache", "zig-cache", "zig-out"))

    @property
    def variables(self) -> dict[str, str]:
        """What --build-arg may set."""
        return {
            "OPTIMIZE": "safe (the default), small or fast",
            "OPTIONS": "further options of build.zig, such as -Dname=value",
        }

    def outside(self, project: Project, kit: Kit) -> tuple[str, ...]:
        """Folders that ``build.zig.zon`` names by a path, and those that these name in turn."""
        paths = _manifests(project, kit)
        return tuple(sorted(path for path in paths if not f"{path}/".startswith(f"{project.root}/")))

    def targets(self, project: Project, kit: Kit) -> tuple[Target, ...]:
        """The executables that ``build.zig`` names."""
        if not project.manifest:
            return (Target(project.name, "", is_main=True),)
        text = _COMMENT.sub("", kit.read(posixpath.join(project.root, project.manifest)) or "")
        constants = dict(_CONSTANT.findall(text))
        found = (literal or constants.get(name, "") for literal, name in _EXECUTABLE.findall(text))
        names = dict.fromkeys(name for name in found if name)
        return tuple(Target(name, name, is_main=name == project.name) for name in names)

    def recipe(self, project: Project, targets: tuple[Target, ...], wish: Wish, output: str, kit: Kit) -> Recipe:
        """``zig build`` into the output folder, or ``zig build-exe``."""
        zig = _checked_tool(project, kit)
        given = dict(wish.variables)
        mode = given.get("OPTIMIZE", "safe")
        if mode not in _MODES:
            raise UsageError(f"--build-arg OPTIMIZE={mode}: it is {', '.join(_MODES)}")
        notes = (
            Note(
                f"-target {zig_target(wish.platform)} -mcpu {zig_cpu(wish.platform)}",
                "static, for every such processor",
            ),
            Note(_MODES[mode], "asked for" if "OPTIMIZE" in given else "small, and what goes wrong ends the program"),
        )
        kept = posixpath.join(output, "cache") if wish.hermetic else kit.kept("zig", project.root)
        is_wasm = wish.platform.architecture == "wasm"
        common = ("--cache-dir", kept, *(() if is_wasm else (f"--build-id={ROOM}",)))
        doing = f"{', '.join(target.name for target in targets)} for {wish.platform} with {zig.title}"
        if project.manifest:
            options = (f"-Dtarget={zig_target(wish.platform)}", f"-Dcpu={zig_cpu(wish.platform)}", f"--release={mode}")
            words = (*options, *shlex.split(given.get("OPTIONS", "")), "--prefix", output, "--summary", "none", *common)
            step = Step((zig.path, "build", *words), project.folder, (), _INHERITED, doing)
            made = tuple((target.name, f"bin/{_file(target, wish)}") for target in targets)
        else:
            step = _lone(zig, project, wish, mode, output, common, doing)
            made = ((targets[0].name, _file(targets[0], wish)),)
        brought = _brought(zig, project, kit) if wish.hermetic else ()
        caches = (("ZIG_GLOBAL_CACHE_DIR", "zig"), *((("ZIG_LOCAL_PKG_DIR", _OWN_PACKAGES),) if brought else ()))
        return Recipe(
            (step,), made, notes, (zig,), brought, strips=not wish.keeps_debug,
            hermetic=Hermetic(caches=caches) if wish.hermetic else None,
        )  # fmt: skip


def _manifests(project: Project, kit: Kit) -> dict[str, str]:
    """The project's folder and those that manifests name by a path, each with its ``build.zig.zon`` without comments."""
    found: dict[str, str] = {}
    pending = [project.root]
    while pending:
        folder = pending.pop()
        place = posixpath.join(folder, "build.zig.zon")
        found[folder] = _COMMENT.sub("", kit.read(place) or "")
        for name in _PATH.findall(found[folder]):
            path = posixpath.normpath(posixpath.join(folder, name))
            if path not in found and path not in pending:
                is_module = not {"build.zig", "build.zig.zon"}.isdisjoint(kit.names(path))
                check_outside(project, path, place, is_module=is_module)
                pending.append(path)
    return found


def _brought(zig: Tool, project: Project, kit: Kit) -> tuple[Step, ...]:
    """Packages that manifests have addresses of, checked by their digests; ``build.zig`` may be evaluated for that.

    Zig puts them into ``zig-pkg`` in the tree, or where ZIG_LOCAL_PKG_DIR says; those that are there are part of the sources.
    """
    is_wanted = any(".url" in text for text in _manifests(project, kit).values())
    if not project.manifest or not is_wanted or kit.names(posixpath.join(project.root, _OWN_PACKAGES)):
        return ()
    words = (zig.path, "build", "--fetch", "--cache-dir", "/tmp/fetching")  # noqa: S108 - the confined program's own
    return (Step(words, project.folder, (), _INHERITED, "packages", evaluates=True),)


def _file(target: Target, wish: Wish) -> str:
    return f"{target.name}.wasm" if wish.platform.architecture == "wasm" else target.name


def _lone(zig: Tool, project: Project, wish: Wish, mode: str, output: str, common: tuple[str, ...], doing: str) -> Step:
    """The file that has ``main`` is the one that is called so, or the only one; it imports the others itself."""
    names = {posixpath.basename(name): name for name in project.files}
    first = project.files[0] if len(project.files) == 1 else names.get("main.zig") or names.get(f"{project.name}.zig")
    if first is None:
        raise UsageError(f"none of {', '.join(names)} is main.zig", hint="whit build FILE names the one that has main")
    ending = ".wasm" if wish.platform.architecture == "wasm" else ""
    words = (
        *("-O", _MODES[mode], "-target", zig_target(wish.platform), f"-mcpu={zig_cpu(wish.platform)}"),
        "-fno-strip" if wish.keeps_debug else "-fstrip",
        *(f"-femit-bin={output}/{project.name}{ending}", *common),
    )
    return Step((zig.path, "build-exe", as_path(first), *words), project.root, (), _INHERITED, doing)


def _checked_tool(project: Project, kit: Kit) -> Tool:
    text = kit.read(posixpath.join(project.root, "build.zig.zon")) or "" if project.manifest else ""
    least = _LEAST.search(_COMMENT.sub("", text))
    zig = kit.tool("zig", least[1] if least else "")
    if least and is_older(zig.version, least[1]):
        raise UnsupportedError(
            f"build.zig.zon asks for Zig {least[1]}, and here is {zig.version} ({zig.path})",
            hint=f"install Zig {least[1]} or newer",
        )
    return zig


ZIG = Zig()
