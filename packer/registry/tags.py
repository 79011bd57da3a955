"""A tag whose document several clients add to: a list of referrers, cosign's signatures. Nobody's entries are lost.

Who writes at the same time is noticed by the entity tag (RFC 9110, If-Match), or, where the registry knows none, by reading
again. Such a registry can still lose one of two that are written in the same instant.
"""

from __future__ import annotations

import contextlib

from whit.packer.registry.client import FORBIDDEN, NOT_FOUND, OK
from whit.packer.registry.model import ACCEPTED, AbsentError, RegistryError
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.registry.repository import Document, Repository

_TRIES = 5
_CONFLICT = 412


def tagged(repository: Repository, tag: str) -> tuple[Document | None, str | None]:
    """What a tag points to, and its entity tag where the registry has such; None where nothing is there."""
    answer = repository.registry.call(
        "HEAD",
        repository.path(f"manifests/{tag}"),
        repository.writes,
        {OK, NOT_FOUND, FORBIDDEN},
        headers={"Accept": ACCEPTED},
    )
    answer.close()
    if answer.status == OK:
        with contextlib.suppress(AbsentError):
            return repository.manifest(tag), answer.header("ETag")
    return None, None


def change(repository: Repository, tag: str, wanted: Callable[[Document | None], Document | None]) -> None:
    """Let a tag point to what ``wanted`` makes of what it points to, until that needs no change any more (None).

    Raises :class:`RegistryError`.
    """
    where = f"{repository.registry.domain}/{repository.name}:{tag}"
    for _ in range(_TRIES):
        there, entity = tagged(repository, tag)
        try:
            changed = wanted(there)
        except InvalidFileError as error:
            hint = "remove that tag: something else stands where referrers are listed"
            raise RegistryError(f"{where}: {error.message}", hint=hint) from None
        if changed is None:
            return
        try:
            repository.put_manifest(changed, tag, instead_of=entity)
        except RegistryError as error:
            if error.status != _CONFLICT:
                raise
    raise RegistryError(f"{where} is changed by somebody else all the time", hint="push again")
