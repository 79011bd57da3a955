"""Which entry of a layout's or an archive's index a name means. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.image.oci import REF_NAME, Descriptor
from whit.packer.image.reference import parse_reference
from whit.packer.support.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def find_named(entries: tuple[Descriptor, ...], name: str, where: str) -> Descriptor:
    """The entry of a name, in whatever spelling; without one, the only image there is. Raises :class:`NotFoundError`."""
    if name:
        found = [entry for entry in entries if is_among([entry.annotation(REF_NAME) or ""], name)]
        found = found or [entry for entry in entries if entry.digest == name]
    else:
        # What tells of an image (SBOMs, signatures) is none.
        found = list({entry.digest: entry for entry in entries if entry.artifact_type is None}.values())
    if len({entry.digest for entry in found}) == 1:
        return found[0]
    names = [named for entry in entries if (named := entry.annotation(REF_NAME))]
    hint = f"name one of them: {', '.join(names)}" if names else None
    if not name and found:
        raise NotFoundError(f"{where} has more than one image", hint=hint)
    raise NotFoundError(f"{where} has no image{f' {name}' if name else ''}", hint=hint)


def is_among(names: Iterable[object], wanted: str) -> bool:
    """Whether a name is among others, in whatever spelling: a layout's may be a tag alone."""
    known = [str(name) for name in names]
    if wanted in known:
        return True
    try:
        reference = parse_reference(wanted)
    except UsageError:
        return False
    return any(_same(name, reference) for name in known)


def _same(name: str, reference: object) -> bool:
    try:
        return bool(name) and parse_reference(name) == reference
    except UsageError:
        return False
