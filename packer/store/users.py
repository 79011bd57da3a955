"""Which containers need which image: of each, what docs/store.md says of ``containers/``. Read from there, and never written."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from whit.packer.image.reference import hex_id
from whit.packer.support.errors import InvalidFileError, UsageError
from whit.packer.support.light import dataclass
from whit.packer.support.locks import is_locked
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.store.store import StoredImage

_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class User:
    """A container, and its image's digest and ID."""

    id: str
    name: str
    digest: str
    image_id: str
    is_running: bool


def users(root: Path) -> tuple[User, ...]:
    """All containers of a store. Raises :class:`InvalidFileError` where one can't be read: what it needs isn't known then."""
    folder = root / "containers"
    try:
        names = [name for name in os.listdir(folder) if _ID.fullmatch(name)]  # noqa: PTH208 - names alone
    except FileNotFoundError:
        return ()
    found = (_read(folder / name) for name in sorted(names))
    return tuple(user for user in found if user)


def _read(place: Path) -> User | None:
    path = place / "container.json"
    try:
        document = json.loads(path.read_bytes())
        known = {name: str(document[name]) for name in ("id", "name", "image_digest", "image_id")}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        raise InvalidFileError(
            f"{path} is damaged", hint=f"remove the container: whit rm --force {short_id(place.name)}"
        ) from None
    running = is_locked(place / "lock")
    return User(known["id"], known["name"], known["image_digest"], known["image_id"], running)


def check_unused(text: str, image: StoredImage, names: int, known: Iterable[User], *, force: bool) -> None:
    """Refuse to remove an image that a container needs, in docker's words; ``names`` is how many it has.

    One of several names may always go; by ``force`` all that no running container needs. Raises :class:`UsageError`.
    """
    using = sorted((user for user in known if user.digest == image.digest), key=lambda user: not user.is_running)
    by_id = hex_id(text) is not None and image.image_id.removeprefix("sha256:").startswith(hex_id(text) or "")
    if not using or (not by_id and names > 1):
        return
    user, short = using[0], short_id(image.image_id)
    hint = f"remove the container first: whit rm {user.name}"
    if by_id and user.is_running:
        message = f"unable to delete {short} (cannot be forced): it is being used by running container {user.name} ({short_id(user.id)})"
        raise UsageError(message, hint=f"{hint} --force", exit_code=1)
    if force:
        return
    message = (
        f"unable to delete {short} (must be forced): it is being used by stopped container {user.name} ({short_id(user.id)})"
        if by_id
        else f"unable to remove '{text}' (must be forced): container {user.name} ({short_id(user.id)}) is using its image {short}"
    )
    raise UsageError(
        message, hint=f"{hint}; or take the name away by --force: the container keeps its files", exit_code=1
    )
