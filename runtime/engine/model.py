"""A container that is kept: what it is and what was asked for. Pure; docs/engine.md says what is on disk."""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from whit.packer.errors import InvalidFileError
from whit.runtime.engine.networks.model import PortMapping

SCHEMA = "whit-container/1"

NO_LIMIT = -1
"""As the time that a stop may take: the container is never killed."""


class Policy(StrEnum):
    """When a container is started again; in the order of the launcher's numbers."""

    NO = "no"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Restart:
    """The policy; ``most`` is how often after failures, 0 for ever."""

    policy: Policy = Policy.NO
    most: int = 0

    def __str__(self) -> str:
        return f"{self.policy.value}:{self.most}" if self.most else self.policy.value


class ProbeKind(StrEnum):
    """By what a container's health is told."""

    EXEC = "exec"
    TCP = "tcp"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Probe:
    """How a container's health is told; times in ns, docker's defaults. ``words`` are a program's in the container."""

    kind: ProbeKind
    words: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    port: int = 0
    path: str = "/"
    interval: int = 30_000_000_000
    timeout: int = 30_000_000_000
    start_period: int = 0
    start_interval: int = 5_000_000_000
    retries: int = 3


class LogDriver(StrEnum):
    """Where what the program writes goes: a file, or nowhere."""

    CRI = "cri"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """``max_size`` in bytes, 0 for no end; ``max_file`` files, the newest among them."""

    driver: LogDriver = LogDriver.CRI
    max_size: int = 0
    max_file: int = 1


class MountKind(StrEnum):
    """What is mounted."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount that a person asked for. ``source`` is a path of the host's; ``name`` a volume's.

    ``file_system`` is the type of what is mounted from ``source`` where that isn't bound.
    """

    kind: MountKind
    source: str
    target: str
    read_only: bool = False
    name: str = ""
    options: tuple[str, ...] = ()
    is_anonymous: bool = False
    file_system: str = ""


@dataclass(frozen=True, slots=True)
class Root:
    """The container's root: the image's unpacked files, the lock that keeps them, and whether it has a layer of its own."""

    rootfs: str
    lock: str
    is_writable: bool = False
    is_read_only: bool = True


@dataclass(frozen=True, slots=True)
class Container:
    """One container. ``created`` in ns since 1970; ``command`` is the program and its arguments as they are executed."""

    id: str
    name: str
    created: int
    image: str
    image_id: str
    image_digest: str
    command: tuple[str, ...]
    root: Root
    restart: Restart = field(default_factory=Restart)
    stop_signal: int = 15
    stop_seconds: int = 10
    interactive: bool = False
    terminal: bool = False
    remove: bool = False
    hostname: str = ""
    domainname: str = ""
    network: str = "none"
    aliases: tuple[str, ...] = ()
    address: str | None = None
    ports: tuple[PortMapping, ...] = ()
    exposed: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mounted, ...] = ()
    probe: Probe | None = None
    log: LogOptions = field(default_factory=LogOptions)

    @property
    def short_id(self) -> str:
        """The first 12 digits, as tables show it."""
        return self.id[:12]


def to_document(container: Container) -> dict[str, object]:
    """As JSON."""
    return {"schema": SCHEMA, **dataclasses.asdict(container)}


def from_document(document: object, where: str) -> Container:
    """The container that a document tells of. Raises :class:`InvalidFileError`."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InvalidFileError(f"{where} is no description of a container of this version of whit")
    try:
        return _record(Container, {name: value for name, value in document.items() if name != "schema"})
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidFileError(f"{where} is damaged: {error}", hint="remove the container: whit rm --force") from None


T = TypeVar("T")


def _record(kind: type[T], document: dict[str, Any]) -> T:
    hints = typing.get_type_hints(kind, localns={"PortMapping": PortMapping})
    return kind(**{name: _value(hints[name], value) for name, value in document.items()})


def _value(hint: Any, value: Any) -> Any:  # noqa: ANN401 - any field's
    """A field's value of the type that it is declared with."""
    if value is None and isinstance(hint, types.UnionType):
        return None
    if isinstance(hint, types.UnionType):
        hint = next(option for option in hint.__args__ if option is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        _check(list, value)
        options = typing.get_args(hint)
        if options[-1] is Ellipsis:
            return tuple(_value(options[0], item) for item in value)
        return tuple(_value(option, item) for option, item in zip(options, value, strict=True))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        _check(dict, value)
        return _record(hint, value)
    if isinstance(hint, type) and issubclass(hint, str) and hint is not str:
        return hint(value)
    _check(hint, value)
    return value


def _check(kind: type, value: object) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
