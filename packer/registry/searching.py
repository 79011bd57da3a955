"""Finding repositories: by ``/v1/search`` where a registry has it, as Hub does, else by the catalog's names.

The catalog and ``/v1/search`` aren't part of the distribution specification: docker's own registry has the first, Hub the second.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from whit.packer.image.oci import MAX_DOCUMENT
from whit.packer.image.reference import DEFAULT_DOMAIN
from whit.packer.registry.challenge import CATALOG
from whit.packer.registry.client import NOT_FOUND, OK, Registry
from whit.packer.registry.headers import media_type
from whit.packer.registry.model import AbsentError, RegistryError
from whit.packer.registry.repository import listed, quoted
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import Doc, parse_object
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.registry.registries import Registries

_HUB_SEARCH = "https://index.docker.io/v1/search"


@dataclass(frozen=True, slots=True)
class Hit:
    """A repository that was found."""

    name: str
    description: str = ""
    stars: int = 0
    is_official: bool = False


def search(registries: Registries, domain: str, term: str, limit: int) -> tuple[Hit, ...]:
    """At most ``limit`` repositories, the registry's order kept. Raises :class:`RegistryError` where it has no list."""
    registry = registries.registry(domain)
    query = f"?q={quoted(term)}&n={limit}"
    path = _HUB_SEARCH + query if domain == DEFAULT_DOMAIN else f"/v1/search{query}"
    answer = registry.call("GET", path, frozenset(), {OK, NOT_FOUND, 400, 405})
    if answer.status == OK and media_type(answer.header("Content-Type")) in {"application/json", "text/json"}:
        return _hits(answer.body(MAX_DOCUMENT), domain)[:limit]
    answer.close()
    return tuple(_of_catalog(registry, domain, term, limit))


def _hits(data: bytes, domain: str) -> tuple[Hit, ...]:
    try:
        results = parse_object(data, f"{domain}'s search", MAX_DOCUMENT).docs("results")
        return tuple(_hit(result, domain) for result in results)
    except InvalidFileError as error:
        raise RegistryError(error.message) from None


def _hit(doc: Doc, domain: str) -> Hit:
    name = doc.text("name")
    shown = name if domain == DEFAULT_DOMAIN or name.startswith(f"{domain}/") else f"{domain}/{name}"
    text = "".join(char for char in " ".join(doc.free_text("description").split()) if char.isprintable())
    return Hit(shown, text, doc.count_or_none("star_count") or 0, doc.flag("is_official"))


def _of_catalog(registry: Registry, domain: str, term: str, limit: int) -> Iterator[Hit]:
    """Names that hold the term. Of each, how many tags it has, in the description's place."""
    count = 0
    scopes = frozenset({CATALOG})
    try:
        for name in listed(registry, "/v2/_catalog?n=1000", "repositories", scopes):
            if term.lower() in name:
                yield Hit(f"{domain}/{name}")
                count += 1
                if count >= limit:
                    return
    except AbsentError as error:
        raise RegistryError(
            f"{domain} can't be searched: it has neither /v1/search nor a catalog", status=error.status
        ) from None


def tags_of(registries: Registries, hit: Hit) -> tuple[str, ...]:
    """A repository's tags; none where they aren't ours to see."""
    from whit.packer.image.reference import parse_reference  # noqa: PLC0415

    with contextlib.suppress(RegistryError):
        return tuple(registries.repository(parse_reference(hit.name)).tags())
    return ()
