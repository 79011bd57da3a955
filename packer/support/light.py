"""Dataclasses, enumerations and named tuples for what has to start in milliseconds.

Importing ``typing``, ``dataclasses`` and ``enum`` takes longer than all that ``whit-oci create`` does, and each frozen
slotted dataclass costs as much again as it is made. So the modules on that way import these names from here instead:

    from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass, replace

To type checkers they are the standard library's own. At run time they are the small makers below, which do what whit
uses of them and no more: dataclasses are frozen and slotted, begun by at most one other, defaults are values (no ``field``), enumerations have
plain values (no ``auto``). What asks for more (``dataclasses.fields``, ``asdict``) gets it: then the library is imported.
"""

from __future__ import annotations

__all__ = ["TYPE_CHECKING", "IntEnum", "NamedTuple", "StrEnum", "cache", "dataclass", "replace"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
    from enum import IntEnum, StrEnum
    from functools import cache
    from typing import NamedTuple
else:
    from _operator import itemgetter

    _OFTEN = 100
    """So many records of a class, and an ``__init__`` of its own is worth it."""

    class _LibraryFields:
        """``__dataclass_fields__`` for whoever wants it."""

        def __get__(self, _instance: object, owner: type) -> dict[str, object]:
            from dataclasses import field, make_dataclass  # noqa: PLC0415 - the very import that is to be spared

            rows = [
                (name, object, field(default=owner.__defaults__[name]))
                if name in owner.__defaults__
                else (name, object)
                for name in owner.__match_args__
            ]
            owner.__dataclass_fields__ = make_dataclass(owner.__name__, rows, frozen=True).__dataclass_fields__
            return owner.__dataclass_fields__

    class _Record:
        __slots__ = ()
        __match_args__ = ()
        __defaults__ = {}  # noqa: RUF012 - it stays empty
        __dataclass_fields__ = _LibraryFields()

        def __init__(self, *values: object, **named: object) -> None:
            names = self.__match_args__
            put = object.__setattr__
            _count(type(self))
            if len(values) > len(names):
                raise TypeError(f"{type(self).__name__} takes {len(names)} values, not {len(values)}")
            for name, value in zip(names, values, strict=False):
                put(self, name, value)
            for name in names[len(values) :]:
                if name in named:
                    put(self, name, named.pop(name))
                elif name in self.__defaults__:
                    put(self, name, self.__defaults__[name])
                else:
                    raise TypeError(f"{type(self).__name__} needs a value for {name}")
            if named:
                raise TypeError(f"{type(self).__name__} takes no {', '.join(named)}, or not twice")
            self.__post_init__()

        def __post_init__(self) -> None:
            """For those that check their values."""

        def _values(self) -> tuple[object, ...]:
            return tuple(getattr(self, name) for name in self.__match_args__)

        def __eq__(self, other: object) -> bool:
            if type(other) is not type(self):
                return NotImplemented
            return self._values() == other._values()

        def __hash__(self) -> int:
            return hash(self._values())

        def __repr__(self) -> str:
            pairs = (f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
            return f"{type(self).__name__}({', '.join(pairs)})"

        def __setattr__(self, name: str, _value: object) -> None:
            raise AttributeError(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"cannot delete field {name!r}")

        def __reduce__(self) -> tuple[type, tuple[object, ...]]:
            return type(self), self._values()

    def _count(made: type) -> None:
        """Who is made often gets an ``__init__`` with its own parameters, as the library makes it for all: that takes longer to make than a few records."""
        made.__made__ += 1
        if made.__made__ != _OFTEN:
            return
        names, defaults = made.__match_args__, made.__defaults__
        first = next((at for at, name in enumerate(names) if name in defaults), len(names))
        if not all(name in defaults for name in names[first:]):
            return
        head = ", ".join(f"{name}=defaults[{name!r}]" if name in defaults else name for name in names)
        lines = [" pass", *(f" put(self, {name!r}, {name})" for name in names)]
        if made.__post_init__ is not _Record.__post_init__:
            lines.append(" self.__post_init__()")
        place = {"put": object.__setattr__, "defaults": defaults}
        exec(f"def __init__(self, {head}):\n" + "\n".join(lines), place)  # noqa: S102 - names
        made.__init__ = place["__init__"]

    def dataclass(*, frozen: bool, slots: bool) -> object:
        """As ``dataclasses.dataclass`` with the same words; others aren't made here."""
        if not (frozen and slots):
            raise TypeError("whit.packer.support.light makes frozen and slotted dataclasses only")

        def make(plain: type) -> type:
            names = tuple(plain.__annotations__)
            bases = (_Record,) if plain.__bases__ == (object,) else plain.__bases__
            body = {
                name: value
                for name, value in plain.__dict__.items()
                if name not in names and name not in {"__dict__", "__weakref__"}
            }
            own = {name: plain.__dict__[name] for name in names if name in plain.__dict__}
            body["__defaults__"] = {**bases[0].__defaults__, **own}
            listed = (*bases[0].__match_args__, *names)
            return type(
                plain.__name__,
                bases,
                {**body, "__slots__": names, "__match_args__": listed, "__made__": 0, "__init__": _Record.__init__},
            )

        return make

    def replace(record: _Record, **changes: object) -> _Record:
        """As ``dataclasses.replace``."""
        values = {name: getattr(record, name) for name in record.__match_args__}
        values.update(changes)
        return type(record)(**values)

    class _EnumType(type):
        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> _EnumType:
            values = {
                key: body.pop(key) for key in list(body) if not key.startswith("_") and type(body[key]) in {int, str}
            }
            made = super().__new__(cls, name, bases, body)
            made._by_name = {}
            for key, value in values.items():
                member = bases[0].__new__(made, value)
                member.name, member.value = key, value
                made._by_name[key] = member
                setattr(made, key, member)
            made._by_value = {member.value: member for member in made._by_name.values()}
            return made

        def __call__(cls, value: object) -> object:
            if value not in cls._by_value:
                raise ValueError(f"{value!r} is not a valid {cls.__name__}")
            return cls._by_value[value]

        def __getitem__(cls, name: str) -> object:
            return cls._by_name[name]

        def __iter__(cls) -> object:
            return iter(cls._by_name.values())

        def __len__(cls) -> int:
            return len(cls._by_name)

        def __contains__(cls, value: object) -> bool:
            return value in cls._by_value

    class StrEnum(str, metaclass=_EnumType):  # noqa: SLOT000 - members have a name and a value
        """As ``enum.StrEnum``."""

        def __repr__(self) -> str:
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"

    class IntEnum(int, metaclass=_EnumType):
        """As ``enum.IntEnum``."""

        def __repr__(self) -> str:
            return f"<{type(self).__name__}.{self.name}: {self.value!r}>"

        def __str__(self) -> str:
            return int.__repr__(self)

    class _TupleType(type):
        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            if bases == (tuple,):
                return super().__new__(cls, name, bases, body)
            names = tuple(body["__annotations__"])
            defaults = tuple(body.pop(item) for item in names if item in body)
            listed = ", ".join(names)
            # One function with just these parameters, as the library makes it: thousands are made for a filter.
            create = eval(f"lambda cls, {listed}: new(cls, ({listed},))", {"new": tuple.__new__})  # noqa: S307 - names
            create.__defaults__ = defaults
            getters = {item: property(itemgetter(index)) for index, item in enumerate(names)}
            made = {**getters, "__slots__": (), "__new__": create, "_fields": names, "_replace": _replaced}
            return super().__new__(cls, name, (tuple,), {**body, **made})

    def _replaced(self: NamedTuple, **changes: object) -> NamedTuple:
        values = [changes.pop(name, value) for name, value in zip(self._fields, self, strict=True)]
        return type(self)(*values, **changes)

    class NamedTuple(tuple, metaclass=_TupleType):
        """As ``typing.NamedTuple``."""

        __slots__ = ()

    def cache(function: object) -> object:
        """As ``functools.cache``, for a function of one value."""
        known: dict[object, object] = {}

        def answer(value: object) -> object:
            if value not in known:
                known[value] = function(value)
            return known[value]

        return answer
