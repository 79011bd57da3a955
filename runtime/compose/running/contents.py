"""Secrets and configs: where each is read from at a container's start, and a digest of what it holds now."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.mounting import VARIABLE
from whit.runtime.engine.secretform import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.compose.project import Project, Values


@dataclass(frozen=True, slots=True)
class Contents:
    """By (``secrets`` or ``configs``, key): sources, as wishing.py wants them, and digests of what is in them."""

    sources: Mapping[tuple[str, str], str]
    digests: Mapping[tuple[str, str], str]


def read_contents(
    project: Project, services: tuple[str, ...], folder: Path, texts: Mapping[tuple[str, str], str]
) -> Contents:
    """Those of these services; ``texts`` are of those that variables hold. Texts of configs are written below the project's ``folder``.

    Raises :class:`WhitError`.
    """
    sources: dict[tuple[str, str], str] = {}
    digests: dict[tuple[str, str], str] = {}
    for place in dict.fromkeys(place for name in services for place in project.services[name].files()):
        kind, key = place
        values = (project.secrets if kind == "secrets" else project.configs).get(key)
        if values is not None:
            sources[place], data = _read(kind, key, values, folder, texts.get(place))
            digests[place] = sha256(data).hexdigest()
    return Contents(sources, digests)


def _read(kind: str, key: str, values: Values, folder: Path, text: str | None) -> tuple[str, bytes]:
    if values.get("file"):
        return str(values["file"]), _file(kind, key, str(values["file"]))
    if values.get("environment"):
        name = str(values["environment"])
        value = os.environ.get(name) if text is None else text
        if value is None:
            raise NotFoundError(f"{kind}.{key}: the variable {name} isn't set", hint="set it, or name a file: file:")
        # The engine reads it from here when it starts the container.
        os.environ[name] = value
        return f"{VARIABLE}{name}", value.encode("utf-8", "surrogateescape")
    if values.get("content") is not None:
        data = str(values["content"]).encode()
        place = folder / "contents" / f"{kind}-{key}"
        durable.private_folder(place.parent)
        if not place.is_file() or place.read_bytes() != data:
            durable.write_whole(place, data)
        return str(place), data
    raise UsageError(f"{kind}.{key} has no source", hint="file:, environment:, or, for a config, content:")


def _file(kind: str, key: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"{kind}.{key}: there is no {path}", hint="make it, or name another file") from None
    except IsADirectoryError:
        raise UsageError(
            f"{kind}.{key}: {path} is a folder", hint="name a file; folders are shown by volumes"
        ) from None
    if len(data) > MOST_BYTES:
        raise UsageError(f"{kind}.{key}: {path} has more than {MOST_BYTES} bytes", hint="show it by volumes")
    return data
