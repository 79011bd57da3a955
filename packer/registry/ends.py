"""Where images come from and go to: a layout or the store, and a repository, in the same words.

A *source* gives documents and blobs, a *target* takes them: blobs first, then the documents that point to them.
"""

from __future__ import annotations

import contextlib
import os

from whit.packer.registry.fetching import fetch_into
from whit.packer.registry.model import RegistryError
from whit.packer.registry.repository import Document, Repository
from whit.packer.registry.sending import Outcome, Placed, send_blob
from whit.packer.store.layout import CHUNK, REPACK
from whit.packer.support import durable
from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Protocol

    from whit.packer.image.oci import Descriptor
    from whit.packer.registry.ahead import Ahead
    from whit.packer.registry.sending import Readable
    from whit.packer.registry.sessions import Sessions
    from whit.packer.store.layout import Layout

    class Source(Readable, Protocol):
        """Gives an image."""

        def root(self) -> Document:
            """What its name points to."""
            ...

        def document(self, descriptor: Descriptor) -> Document:
            """A document that another points to."""
            ...

    class Target(Protocol):
        """Takes an image."""

        def is_there(self, root: Document) -> bool:
            """Whether its name points to that already, with all that belongs to it."""
            ...

        def put_blob(self, blob: Descriptor, source: Readable, moved: Callable[[int], None]) -> Placed:
            """Have a blob."""
            ...

        def put_document(self, document: Document, *, is_root: bool) -> None:
            """Have a document whose blobs are there; the root gets the name."""
            ...


class LayoutSource:
    """A manifest of a layout, the store's or another."""

    def __init__(self, layout: Layout, descriptor: Descriptor) -> None:
        self.layout, self._descriptor = layout, descriptor

    def root(self) -> Document:
        """The document."""
        return self.document(self._descriptor)

    def document(self, descriptor: Descriptor) -> Document:
        """Any document."""
        return Document(descriptor, self.layout.read(descriptor))

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes | memoryview]:
        """Bytes of its file; their digest is checked by who sends them."""
        try:
            with self.layout.blob_path(blob.digest).open("rb", buffering=0) as file:
                os.lseek(file.fileno(), start, os.SEEK_SET)
                while chunk := file.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise StoreError(f"blob {blob.digest} is missing from {self.layout.folder}", hint=REPACK) from None


class LayoutTarget:
    """A layout to write into; ``name`` lets its names point to the root. ``partial`` keeps what isn't whole yet."""

    def __init__(
        self,
        layout: Layout,
        name: Callable[[Descriptor], object],
        partial: Path | None,
        *,
        is_named: Callable[[Descriptor], bool],
    ) -> None:
        self.layout, self._name, self._partial, self._is_named = layout, name, partial, is_named

    def is_there(self, root: Document) -> bool:
        """Whether the index names it so."""
        return self._is_named(root.descriptor)

    def put_blob(self, blob: Descriptor, source: Readable, moved: Callable[[int], None]) -> Placed:
        """Fetch it, unless it is there."""
        if self.layout.has(blob):
            return Placed(Outcome.THERE)
        with durable.store_errors(f"write to {self.layout.folder}"):
            fetch_into(self.layout, blob, source, self._partial, moved)
        return Placed(Outcome.SENT)

    def put_document(self, document: Document, *, is_root: bool) -> None:
        """Write it, and name it."""
        with durable.store_errors(f"write to {self.layout.folder}"):
            self.layout.put(document.data, document.descriptor.media_type)
        if is_root:
            self._name(document.descriptor)


class RepositorySource:
    """A tag or digest of a repository."""

    def __init__(self, repository: Repository, reference: str) -> None:
        self.repository, self._reference = repository, reference

    def root(self) -> Document:
        """What the tag points to."""
        return self.repository.manifest(self._reference)

    def document(self, descriptor: Descriptor) -> Document:
        """Any document, by its digest."""
        found = self.repository.manifest(descriptor.digest, descriptor)
        return Document(descriptor, found.data)

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes | memoryview]:
        """Its bytes, whatever breaks on the way."""
        return self.repository.blob(blob, start)


class MirroredSource:
    """The same repository at several places: the first that has the image gives it, the last has the final word."""

    def __init__(self, sources: tuple[RepositorySource, ...]) -> None:
        self._sources = sources
        self._chosen = sources[-1]

    @property
    def repository(self) -> Repository:
        """Whose image it is."""
        return self._sources[-1].repository

    def root(self) -> Document:
        """Of the first place that answers."""
        for source in self._sources[:-1]:
            with contextlib.suppress(RegistryError):
                root = source.root()
                self._chosen = source
                return root
        return self._sources[-1].root()

    def document(self, descriptor: Descriptor) -> Document:
        """Of the place that was chosen."""
        return self._chosen.document(descriptor)

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes | memoryview]:
        """Of the place that was chosen, or, where that fails, of the registry itself."""
        at = start
        if self._chosen is not self._sources[-1]:
            try:
                for chunk in self._chosen.blob(blob, start):
                    at += len(chunk)
                    yield chunk
            except RegistryError:
                self._chosen = self._sources[-1]
            else:
                return
        yield from self._sources[-1].blob(blob, at)


class RepositoryTarget:
    """A tag of a repository; ``others`` says which repositories of the same registry may have a blob, ``ahead`` what is on its way."""

    def __init__(
        self,
        repository: Repository,
        reference: str | None,
        sessions: Sessions,
        others: Callable[[Descriptor], tuple[str, ...]] = lambda _: (),
        ahead: Ahead | None = None,
    ) -> None:
        self._ahead = ahead
        self.repository, self._reference, self._sessions, self._others = repository, reference, sessions, others

    def is_there(self, root: Document) -> bool:
        """Whether the tag points to it: a registry has no manifest without its blobs."""
        found = self.repository.head(self._reference or root.descriptor.digest)
        return found is not None and found.digest == root.descriptor.digest

    def put_blob(self, blob: Descriptor, source: Readable, moved: Callable[[int], None]) -> Placed:
        """Found, mounted or sent."""
        registry, name = self.repository.registry.endpoint.url, self.repository.name
        with self._sessions.of(registry, name, blob.digest) as session:
            early = self._ahead.of(blob.digest) if self._ahead else None
            return send_blob(self.repository, blob, source, session, moved, self._others(blob), early)

    def put_document(self, document: Document, *, is_root: bool) -> None:
        """Under its digest, the root under its tag."""
        if not is_root and self.repository.head(document.descriptor.digest):
            return
        self.repository.put_manifest(document, self._reference if is_root else None)
