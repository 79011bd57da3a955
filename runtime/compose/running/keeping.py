"""What files mean, kept from one command to the next: the model and YAML's library take longer than all the rest of a short command.

What is kept counts as long as each file that was read has the same bytes, each that wasn't there still isn't, and each word in any of them that is
the name of a variable has the same value: a file can ask for no other. Mistakes and warnings aren't kept, nor what comes from standard input. Below
``cache/compose/`` of the store, for its owner alone; at most :data:`MOST` files, the oldest go first.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from hashlib import sha256
from pathlib import Path

from whit.packer.support import durable
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.compose.finding import StandardInput, Wishes, current, find, load_found, name_of, profiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.finding import Found
    from whit.runtime.compose.model import Canonical, Place

MOST, MOST_BYTES, MOST_TEXT = 64, 1 << 20, 1 << 18
"""Projects that are kept, bytes of one, and of the files of one."""

_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_PARTS = ("secrets", "configs")


@dataclass(frozen=True, slots=True)
class Kept:
    """As :class:`~whit.runtime.compose.model.Canonical`, as far as commands need it; ``whole`` loads all of it, for the place of something."""

    name: str
    configuration: dict[str, Any]
    disabled: dict[str, Any]
    contents: Mapping[tuple[str, str], str]
    directory: str
    files: tuple[str, ...]
    whole: Callable[[], Canonical]
    warnings: tuple[str, ...] = ()

    def place(self, *path: str | int) -> Place | None:
        """Where a value stands."""
        return self.whole().place(*path)


class _Reading:
    """Files, and what was in each; None for what couldn't be read."""

    def __init__(self) -> None:
        self._read = StandardInput()
        self.seen: dict[str, bytes | None] = {}

    def __call__(self, path: str) -> str:
        """A file's text."""
        self.seen.setdefault(path, None)
        text = self._read(path)
        self.seen[path] = text.encode()
        return text


def load_kept(chosen: Chosen, root: Path) -> Canonical | Kept:
    """The project that the command line means, by what is kept of it in the store at ``root``, or by its files. Raises as loading does."""
    reading = _Reading()
    found = find(chosen, os.environ, current(), StandardInput())
    place = root / "cache" / "compose" / f"{_key(chosen, found)}.json"

    def whole() -> Canonical:
        return load_found(chosen, found, Wishes(), StandardInput())

    kept = _kept(place, found, whole)
    if kept is not None:
        return kept
    canonical = load_found(chosen, found, Wishes(), reading)
    if not canonical.warnings and "-" not in found.files:
        _keep(place, canonical, reading.seen, found.environment)
    return canonical


def _key(chosen: Chosen, found: Found) -> str:
    """All that the meaning depends on but the files and the variables in them; the model's own files are a part of that."""
    folder = Path(__file__).parent.parent / "model"
    stamps = [
        max(entry.stat().st_mtime_ns for entry in os.scandir(at) if entry.name.endswith(".py"))
        for at in (folder, folder / "keys")
    ]
    known = found.environment.get("HOME"), name_of(chosen, found), profiles_of(chosen, found)
    return sha256(json.dumps([stamps, found.files, found.directory, known]).encode()).hexdigest()


def _variables(texts: list[bytes], environment: Mapping[str, str]) -> str:
    """A digest of the variables whose names stand in texts."""
    words = {word.decode() for text in texts for word in _WORD.findall(text)}
    # A service's environment may take over a name that no ${…} could say.
    odd = (name for name in environment if not (name.isascii() and name.isidentifier()))
    named = sorted((name, environment[name]) for name in {*odd, *(words & environment.keys())})
    return sha256(json.dumps(named).encode()).hexdigest()


def _kept(place: Path, found: Found, whole: Callable[[], Canonical]) -> Kept | None:
    try:
        with open(place, "rb") as file:  # noqa: PTH123 - half the time of a Path's
            document = json.loads(file.read(2 * MOST_BYTES))
        texts = []
        for path, digest in document["read"].items():
            text = _bytes(path)
            if (None if text is None else sha256(text).hexdigest()) != digest:
                return None
            texts.append(text or b"")
        if _variables(texts, found.environment) != document["variables"]:
            return None
        configuration = document["configuration"]
        contents = _contents(configuration, found.environment)
        return Kept(
            document["name"], configuration, document["disabled"], contents, found.directory, found.files, whole
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _bytes(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read(MOST_TEXT + 1)
    except OSError:
        return None


def _contents(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """What is in secrets and configs that are a variable: that is kept nowhere."""
    return {
        (part, key): environment[values["environment"]]
        for part in _PARTS
        for key, values in configuration.get(part, {}).items()
        if (values or {}).get("environment") in environment
    }


def _keep(place: Path, canonical: Canonical, seen: Mapping[str, bytes | None], environment: Mapping[str, str]) -> None:
    texts = [text for text in seen.values() if text is not None]
    if sum(map(len, texts)) > MOST_TEXT or canonical.contents != _contents(canonical.configuration, environment):
        return
    document = {
        "name": canonical.name,
        "read": {path: None if text is None else sha256(text).hexdigest() for path, text in seen.items()},
        "variables": _variables(texts, environment),
        "configuration": canonical.configuration,
        "disabled": canonical.disabled,
    }
    with contextlib.suppress(OSError, StoreError, ValueError, TypeError):
        data = json.dumps(document).encode()
        # What JSON can't tell as it is, such as names that are numbers, is worked out each time.
        if len(data) > MOST_BYTES or json.loads(data) != document:
            return
        for folder in (place.parent.parent.parent, place.parent.parent, place.parent):
            durable.private_folder(folder)
        durable.write_record(place, data)
        _prune(place.parent)


def _prune(folder: Path) -> None:
    entries = sorted((entry for entry in os.scandir(folder)), key=lambda entry: entry.stat().st_mtime_ns)
    for entry in entries[:-MOST]:
        os.unlink(entry.path)  # noqa: PTH108 - an entry's
