"""What refers to an image: signatures, lists of its parts (distribution-spec 1.1, "Listing Referrers").

A registry that doesn't list them itself has an index of them under a tag made of the image's digest, which its clients keep
up to date ("Referrers Tag Schema").
"""

from __future__ import annotations

import contextlib

from whit.packer.image.oci import INDEX, MAX_DOCUMENT, Descriptor, Index, digest_of, parse_index, parse_manifest
from whit.packer.registry.client import OK
from whit.packer.registry.headers import media_type, next_page, resolved
from whit.packer.registry.model import AbsentError, RegistryError
from whit.packer.registry.repository import MOST_LISTED, Document
from whit.packer.registry.tags import change
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from whit.packer.registry.repository import Repository


def referrers(repository: Repository, digest: str) -> tuple[Descriptor, ...]:
    """What refers to a manifest; none where nothing does. Raises :class:`RegistryError`."""
    listed = _listed(repository, digest)
    return (_tagged(repository, digest) if listed is None else listed).manifests


def _listed(repository: Repository, digest: str) -> Index | None:
    """The registry's own list, all pages of it; None where it keeps none."""
    page: str | None = repository.path(f"referrers/{digest}")
    found: list[Descriptor] = []
    seen: set[str] = set()
    with contextlib.suppress(AbsentError):
        while page and page not in seen and len(found) < MOST_LISTED:
            seen.add(page)
            answer = repository.registry.call("GET", page, repository.reads, {OK}, headers={"Accept": INDEX})
            if media_type(answer.header("Content-Type")) != INDEX:
                answer.close()
                return None
            found += _index(answer.body(MAX_DOCUMENT), repository).manifests
            following = next_page(answer.header("Link"))
            page = resolved(repository.registry.url(page), following) if following else None
        return Index(tuple(found))
    return None


def note_referrer(repository: Repository, document: Document) -> None:
    """Put a manifest in the list of its subject's referrers, at a registry that doesn't do so itself."""
    manifest = parse_manifest(document.data)
    if manifest.subject is None or _listed(repository, manifest.subject.digest) is not None:
        return
    entry = Descriptor(
        document.descriptor.media_type,
        document.descriptor.digest,
        len(document.data),
        manifest.annotations,
        artifact_type=manifest.artifact_type or manifest.config.media_type,
    )

    def with_entry(there: Document | None) -> Document | None:
        known = parse_index(there.data) if there else Index()
        if any(one.digest == entry.digest for one in known.manifests):
            return None
        data = replace(known, manifests=(*known.manifests, entry)).to_json()
        return Document(Descriptor(INDEX, digest_of(data), len(data)), data)

    change(repository, _tag(manifest.subject.digest), with_entry)


def _tag(digest: str) -> str:
    return digest.replace(":", "-")


def _tagged(repository: Repository, digest: str) -> Index:
    try:
        return _index(repository.manifest(_tag(digest)).data, repository)
    except AbsentError:
        return Index()


def _index(data: bytes, repository: Repository) -> Index:
    try:
        return parse_index(data, f"{repository.registry.domain}/{repository.name}: referrers")
    except InvalidFileError as error:
        raise RegistryError(error.message) from None
