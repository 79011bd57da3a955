"""A container's description ↔ JSON (``container.json``, schema ``whit-container/1``). Pure."""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, cache
from whit.runtime.engine import model
from whit.runtime.engine.model import Container
from whit.runtime.engine.networks.model import Joining, PortMapping, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[object], object]

SCHEMA = "whit-container/1"


def to_document(container: Container) -> dict[str, object]:
    """As JSON."""
    return {"schema": SCHEMA, **_plain(container)}


def _plain(record: object) -> dict[str, object]:
    return {name: _value(getattr(record, name)) for name in _names(type(record))}


def _names(kind: type) -> tuple[str, ...]:
    names: tuple[str, ...] = kind.__match_args__  # type: ignore[attr-defined]  # every dataclass has it
    return names


def _value(value: object) -> object:
    if isinstance(value, StrEnum):
        return str.__str__(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return _plain(value) if hasattr(value, "__match_args__") else value


def _plainly(kind: type) -> Reader:
    def read(value: object) -> object:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        return value

    return read


def _number(value: object) -> object:
    """One that the kernel's own numbers have room for, times in ns among them."""
    if type(value) is not int or not -(1 << 63) <= value < 1 << 63:
        raise TypeError(f"{str(value)[:40]} is no number of 64 bits")
    return value


def _many(item: Reader) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is no list")
        return tuple(map(item, value))

    return read


def _or_none(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _pair_of(kind: type) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list) or [type(item) for item in value] != [kind, kind]:
            raise TypeError(f"{value!r} is no pair of {kind.__name__}")
        return tuple(value)

    return read


def _record(kind: type) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise TypeError(f"{value!r} is no {kind.__name__}")
        readers = _readers_of(kind)
        return kind(**{name: readers[name](item) for name, item in value.items()})

    return read


_READERS: dict[str, Reader] = {
    "str": _plainly(str),
    "int": _number,
    "bool": _plainly(bool),
    "str | None": _or_none(_plainly(str)),
    "tuple[str, ...]": _many(_plainly(str)),
    "tuple[tuple[str, str], ...]": _many(_pair_of(str)),
    "tuple[tuple[int, int], ...]": _many(_pair_of(int)),
    "Policy": lambda value: model.Policy(str(value)),
    "ProbeKind": lambda value: model.ProbeKind(str(value)),
    "LogDriver": lambda value: model.LogDriver(str(value)),
    "MountKind": lambda value: model.MountKind(str(value)),
    "Protocol": lambda value: Protocol(str(value)),
    **{kind.__name__: _record(kind) for kind in (model.Restart, model.Root, model.LogOptions)},
    "Probe | None": _or_none(_record(model.Probe)),
    "Users | None": _or_none(_record(model.Users)),
    "tuple[Mounted, ...]": _many(_record(model.Mounted)),
    "tuple[Secret, ...]": _many(_record(model.Secret)),
    "tuple[Joining, ...]": _many(_record(Joining)),
    "tuple[PortMapping, ...]": _many(_record(PortMapping)),
}
"""By what a field is declared as."""


@cache
def _readers_of(kind: type) -> Mapping[str, Reader]:
    """By the fields' names."""
    hints: Mapping[str, str] = kind.__annotations__
    return {name: _READERS[hint] for name, hint in hints.items()}


def from_document(document: object, where: str) -> Container:
    """The container that a document tells of. Raises :class:`InvalidFileError`."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InvalidFileError(f"{where} is no description of a container of this version of whit")
    try:
        found = _record(Container)({name: value for name, value in document.items() if name != "schema"})
    except (TypeError, ValueError, KeyError, RecursionError) as error:
        raise InvalidFileError(f"{where} is damaged: {error}", hint="remove the container: whit rm --force") from None
    assert isinstance(found, Container)  # noqa: S101 - for the type checker
    return found
