"""One repository of a registry: manifests, blobs, tags, referrers (distribution-spec 1.1). Every byte is checked."""

from __future__ import annotations

from urllib.parse import quote

from whit.packer.image.oci import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    MAX_DOCUMENT,
    Descriptor,
    digest_of,
)
from whit.packer.registry.challenge import Scope, pulling, pushing
from whit.packer.registry.client import (
    ACCEPTED as TAKEN,
)
from whit.packer.registry.client import (
    CREATED,
    FORBIDDEN,
    NOT_FOUND,
    OK,
    PARTIAL,
    UNSATISFIABLE,
    Registry,
    Tries,
)
from whit.packer.registry.headers import media_type, next_page, parse_content_range, resolved
from whit.packer.registry.model import ACCEPTED, AbsentError, BrokenError, RegistryError, SlowError
from whit.packer.registry.transport import CHUNK, Body
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.registry.transport import Answer

_KINDS = frozenset({MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX})
_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+"
_DIGEST = "Docker-Content-Digest"
_SUBJECT = "OCI-Subject"
_SLOW = 2
"""Connections over which hardly anything may come before that is the registry, or the way to it."""
MOST_LISTED = 100_000
"""Names of a list that are read."""


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index: its bytes as they are, and what points to them."""

    descriptor: Descriptor
    data: bytes


class Repository:
    """A repository under its name at one endpoint. May be asked by several threads at once."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry = registry
        self.name = name
        self.reads: frozenset[Scope] = frozenset({pulling(name)})
        self.writes: frozenset[Scope] = frozenset({pushing(name)})

    def path(self, rest: str) -> str:
        """A path below the repository."""
        return f"/v2/{self.name}/{rest}"

    # Manifests

    def head(self, reference: str) -> Descriptor | None:
        """What a tag or digest points to, if the registry says so; None where it isn't there.

        403 is no difference: some registries answer so to what isn't there yet.
        """
        expected = {OK, NOT_FOUND, FORBIDDEN}
        path = self.path(f"manifests/{reference}")
        answer = self.registry.call("HEAD", path, self.writes, expected, headers={"Accept": ACCEPTED})
        answer.close()
        if answer.status != OK:
            return None
        digest, size = answer.header(_DIGEST) or "", answer.header("Content-Length") or ""
        if not digest.startswith("sha256:") or not size.isdigit():
            return None
        return Descriptor(media_type(answer.header("Content-Type")), digest, int(size))

    def manifest(self, reference: str, wanted: Descriptor | None = None) -> Document:
        """A manifest or an index by tag or digest, its digest checked.

        Raises :class:`AbsentError`, :class:`RegistryError` for what is something else.
        """
        tries = Tries(reads=True)
        while True:
            try:
                return self._manifest(reference, wanted)
            except BrokenError as error:
                tries.failed(error)

    def _manifest(self, reference: str, wanted: Descriptor | None) -> Document:
        path = self.path(f"manifests/{reference}")
        where = f"{self.registry.domain}/{self.name}"
        try:
            answer = self.registry.call("GET", path, self.reads, {OK}, headers={"Accept": ACCEPTED})
        except AbsentError as error:
            sign = "@" if ":" in reference else ":"
            message = f"there is no image {where}{sign}{reference}"
            raise AbsentError(message, status=error.status, code=error.code) from None
        kind = media_type(answer.header("Content-Type"))
        named = answer.header(_DIGEST) or ""
        data = answer.body(MAX_DOCUMENT)
        if kind.startswith(_SCHEMA1):
            raise RegistryError(f"{where} is an image of docker's schema 1, which nobody writes any more")
        if kind == "text/html":
            raise RegistryError(f"{where}: a web page, not a manifest", hint="is that a registry's address?")
        digest = digest_of(data)
        expected = (reference if reference.startswith("sha256:") else named) or digest
        if expected.startswith("sha256:") and digest != expected:
            # Most often a connection's fault: what is asked for again is whole.
            raise BrokenError(f"{where}: the manifest is not what its digest {expected} says")
        if wanted and wanted.size != len(data):
            raise RegistryError(f"{where}: the manifest {digest} has {len(data)} bytes, not {wanted.size}")
        return Document(Descriptor(self._kind(kind, data, where), digest, len(data)), data)

    def _kind(self, kind: str, data: bytes, where: str) -> str:
        """The media type, by the document itself where the header says something else."""
        if kind in _KINDS:
            return kind
        try:
            inside = parse_object(data, where, MAX_DOCUMENT).text_or_none("mediaType")
        except InvalidFileError as error:
            raise RegistryError(f"{error.message}: not a manifest", hint="is that a registry's address?") from None
        if inside not in _KINDS:
            raise RegistryError(f"{where}: a document of type {kind or 'unknown'!r}, not an image's manifest")
        return inside

    def put_manifest(self, document: Document, reference: str | None = None, *, instead_of: str | None = None) -> None:
        """Store a manifest under a tag, or under its digest alone. What it points to must be there.

        ``instead_of`` is the entity tag of what may be replaced: where the registry knows such, anything else is an
        error (412).
        """
        data, kind = document.data, document.descriptor.media_type
        path = self.path(f"manifests/{reference or document.descriptor.digest}")
        answer = self.registry.call(
            "PUT", path, self.writes, {CREATED, OK, TAKEN},
            headers={"Content-Type": kind, **({"If-Match": instead_of} if instead_of else {})},
            body=Body(len(data), lambda: (data,)),
        )  # fmt: skip
        answer.close()
        if kind == MANIFEST and b'"subject"' in data and not answer.header(_SUBJECT):
            from whit.packer.registry.referrers import note_referrer  # noqa: PLC0415 - it asks repositories itself

            note_referrer(self, document)
        named = answer.header(_DIGEST) or document.descriptor.digest
        if named.startswith("sha256:") and named != document.descriptor.digest:
            raise RegistryError(
                f"{self.registry.domain}/{self.name} keeps {named} for {document.descriptor.digest}: it changed the manifest"
            )

    # Blobs

    def has_blob(self, blob: Descriptor) -> bool:
        """Whether a blob is there."""
        answer = self.registry.call("HEAD", self.path(f"blobs/{blob.digest}"), self.writes, {OK, NOT_FOUND})
        answer.close()
        size = answer.header("Content-Length") or ""
        return answer.status == OK and (not size.isdigit() or int(size) in {blob.size, 0})

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes | memoryview]:
        """A blob's bytes from ``start`` on: where a connection breaks, the next goes on from there.

        The sizes are checked here, the digest is the caller's to check. Raises :class:`RegistryError`.
        """
        tries, at, slow = Tries(reads=True), start, 0
        while at < blob.size:
            try:
                for chunk in self._blob_part(blob, at):
                    at += len(chunk)
                    if at > blob.size:
                        message = f"{self._where(blob)} has more than {blob.size} bytes"
                        raise RegistryError(message)
                    yield chunk
                    tries.got_on()
            except BrokenError as error:
                slow += isinstance(error, SlowError)
                if slow == _SLOW:
                    hint = "try again later: a pull goes on with what has come"
                    raise RegistryError(error.message, hint=hint) from None
                tries.failed(error)
            else:
                if at < blob.size:
                    tries.failed(BrokenError(f"{self._where(blob)} ends after {at} of {blob.size} bytes"))

    def _where(self, blob: Descriptor) -> str:
        return f"{self.registry.domain}/{self.name}: blob {blob.digest}"

    def _blob_part(self, blob: Descriptor, start: int) -> Iterator[bytes | memoryview]:
        headers = {"Range": f"bytes={start}-{blob.size - 1}"} if start else {}
        answer = self.registry.call(
            "GET", self.path(f"blobs/{blob.digest}"), self.reads, {OK, PARTIAL, UNSATISFIABLE}, headers=headers
        )
        if media_type(answer.header("Content-Type")) == "text/html":
            answer.close()
            raise RegistryError(f"{self._where(blob)}: a web page", hint="is there a proxy on the way?")
        if (answer.announced() or 0) > blob.size:
            answer.close()
            raise RegistryError(f"{self._where(blob)} has more than {blob.size} bytes")
        yield from _from(answer, blob, start)

    # Lists

    def tags(self) -> Iterator[str]:
        """All tags, in the registry's order."""
        yield from listed(self.registry, self.path("tags/list"), "tags", self.reads)


def _from(answer: Answer, blob: Descriptor, start: int) -> Iterator[bytes | memoryview]:
    """An answer's bytes, beginning with that at ``start`` whatever part of the blob it holds.

    Raises :class:`BrokenError` for a part that nobody has asked for: the next try may give another.
    """
    if answer.status == UNSATISFIABLE:
        answer.close()
        raise BrokenError(f"blob {blob.digest}: the registry says that it has no more than {start} bytes")
    begins = 0
    if answer.status == PARTIAL:
        part = parse_content_range(answer.header("Content-Range"))
        if part is None or part.first > start or part.size not in {None, blob.size}:
            answer.close()
            raise BrokenError(f"blob {blob.digest}: the registry sends another part than bytes from {start}")
        begins = part.first
    passed = start - begins
    for chunk in answer.chunks(CHUNK):
        if passed >= len(chunk):
            passed -= len(chunk)
            continue
        yield chunk[passed:] if passed else chunk
        passed = 0


def listed(registry: Registry, path: str, key: str, scopes: frozenset[Scope]) -> Iterator[str]:
    """The names of a list in pages (distribution-spec 1.1, "Listing Tags"). Raises :class:`RegistryError`."""
    seen: set[str] = set()
    count = 0
    page: str | None = path
    while page and page not in seen:
        seen.add(page)
        answer = registry.call("GET", page, scopes, {OK})
        data = answer.body(MAX_DOCUMENT)
        try:
            names = parse_object(data, f"{registry.domain}: {key}", MAX_DOCUMENT).texts(key)
        except InvalidFileError as error:
            raise RegistryError(error.message, hint="is that a registry's address?") from None
        for name in names:
            count += 1
            if count > MOST_LISTED or not name.isprintable():
                raise RegistryError(f"{registry.domain} lists more than {MOST_LISTED} {key}, or what can't be a name")
            yield name
        following = next_page(answer.header("Link"))
        page = resolved(registry.url(page), following) if following else None


def quoted(name: str) -> str:
    """A name in a query."""
    return quote(name, safe="")
