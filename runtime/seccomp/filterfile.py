"""A file of ``--security-opt seccomp=FILE``, as docker and podman read them → ``linux.seccomp`` of an OCI configuration. Pure.

Such a file is that member itself, and may say more: rules for some architectures, kernels and capabilities alone (``includes``,
``excludes``), and the architectures that belong together (``archMap``). Source: moby's profiles/seccomp (seccomp.go, setupSeccomp).
"""

from __future__ import annotations

import re

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import parse_object
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.seccomp.oci import ARCHITECTURE_NAMES, from_oci

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whit.packer.support.jsondoc import Doc

    Document = dict[str, object]

LARGEST = 1 << 20
"""Bytes of a file; docker's own has some 15,000."""

BUILTIN = "builtin"
"""docker's word for an engine's default filter."""

_RULE = ("names", "action", "errnoRet", "args")
_WHOLE = ("defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata")
_HINT = "as docker and podman have them: https://docs.docker.com/engine/security/seccomp; whit syscalls --profile docker FILE writes one"
_ROOT = "linux.seccomp."


@dataclass(frozen=True, slots=True)
class System:
    """What conditions are about: the architecture in OCI's words, and the kernel's release."""

    architecture: str
    release: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry of ``syscalls``, and the capabilities that it takes, or is there without."""

    entry: Document
    takes: frozenset[str]
    without: frozenset[str]


@dataclass(frozen=True, slots=True)
class FilterFile:
    """What it says for one system, but for the capabilities."""

    whole: Document
    rules: tuple[_Rule, ...]

    def for_rights(self, bounding: Iterable[str]) -> Document:
        """``linux.seccomp`` for a container with these capabilities in its bounding set."""
        rights = frozenset(bounding)
        entries = [rule.entry for rule in self.rules if rule.takes <= rights and not rule.without & rights]
        return {**self.whole, "syscalls": entries}


def read_filter(data: bytes, what: str, system: System) -> FilterFile:
    """Out of a file's bytes; ``what`` names it in errors. Raises :class:`InvalidFileError`."""
    try:
        doc = parse_object(data, what, LARGEST)
        made = FilterFile(_whole(doc, system), tuple(_rules(doc, system)))
        from_oci({**made.whole, "syscalls": [rule.entry for rule in made.rules]}, system.architecture)
    except InvalidFileError as error:
        text = error.message.replace(_ROOT, "", 1)
        raise InvalidFileError(text if text.startswith(what) else f"{what}: {text}", hint=_HINT) from None
    return made


def _whole(doc: Doc, system: System) -> Document:
    whole = {key: doc.member(key) for key in _WHOLE if doc.member(key) is not None}
    families = doc.docs("archMap")
    if families and whole.get("architectures"):
        raise InvalidFileError("there are architectures and an archMap: only one of them is taken")
    for family in families:
        name = family.text("architecture")
        if ARCHITECTURE_NAMES.get(name) == system.architecture:
            whole["architectures"] = [name, *family.texts("subArchitectures")]
            break
    return whole


def _rules(doc: Doc, system: System) -> Iterator[_Rule]:
    for one in doc.docs("syscalls"):
        takes, without = one.doc_or_none("includes"), one.doc_or_none("excludes")
        if takes is not None and not all(_met(takes, system)):
            continue
        if without is not None and any(_met(without, system)):
            continue
        entry = {key: one.member(key) for key in _RULE if one.member(key) is not None}
        name = one.text_or_none("name")
        if name is not None:
            if entry.get("names"):
                raise InvalidFileError("a rule has a name and names: only one of them is taken")
            entry["names"] = [name]
        yield _Rule(entry, _capabilities(takes), _capabilities(without))


def _met(conditions: Doc, system: System) -> Iterator[bool]:
    """Whether each condition that is named holds, but for capabilities."""
    architectures, least = conditions.texts("arches"), conditions.text_or_none("minKernel")
    if architectures:
        yield system.architecture in architectures
    if least is not None:
        yield _version(system.release) >= _version(least)


def _capabilities(conditions: Doc | None) -> frozenset[str]:
    return frozenset() if conditions is None else frozenset(conditions.texts("caps"))


def _version(text: str) -> tuple[int, int]:
    found = re.match(r"([0-9]{1,9})\.([0-9]{1,9})", text, re.ASCII)
    if found is None:
        raise InvalidFileError(f"minKernel: '{text[:60]}' is no kernel's version")
    return int(found[1]), int(found[2])
