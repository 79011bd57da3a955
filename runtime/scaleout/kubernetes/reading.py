"""What secrets, configs and bound files hold, read from this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.files import MOST
from whit.runtime.scaleout.kubernetes.model import Bound, BoundFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project

_MOST_FILES = 1000
"""Of a folder that goes along; more isn't configuration."""


def read_contents(
    project: Project, texts: Mapping[tuple[str, str], str], where: Where, *, leave_secrets: bool
) -> dict[tuple[str, str], bytes]:
    """By ("secrets" or "configs", key): all that services are shown, but what is elsewhere. ``texts`` are those of variables.

    At most one byte more of each than Kubernetes takes. Raises :class:`WhitError` with the place of what isn't there.
    """
    found: dict[tuple[str, str], bytes] = {}
    for service in project.services.values():
        for kind, key in service.files():
            values = (project.secrets if kind == "secrets" else project.configs).get(key) or {}
            if (kind, key) in found or values.get("external") or (kind == "secrets" and leave_secrets):
                continue
            here = f"{where((kind, key))}{kind}.{key}"
            if values.get("file"):
                data = read_file(str(values["file"]))
                if data is None:
                    raise NotFoundError(
                        f"{here}: there is no file {values['file']}", hint="make it, or name another one"
                    )
            elif values.get("environment"):
                name = str(values["environment"])
                text = texts.get((kind, key), os.environ.get(name))
                if text is None:
                    raise NotFoundError(f"{here}: the variable {name} isn't set", hint="set it, or name a file: file:")
                data = text.encode("utf-8", "surrogateescape")
            elif values.get("content") is not None:
                data = str(values["content"]).encode()
            else:
                raise UsageError(f"{here} has no source", hint="file:, environment:, or, for a config, content:")
            found[kind, key] = data
    return found


def read_bound(project: Project) -> dict[str, Bound]:
    """Path → the regular file, or the folder of nothing but such, that services bind only to read."""
    found: dict[str, Bound] = {}
    for service in project.services.values():
        for mount in service.values.get("volumes") or ():
            source = str(mount.get("source") or "")
            if mount.get("type") != "bind" or not mount.get("read_only") or source in found:
                continue
            held = _read_folder(Path(source)) if Path(source).is_dir() else _named("", _read(source))
            if held is not None:
                found[source] = Bound(held)
    return found


def _read_folder(folder: Path) -> dict[str, BoundFile] | None:
    """All files of a folder; None where there is something else in it, or more than Kubernetes takes."""
    found: dict[str, BoundFile] = {}
    for place in sorted(folder.iterdir()):
        file = _read(str(place))
        if file is None or len(found) == _MOST_FILES or sum(len(one.data) for one in found.values()) > MOST:
            return None
        found[place.name] = file
    return found


def _named(name: str, file: BoundFile | None) -> dict[str, BoundFile] | None:
    return None if file is None else {name: file}


def read_file(path: str) -> bytes | None:
    """A regular file's bytes; None where there is none. Raises :class:`OSError` for one that can't be read."""
    file = _read(path)
    return None if file is None else file.data


def _read(path: str) -> BoundFile | None:
    try:
        descriptor = os.open(Path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        return BoundFile(file.read(MOST + 1), bool(mode & stat.S_IXUSR)) if stat.S_ISREG(mode) else None
