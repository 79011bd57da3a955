"""``exec --cgroup``: a process in cgroups below the container's own, which are there already (runc-exec(8)). Pure but for a look.

``[CONTROLLER[,CONTROLLER...]:]PATH``: without a controller in every hierarchy; with them, on v1, in theirs, and several times.
"""

from __future__ import annotations

from pathlib import Path

from whit.packer.support.errors import LaunchError, UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.oci.model import Folders

Wanted = dict[str, str]
"""Controller → path; the empty one stands for all."""


def _path(text: str, argument: str) -> str:
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if ".." in parts or "\n" in text:
        raise UsageError(
            f"--cgroup: '{argument}' leads out of the container's cgroup", hint="give a path below it, without '..'"
        )
    return "/".join(parts)


def wanted(arguments: tuple[str, ...]) -> Wanted:
    """What the options say. Raises :class:`UsageError`."""
    found: Wanted = {}
    for argument in arguments:
        head, colon, tail = argument.partition(":")
        controllers, path = (head, tail) if colon else ("", head)
        for name in controllers.split(","):
            if bool(name) is not bool(colon):
                raise UsageError(f"--cgroup: '{argument}' names no controller before its ':'", hint="cpu,cpuacct:PATH")
            if name in found or (found and "" in {name, *found}):
                raise UsageError(
                    f"--cgroup: '{argument}' is about what another one is about already",
                    hint="one without controllers is about all: give it alone; else each controller once",
                )
            found[name] = _path(path, argument)
    return found


def _sub(controllers: tuple[str, ...], asked: Wanted) -> str:
    names = [name for name in controllers if name in asked]
    paths = {asked[name] for name in names}
    if len(paths) > 1:
        raise UsageError(
            f"--cgroup: {' and '.join(names)} are one hierarchy", hint="a process is in one cgroup of it: give one path"
        )
    return paths.pop() if paths else asked.get("", "")


def below(folders: Folders, asked: Wanted) -> Folders:
    """The container's cgroups, each led down as it is asked for. Raises :class:`UsageError`, and for none :class:`LaunchError`."""
    if not folders:
        raise LaunchError("--cgroup: the container has no cgroup", hint="leave it out")
    known = {name for controllers, _ in folders for name in controllers}
    for name in asked:
        if name and name not in known:
            listed = ", ".join(sorted(known))
            raise UsageError(
                f"--cgroup: the container has no cgroup of a controller {name}",
                hint=f"it has {listed}" if listed else "cgroup v2 has one for all: give the path alone",
            )
    subs = ((controllers, folder, _sub(controllers, asked)) for controllers, folder in folders)
    return tuple((controllers, f"{folder}/{sub}" if sub else folder) for controllers, folder, sub in subs)


def _text(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def check(folders: Folders) -> None:
    """Whether a process can go there. Raises :class:`LaunchError`."""
    for _, name in folders:
        folder = Path(name)
        if not folder.is_dir():
            raise LaunchError(f"--cgroup: there is no cgroup {folder}", hint="it has to be there: make it first")
        # cgroup-v2.rst, "No Internal Process Constraint"; cgroup-v1/cpusets.rst: a new one is empty.
        if _text(folder / "cgroup.subtree_control") and _text(folder / "cgroup.type") != "threaded":
            raise LaunchError(
                f"--cgroup: no process can be in {folder}: it hands controllers down to those below it",
                hint="name one of those",
            )
        needs = [file for file in ("cpuset.cpus", "cpuset.mems") if (folder / "tasks").exists()]
        if any((folder / file).exists() and not _text(folder / file) for file in needs):
            raise LaunchError(f"--cgroup: {folder} has no processors", hint=f"write its {' and '.join(needs)}")
