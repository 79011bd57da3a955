"""``RUN --mount=…``. Pure.

Docker's Dockerfile reference, "RUN --mount"; as BuildKit reads it (instructions/commands_runmount.go): values are
expanded when the instruction's turn comes, but for ``from``, which says what is built before.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from whit.packer.buildfile.dockerfile.problems import Fault, did_you_mean
from whit.packer.buildfile.dockerfile.text import truth
from whit.packer.support.light import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

Chosen = TypeVar("Chosen", bound=StrEnum)

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_SIZE = re.compile(r"(?P<number>[0-9]*\.?[0-9]*) ?(?P<unit>|b|[kmgtp](?:i?b)?)", re.IGNORECASE | re.ASCII)
_UNITS = {unit: 1024**power for power, unit in enumerate("bkmgtp")}
_LARGEST = (1 << 63) - 1
_KEYS = (
    *("type", "from", "source", "target", "readonly", "id", "sharing", "required", "size", "mode", "uid", "gid"),
    *("src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_SWITCHES = ("readonly", "readwrite", "required")


class MountKind(StrEnum):
    """What is mounted."""

    BIND = "bind"
    CACHE = "cache"
    TMPFS = "tmpfs"
    SECRET = "secret"  # noqa: S105 - a word
    SSH = "ssh"


class Sharing(StrEnum):
    """How builds that run at once share a cache."""

    SHARED = "shared"
    PRIVATE = "private"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Mount:
    """One of them. ``size`` is in bytes, 0 for no limit; ``id`` names a cache, a secret or an agent.

    ``env`` is the variable that a secret goes into, None for a file; mode, user and group are None where not given.
    """

    kind: MountKind = MountKind.BIND
    origin: str = ""
    source: str = ""
    target: str = ""
    is_readonly: bool = True
    size: int = 0
    id: str = ""
    sharing: Sharing | None = None
    is_required: bool = False
    env: str | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None


def source_of(text: str) -> str:
    """The ``from`` of a mount that is still unexpanded, or the empty text. Raises Fault."""
    found = ""
    for field in _fields(text):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from":
            if "$" in value[:-1]:
                raise Fault(
                    "from= takes no variables in RUN --mount",
                    "give the image a stage: ARG before FROM, FROM $IMAGE AS NAME",
                )
            found = value
    return found


def read_mount(text: str, expand: Callable[[str], str]) -> Mount:
    """One mount, its values expanded. Raises Fault."""
    reader = _Reader()
    for field in _fields(text):
        key, equals, value = field.partition("=")
        key = key.lower()
        if not equals:
            if _ALIASES.get(key, key) not in _SWITCHES:
                raise Fault(f"'{field}' in --mount={text} isn't NAME=VALUE", did_you_mean(key, _KEYS))
            reader.take(_ALIASES.get(key, key), "true", field)
            continue
        reader.take(_ALIASES.get(key, key), expand(value), field)
    return _checked(reader.mount())


def _fields(text: str) -> list[str]:
    """Comma-separated, quoted as in CSV (RFC 4180)."""
    text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    if not text:
        raise Fault("--mount is empty", "as in --mount=type=cache,target=/root/.cache")
    fields, at = [], 0
    while True:
        if text.startswith('"', at):
            quoted = _QUOTED.match(text, at)
            if quoted is None or text[quoted.end() : quoted.end() + 1] not in ("", ","):
                raise Fault(f"a quote in --mount={text} has no end, or something right behind it")
            fields.append(quoted[1].replace('""', '"'))
            at = quoted.end()
        else:
            end = text.find(",", at)
            field = text[at:] if end < 0 else text[at:end]
            if '"' in field:
                raise Fault(f"a quote in the middle of '{field}' in --mount={text}", 'quote all of it: "target=/a,b"')
            fields.append(field)
            at += len(field)
        if at >= len(text):
            return fields
        at += 1


class _Reader:
    """What has been said of a mount so far: what a key may say depends on the type that was given before it."""

    def __init__(self) -> None:
        self._kind = MountKind.BIND
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._readonly: bool | None = None
        self._sharing: Sharing | None = None
        self._required = False

    def take(self, key: str, value: str, field: str) -> None:
        """One field. Raises Fault."""
        if key == "type":
            self._kind = _chosen(MountKind, value, "mount type")
        elif key == "sharing":
            self._sharing = _chosen(Sharing, value, "way of sharing")
        elif key in _SWITCHES:
            self._switch(key, value)
        elif key in ("size", "mode", "uid", "gid"):
            self._numbers[key] = self._number(key, value)
        elif key in ("from", "source", "target", "id", "env"):
            self._texts[key] = value
        else:
            raise Fault(f"unknown key '{key}' in '{field}'", did_you_mean(key, _KEYS) or f"one of {', '.join(_KEYS)}")

    def _switch(self, key: str, value: str) -> None:
        if key == "required":
            self._only_for(key, MountKind.SECRET, MountKind.SSH)
        found = truth(value)
        if found is None:
            raise Fault(f"{key}={value} is neither true nor false")
        if key == "required":
            self._required = found
        else:
            self._readonly = found == (key == "readonly")

    def _number(self, key: str, value: str) -> int:
        if key == "size":
            self._only_for(key, MountKind.TMPFS)
            return _bytes(value)
        base = 8 if key == "mode" else 10
        if not value.isascii() or not value.isdigit() or (base == 8 and set(value) & {"8", "9"}):  # noqa: PLR2004
            raise Fault(f"{key}={value} is no {'octal ' if key == 'mode' else ''}number")
        number = int(value[:40], base)
        if number >= 1 << 32:
            raise Fault(f"{key}={value} is too large")
        return number

    def _only_for(self, key: str, *kinds: MountKind) -> None:
        if self._kind not in kinds:
            raise Fault(
                f"'{key}' isn't for a mount of type {self._kind}", f"give type={kinds[0]} before it, or leave it out"
            )

    def mount(self) -> Mount:
        """All of it."""
        usual = self._kind not in (MountKind.CACHE, MountKind.TMPFS)
        texts = self._texts
        return Mount(
            kind=self._kind,
            origin=texts.get("from", ""),
            source=texts.get("source", ""),
            target=texts.get("target", ""),
            is_readonly=usual if self._readonly is None else self._readonly,
            size=self._numbers.get("size", 0),
            id=texts.get("id", ""),
            sharing=self._sharing,
            is_required=self._required,
            env=texts.get("env"),
            mode=self._numbers.get("mode"),
            uid=self._numbers.get("uid"),
            gid=self._numbers.get("gid"),
        )


def _chosen(kinds: type[Chosen], value: str, what: str) -> Chosen:
    try:
        return kinds(value.lower())
    except ValueError:
        raise Fault(f"unknown {what} '{value}'", did_you_mean(value, kinds) or f"one of {', '.join(kinds)}") from None


def _bytes(text: str) -> int:
    """A size as docker/go-units reads it: ``64m``, ``1.5GiB``."""
    match = _SIZE.fullmatch(text[:64])
    if match is None or not any(char.isdigit() for char in match["number"]):
        raise Fault(f"size={text} is no size", "as in 64m, 1g")
    size = float(match["number"]) * _UNITS[(match["unit"] or "b")[0].lower()]
    if size > _LARGEST:
        raise Fault(f"size={text} is too large")
    return int(size)


def _checked(mount: Mount) -> Mount:
    """What doesn't go together. Raises Fault."""
    if mount.kind in (MountKind.BIND, MountKind.TMPFS):
        for name, value in (("mode", mount.mode), ("uid", mount.uid), ("gid", mount.gid)):
            if value is not None:
                raise Fault(f"'{name}' isn't for a mount of type {mount.kind}")
    if mount.kind is MountKind.SECRET:
        _check_secret(mount)
    if mount.sharing and mount.kind is not MountKind.CACHE:
        raise Fault(f"'sharing' isn't for a mount of type {mount.kind}")
    return mount


def _check_secret(mount: Mount) -> None:
    if mount.origin:
        raise Fault("'from' isn't for a secret")
    if not (mount.source or mount.target or mount.id):
        raise Fault("a secret without id, source and target", "as in --mount=type=secret,id=token")
    if mount.source and mount.id:
        raise Fault("a secret with both 'id' and 'source': they are the same")
