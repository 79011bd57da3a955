"""Files by HTTP: fetched once, kept, and asked for anew only where the server has another by now.

    ROOT/build/downloads/KEY.json   what a server has said of a URL (``whit-download/1``): entity tag, time, digest
    ROOT/build/downloads/HEX        the bytes with that SHA-256

As BuildKit does it (source/http/source.go): by entity tag; a URL whose checksum is known isn't asked for at all where a
file with it is there. Redirects are followed as registries' are: never to what is nearer than the place that was named.
"""

from __future__ import annotations

import base64
import contextlib
import os
from email.utils import parsedate_to_datetime
from hashlib import new, sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlunsplit

from whit.packer.registry.client import Tries
from whit.packer.registry.model import BrokenError, Endpoint, RegistryError, UnencryptedError
from whit.packer.registry.retry import RETRIED
from whit.packer.registry.transport import Call, Transport
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import dataclass
from whit.packer.support.urls import split_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whit.packer.registry.transport import Answer

LARGEST = 16 << 30
"""Bytes of one file."""

NOT_MODIFIED = 304
_MOST_RECORD = 64 << 10
_SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is there. ``digest`` is its SHA-256, ``modified`` the server's time for it, in seconds since 1970."""

    path: Path
    digest: str
    modified: int
    etag: str = ""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size


class Downloads:
    """The files that are kept in a folder; ``secrets`` are the build's."""

    def __init__(self, folder: Path, secrets: Mapping[str, bytes]) -> None:
        self._folder = folder
        self._secrets = secrets
        self._transport = Transport()

    def fetch(self, url: str, checksum: str = "") -> Download:
        """Have a file, as its server has it now. Raises :class:`WhitError`, also for another checksum than this."""
        split_url(url)
        durable.private_folder(self._folder)
        record = self._folder / f"{sha256(url.encode()).hexdigest()}.json"
        known = self._known(record)
        if known and known.digest == checksum:
            return known
        tries = Tries(reads=True)
        while True:
            try:
                return self._fetched(url, checksum, record, known)
            except BrokenError as error:
                try:
                    tries.failed(error)
                except RegistryError as last:
                    raise _told(url, last) from None
            except RegistryError as error:
                raise _told(url, error) from None

    def _known(self, record: Path) -> Download | None:
        """What was fetched from there before."""
        try:
            doc = parse_object(record.read_bytes(), record.name, _MOST_RECORD)
            digest = doc.text("digest")
            path = self._folder / digest.removeprefix("sha256:")
            os.utime(path)
            os.utime(record)
            return Download(path, digest, doc.count_or_none("modified") or 0, doc.free_text("etag"))
        except (OSError, InvalidFileError):
            return None

    def _fetched(self, url: str, checksum: str, record: Path, known: Download | None) -> Download:
        answer = self._asked(url, known.etag if known else "")
        is_same = answer.status == NOT_MODIFIED or _tag(answer) == (known.etag if known and known.etag else None)
        if known and is_same:
            answer.close()
            _check(url, known.path, known.digest, checksum)
            return known
        if answer.status not in _SUCCESS:
            status = answer.status
            answer.close()
            if status in RETRIED:
                raise BrokenError(f"{shown(url)}: the server answers {status}", status=status)
            raise RegistryError(
                f"{shown(url)}: the server answers {status}", hint="is the address right?", status=status
            )
        found = self._written(url, checksum, answer)
        document = {"schema": "whit-download/1", "digest": found.digest, "modified": found.modified, "etag": found.etag}
        durable.write_whole(record, canonical_json(document))
        return found

    def _asked(self, url: str, etag: str) -> Answer:
        parts = split_url(url)
        authority = parts.netloc.rpartition("@")[2]
        address = urlunsplit((parts.scheme, authority, parts.path or "/", parts.query, ""))
        endpoint = Endpoint(authority, f"{parts.scheme}://{authority}")
        headers = {"If-None-Match": etag} if etag else {}
        call = Call("GET", address, headers, authorization=self._authorization(url), secret_for=endpoint.url)
        return self._transport.send(call, endpoint)

    def _authorization(self, url: str) -> str | None:
        """By secrets whose names BuildKit has chosen, or as the address itself says."""
        parts = split_url(url)
        host = parts.hostname or ""
        for name, prefix in ((f"HTTP_AUTH_HEADER_{host}", ""), (f"HTTP_AUTH_TOKEN_{host}", "Bearer ")):
            if name in self._secrets:
                return prefix + self._secrets[name].decode("latin-1").strip()
        if parts.username is None:
            return None
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _written(self, url: str, checksum: str, answer: Answer) -> Download:
        hashed, size = sha256(), 0
        if (answer.announced() or 0) > LARGEST:
            answer.close()
            raise RegistryError(f"{shown(url)} has more than {LARGEST >> 30} GiB")
        with (
            durable.store_errors(f"write to {self._folder}"),
            durable.temporary_file(self._folder, private=True) as made,
        ):
            file, path = made
            try:
                for chunk in answer.chunks():
                    durable.write_all(file, chunk)
                    hashed.update(chunk)
                    size += len(chunk)
                    if size > LARGEST:
                        raise RegistryError(f"{shown(url)} has more than {LARGEST >> 30} GiB")
            finally:
                answer.close()
            digest = f"sha256:{hashed.hexdigest()}"
            _check(url, path, digest, checksum)
            os.fsync(file.fileno())
            path.replace(self._folder / hashed.hexdigest())
        return Download(self._folder / hashed.hexdigest(), digest, _modified(answer), _tag(answer) or "")


def shown(url: str) -> str:
    """An address without what may be secret in it."""
    parts = split_url(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:300]


def _tag(answer: Answer) -> str | None:
    """The entity tag, weak ones as if they were strong: BuildKit too takes them for the file's name."""
    value = (answer.header("ETag") or "")[: _MOST_RECORD // 2]
    return value.removeprefix("W/") or None


def _modified(answer: Answer) -> int:
    with contextlib.suppress(ValueError, OverflowError):
        return max(0, int(parsedate_to_datetime(answer.header("Last-Modified") or "").timestamp()))
    return 0


def _check(url: str, path: Path, digest: str, checksum: str) -> None:
    """Refuse other bytes than those that were named. Raises :class:`InvalidFileError`."""
    if not checksum:
        return
    found, algorithm = digest, checksum.partition(":")[0]
    if algorithm != "sha256":
        hashed = new(algorithm)
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashed.update(chunk)
        found = f"{algorithm}:{hashed.hexdigest()}"
    if found != checksum:
        raise InvalidFileError(
            f"digest mismatch for {shown(url)}: {found} (expected: {checksum})",
            hint="the file is another one by now, or the checksum isn't this file's",
        )


def _told(url: str, error: RegistryError) -> WhitError:
    """What goes wrong, in words that fit a file: what registries are told by options isn't here."""
    hint = error.hint
    if isinstance(error, UnencryptedError):
        hint = "write http:// where that is meant"
    elif hint and "--insecure" in hint:
        hint = hint.replace(", or use --insecure", "") if ", or use" in hint else "write http:// where that is meant"
    elif hint and "registry" in hint:
        hint = None if "isn't in it" not in hint else "whit goes there only where the address itself is in it"
    message = error.message if shown(url) in error.message else f"{shown(url)}: {error.message}"
    return WhitError(message, hint=hint)
