"""What secrets, configs and bound files hold, read from this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.scaleout.kubernetes.files import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.keys import Where
    from whit.runtime.compose.project import Project


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


def read_bound(project: Project) -> dict[str, bytes]:
    """Path → bytes of the regular files that services bind only to read; at most one byte more than Kubernetes takes."""
    found: dict[str, bytes] = {}
    for service in project.services.values():
        for mount in service.values.get("volumes") or ():
            if mount.get("type") == "bind" and mount.get("read_only"):
                data = read_file(str(mount["source"]))
                if data is not None:
                    found[str(mount["source"])] = data
    return found


def read_file(path: str) -> bytes | None:
    """A regular file's bytes; None where there is none. Raises :class:`OSError` for one that can't be read."""
    try:
        descriptor = os.open(Path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MOST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
