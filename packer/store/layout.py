"""An OCI image layout on disk (image-spec, image-layout.md): blobs by digest, and the index that names them.

The store is one of these, and ``whit pack -o folder/`` writes into one. Blobs are immutable: they are written under a
temporary name, flushed and renamed to their digest. The index is only ever replaced as a whole, never written to,
so that its device, inode, size and mtime together tell whether anything has changed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os

from whit.packer.image.oci import MAX_DOCUMENT, Descriptor, Index, digest_of, parse_index
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.hashing import sha256_of_much
from whit.packer.support.jsondoc import canonical_json, parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO, Protocol

    class Follower(Protocol):
        """Does something with blobs while they are being written."""

        def begun(self, file: IO[bytes]) -> Following:
            """A blob is going to be written to a file, from its beginning on."""
            ...

    class Following(Protocol):
        """Follows one blob."""

        def grown(self, size: int) -> None:
            """So many bytes are in the file now: told every few MiB."""
            ...

        def ended(self, digest: str | None) -> None:
            """All is in the file; or there will be no such blob (None)."""
            ...


LAYOUT_FILE = "oci-layout"
LAYOUT_VERSION = "1.0.0"
REPACK = "remove the image (whit rmi) and pack or pull it again"
CHUNK = 1 << 20
"""Bytes read at once when a blob is read through."""

_FLUSH = 4 << 20
"""Bytes written before the disk is set to work on them."""


class BlobWriter:
    """Takes a blob's bytes; knows its digest and size when all are written. ``following`` is told how it grows."""

    def __init__(self, file: IO[bytes], following: Following | None = None) -> None:
        self.file = file
        self._following = following
        self.size = 0
        self._hash = sha256_of_much()
        self._flushed = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes. The disk is set to work early, so that there is little left to wait for at the end."""
        durable.write_all(self.file, data)
        self._hash.update(data)
        self.size += len(data)
        if self.size - self._flushed >= _FLUSH:
            durable.begin_writing(self.file, self._flushed, self.size - self._flushed)
            self._flushed = self.size
            if self._following:
                self._following.grown(self.size)

    def take_up(self) -> None:
        """Read what the file holds already, as if it had just been written."""
        self.restart(keep=True)
        while chunk := self.file.read(CHUNK):
            self._hash.update(chunk)
            self.size += len(chunk)
        self._flushed = self.size

    def restart(self, *, keep: bool = False) -> None:
        """Begin anew, with an empty file unless it is to be kept."""
        self.file.seek(0)
        if not keep:
            self.file.truncate()
        self._hash, self.size, self._flushed = sha256_of_much(), 0, 0

    @property
    def digest(self) -> str:
        """The digest of what has been written."""
        return f"sha256:{self._hash.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout's folder. ``private`` layouts (the store's) are readable by their owner only.

    ``follower`` is told of each blob that is going to be written.
    """

    folder: Path
    private: bool = True
    follower: Follower | None = None

    @property
    def index_path(self) -> Path:
        """The file whose replacement tells that something has changed."""
        return self.folder / "index.json"

    @property
    def blob_folder(self) -> Path:
        """Where blobs are, each named by its hex digest."""
        return self.folder / "blobs" / "sha256"

    def blob_path(self, digest: str) -> Path:
        """Where a blob is, or would be."""
        return self.blob_folder / digest.removeprefix("sha256:")

    def create(self) -> None:
        """Make the layout's files where they are missing. An existing one is left as it is."""
        mode = 0o700 if self.private else 0o777
        for folder in (self.folder, self.folder / "blobs", self.blob_folder):
            folder.mkdir(mode=mode, exist_ok=True)
        version = self.folder / LAYOUT_FILE
        if not version.exists():
            document = canonical_json({"imageLayoutVersion": LAYOUT_VERSION})
            durable.write_whole(version, document, private=self.private)

    def check_version(self) -> None:
        """Refuse a folder that isn't a layout that whit can read. Raises :class:`StoreError`."""
        try:
            data = _bounded(self.folder / LAYOUT_FILE)
            version = parse_object(data, LAYOUT_FILE, MAX_DOCUMENT).text("imageLayoutVersion")
        except FileNotFoundError:
            what = f"it has no {LAYOUT_FILE}" if self.folder.is_dir() else "there is no such folder"
            raise StoreError(f"{self.folder} is not an OCI image layout: {what}") from None
        except OSError as error:
            what = (error.strerror or str(error)).lower()
            raise StoreError(f"{self.folder} is not an OCI image layout: {what}") from None
        except InvalidFileError as error:
            raise StoreError(f"{self.folder} is not an OCI image layout: {error}") from None
        if version != LAYOUT_VERSION:
            raise StoreError(f"{self.folder} is an image layout of version {version}; whit reads {LAYOUT_VERSION}")

    def index(self) -> Index:
        """The layout's index; empty where there is none yet. Raises :class:`StoreError` when it is damaged."""
        return self._read_index()[0]

    def _read_index(self) -> tuple[Index, dict[str, object]]:
        try:
            data = _bounded(self.index_path)
        except FileNotFoundError:
            return Index(), {}
        try:
            return parse_index(data, str(self.index_path)), json.loads(data)
        except InvalidFileError as error:
            hint = f"put a copy of {self.index_path} back: without it nobody knows which images there are"
            raise StoreError(error.message, hint=hint) from None

    def edit_index(self, change: Callable[[tuple[Descriptor, ...]], tuple[Descriptor, ...]]) -> bool:
        """Replace the index by one with other descriptors; several processes may do so at once.

        Members that whit doesn't know stay as they are. Returns whether anything changed; if not, nothing is written.
        """
        with self._index_lock():
            self.settle()
            index, document = self._read_index()
            manifests = change(index.manifests)
            if manifests == index.manifests and document:
                return False
            known = document.get("manifests")
            originals = dict(zip(index.manifests, known, strict=True)) if isinstance(known, list) else {}
            document = document or json.loads(Index().to_json())
            document["manifests"] = [originals.get(item) or item.document() for item in manifests]
            data = canonical_json(document)
            if len(data) > MAX_DOCUMENT:
                raise StoreError(
                    f"{self.index_path} can't hold {len(manifests)} names: it would be larger than {MAX_DOCUMENT} bytes",
                    hint="whit rmi takes names away",
                )
            durable.write_whole(self.index_path, data, private=self.private)
            return True

    @contextlib.contextmanager
    def _index_lock(self) -> Iterator[None]:
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def has(self, descriptor: Descriptor) -> bool:
        """Whether a blob of that digest and size is there; its bytes are checked when they are read."""
        try:
            return self.blob_path(descriptor.digest).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def read(self, descriptor: Descriptor) -> bytes:
        """A document's bytes, digest checked. Raises :class:`StoreError` when it is missing or damaged."""
        if descriptor.size > MAX_DOCUMENT:
            raise StoreError(f"{descriptor.digest} has {descriptor.size} bytes; documents have at most {MAX_DOCUMENT}")
        path = self.blob_path(descriptor.digest)
        try:
            data = _bounded(path)
        except FileNotFoundError:
            raise StoreError(f"blob {descriptor.digest} is missing from {self.folder}", hint=REPACK) from None
        if digest_of(data) != descriptor.digest:
            raise StoreError(f"blob {path} is damaged: its bytes are not those of its digest", hint=REPACK)
        return data

    def chunks(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A blob's bytes in pieces; a wrong digest or size is raised after the last (:class:`StoreError`)."""
        path = self.blob_path(descriptor.digest)
        hashed, size = sha256_of_much(), 0
        try:
            with path.open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    yield chunk
        except FileNotFoundError:
            raise StoreError(f"blob {descriptor.digest} is missing from {self.folder}", hint=REPACK) from None
        if f"sha256:{hashed.hexdigest()}" != descriptor.digest or size != descriptor.size:
            raise StoreError(f"blob {path} is damaged: its bytes are not those of its digest", hint=REPACK)

    def check(self, descriptor: Descriptor) -> None:
        """Read a blob through. Raises :class:`StoreError` when it is missing or damaged."""
        for _ in self.chunks(descriptor):
            pass

    def put(self, data: bytes, media_type: str) -> Descriptor:
        """Store a document. One that is there already, whole, isn't written again. It lasts as :meth:`settle` says."""
        digest = digest_of(data)
        path = self.blob_path(digest)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size == len(data) and path.read_bytes() == data:
                return Descriptor(media_type, digest, len(data))
        durable.write_whole(path, data, private=self.private, settles=False)
        return Descriptor(media_type, digest, len(data))

    @contextlib.contextmanager
    def new_blob(self) -> Iterator[BlobWriter]:
        """A blob to write; when the block ends well it is there under its digest, else nothing has changed.

        It lasts as :meth:`settle` says.
        """
        with durable.temporary_file(self.blob_folder, private=self.private) as (file, path):
            following = self.follower.begun(file) if self.follower else None
            writer, digest = BlobWriter(file, following), None
            try:
                yield writer
                digest = writer.digest
            finally:
                if following:
                    following.ended(digest)
            os.fsync(file.fileno())
            path.replace(self.blob_path(digest))

    def adopt(self, file: IO[bytes], path: Path, digest: str) -> None:
        """Make a file of the same file system, whose digest has been checked, the blob. It lasts as :meth:`settle` says."""
        os.fsync(file.fileno())
        path.replace(self.blob_path(digest))

    def settle(self) -> None:
        """Make the names of all blobs last; their bytes do already. Once for many, before anything leads to them: the index sees to it itself."""
        durable.sync_folder(self.blob_folder)


def _bounded(path: Path) -> bytes:
    """A document's bytes, and one more than one may have where there are too many."""
    with path.open("rb", buffering=0) as file:
        return file.read(MAX_DOCUMENT + 1) or b""
