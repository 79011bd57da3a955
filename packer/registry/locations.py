"""What ``whit copy`` copies from and to, as words of a command line. Pure.

A plain reference is one of a registry: that is what is copied most often. The others say what they are.
"""

from __future__ import annotations

import re

from whit.packer.image.reference import Reference, parse_reference
from whit.packer.support.errors import UsageError
from whit.packer.support.light import StrEnum, dataclass


class Kind(StrEnum):
    """The words before the colon, skopeo's where it has the thing."""

    REGISTRY = "docker"
    STORE = "store"
    LAYOUT = "oci"
    OCI_ARCHIVE = "oci-archive"
    DOCKER_ARCHIVE = "docker-archive"


@dataclass(frozen=True, slots=True)
class Location:
    """A place. ``path`` is a folder's or a file's; ``name`` is as it was given, for those empty where there was none."""

    kind: Kind
    path: str = ""
    name: str = ""

    @property
    def reference(self) -> Reference:
        """The name as a reference. Raises :class:`UsageError`."""
        return parse_reference(self.name)


_NAMED = re.compile(r"(.*?)(?::([A-Za-z0-9_][^:]*(?::[0-9]+/[^:]*)?(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?))?")
_CONTROLS = re.compile(r"[\0-\x1f\x7f-\x9f]")
_FORMS = "NAME, store:NAME, oci:FOLDER[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME]"


def parse_location(text: str) -> Location:
    """A place. Raises :class:`UsageError` for what is none."""
    kind, colon, rest = text.partition(":")
    if kind == Kind.REGISTRY and rest.startswith("//"):
        return _named(Kind.REGISTRY, rest[2:], text)
    if kind == Kind.STORE and colon:
        return _named(Kind.STORE, rest, text)
    if colon and kind in {Kind.LAYOUT, Kind.OCI_ARCHIVE, Kind.DOCKER_ARCHIVE}:
        match = _NAMED.fullmatch(rest)
        path, name = (match[1], match[2] or "") if match else (rest, "")
        if _CONTROLS.search(rest):
            raise UsageError(f"{text[:200]!r} has control characters in it", hint=f"write {_FORMS}")
        if not path:
            raise UsageError(
                f"{text[:200]!r} names no {'folder' if kind == Kind.LAYOUT else 'file'}", hint=f"write {_FORMS}"
            )
        return Location(Kind(kind), path, name)
    if text.startswith(("/", "./", "../")):
        raise UsageError(f"{text[:200]!r} is a path, and it isn't said of what", hint=f"write {_FORMS}")
    return _named(Kind.REGISTRY, text, text)


def _named(kind: Kind, name: str, text: str) -> Location:
    try:
        parse_reference(name)
    except UsageError as error:
        raise UsageError(error.message, hint=error.hint or f"write {_FORMS}") from None
    if not name:
        raise UsageError(f"{text!r} names no image", hint=f"write {_FORMS}")
    return Location(kind, name=name)
