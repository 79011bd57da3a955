"""Reading containers' folders: cheap to import, because every command does it, and without pathlib, because a listing does it of all."""

from __future__ import annotations

import os

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.support.lightjson import load
from whit.packer.support.shortid import short_id
from whit.runtime.engine.documents import from_document
from whit.runtime.engine.status import State, Status, read_status
from whit.runtime.oci.frozen import is_frozen
from whit.runtime.oci.records import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.engine.model import Container

FOLDER, RECORDS = "containers", "oci"
"""Below the store's root: containers' folders, and what whit-oci keeps of those that run."""

DOCUMENT = "container.json"
ID_DIGITS = 64
DIGITS = "0123456789abcdef"
_REMOVE = "remove the container: whit rm --force {}"


def is_id(text: str) -> bool:
    """Whether it is a whole ID."""
    return len(text) == ID_DIGITS and not text.strip(DIGITS)


def ids(root: str) -> tuple[str, ...]:
    """All containers' IDs in a store."""
    try:
        return tuple(name for name in os.listdir(f"{root}/{FOLDER}") if is_id(name))  # noqa: PTH208 - names alone
    except FileNotFoundError:
        return ()


def read_container(root: str, container_id: str) -> Container:
    """A container by its whole ID. Raises FileNotFoundError or :class:`InvalidFileError`."""
    path = f"{root}/{FOLDER}/{container_id}/{DOCUMENT}"
    try:
        document = load(read_regular(path))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError, RecursionError):
        raise InvalidFileError(f"{path} is damaged", hint=_REMOVE.format(short_id(container_id))) from None
    container = from_document(document, path)
    if container.id != container_id:
        raise InvalidFileError(f"{path} is another container's", hint=_REMOVE.format(short_id(container_id)))
    return container


def read_some(root: str, container_ids: Iterable[str]) -> list[Container]:
    """These, the newest first. One that is removed just then isn't among them; a damaged one isn't either."""
    found = []
    for container_id in container_ids:
        try:
            found.append(read_container(root, container_id))
        except (FileNotFoundError, NotADirectoryError, InvalidFileError):
            continue
    return sorted(found, key=lambda container: container.created, reverse=True)


def status_of(root: str, container_id: str) -> Status:
    """What has become of it, now."""
    status = read_status(f"{root}/{FOLDER}/{container_id}")
    if status.state is State.RUNNING and is_frozen(f"{root}/{RECORDS}/{container_id}"):
        return replace(status, state=State.PAUSED)
    return status
