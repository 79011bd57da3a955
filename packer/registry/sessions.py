"""Uploads that were begun and may be gone on with, in this process or the next. docs/registry.md has the form.

    ROOT/cache/uploads/KEY.json      KEY is a hash of registry, repository and digest; KEY.lock is held by who sends

An address of an upload may hold a secret of the registry's: the folder and its files are their owner's alone.
"""

from __future__ import annotations

import contextlib
from hashlib import sha256

from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LIMIT = 64 << 10
SCHEMA = "whit-upload/1"


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload: where it goes on, and how many bytes the registry has said it has."""

    location: str
    offset: int


class Sessions:
    """The uploads of a store; of none where ``folder`` is None: then nothing outlives the process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def of(self, registry: str, repository: str, digest: str) -> Iterator[Session]:
        """One blob's upload. While another process has it, nothing is known of it and nothing kept."""
        key = sha256(f"{registry}\n{repository}\n{digest}".encode()).hexdigest()
        if self._folder is None:
            yield Session(None)
            return
        with contextlib.ExitStack() as stack:
            try:
                durable.private_folder(self._folder)
                got = stack.enter_context(durable.locked(self._folder / f"{key}.lock", exclusive=True, wait=False))
            except OSError:
                got = False
            yield Session(self._folder / f"{key}.json" if got else None)


@dataclass(frozen=True, slots=True)
class Session:
    """What is kept of one upload."""

    path: Path | None

    def recall(self) -> Begun | None:
        """The upload, if one was begun. A damaged record is none."""
        if self.path is None:
            return None
        try:
            doc = parse_object(self.path.read_bytes(), "upload", _LIMIT)
            if doc.text("schema") == SCHEMA:
                return Begun(doc.text("location"), doc.count("offset"))
        except (OSError, InvalidFileError):
            pass
        return None

    def keep(self, begun: Begun) -> None:
        """Remember where it goes on. A full disk is no reason not to send: then it begins anew the next time."""
        if self.path is not None:
            document = {"schema": SCHEMA, "location": begun.location, "offset": begun.offset}
            with contextlib.suppress(OSError):
                durable.write_whole(self.path, canonical_json(document))

    def forget(self) -> None:
        """It is done, or lost."""
        if self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
                self.path.with_suffix(".lock").unlink(missing_ok=True)
