"""Reading JSON objects member by member, strictly: every error names the member's path. Pure.

``null`` counts as absent, as the specification's own Go types read it. A number is a whole number of JSON, never a
text, a boolean or a fraction. Text holds no NUL, because the kernel ends every text there, and no half of a pair of
surrogates: JSON can write one (RFC 8259, 8.2), and it is no character, so that UTF-8 has no bytes for it.
"""

from __future__ import annotations

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar("T")

U16, U32, U64 = (1 << 16) - 1, (1 << 32) - 1, (1 << 64) - 1
I32, I64 = (1 << 31) - 1, (1 << 63) - 1

HINT = "correct it: see the OCI runtime specification"


def matches(pattern: str, value: str) -> bool:
    """Whether the whole text is of the pattern."""
    import re  # noqa: PLC0415 - milliseconds, and few configurations hold what needs it

    return re.fullmatch(pattern, value) is not None


def wrong(where: str, found: object, wanted: str) -> InvalidFileError:
    """The error for a member that isn't what it must be."""
    text = repr(found)
    if len(text) > 60:  # noqa: PLR2004 - more isn't read
        text = text[:57] + "…"
    return InvalidFileError(f"{where}: {text} is not {wanted}", hint=HINT)


def refused(where: str, why: str, hint: str = "leave it out") -> UnsupportedError:
    """The error for a member that is right and that can't be honoured here."""
    return UnsupportedError(f"{where} isn't supported: {why}", hint=hint)


def text(value: object, where: str) -> str:
    """A text without NUL and lone surrogates."""
    if not isinstance(value, str):
        raise wrong(where, value, "text")
    if "\0" in value:
        raise wrong(where, value, "text that the kernel can take: it holds a NUL")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise wrong(where, value, "text that the kernel can take: it holds a lone surrogate") from None
    return value


def number(value: object, where: str, least: int, most: int) -> int:
    """A whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise wrong(where, value, f"a whole number from {least} to {most}")
    return value


class Fields:
    """One object of the document; ``where`` is its path, empty for the whole. What is passed over goes to ``warnings``."""

    __slots__ = ("_known", "document", "warnings", "where")

    def __init__(self, value: object, where: str, warnings: list[str]) -> None:
        if not isinstance(value, dict):
            raise wrong(where or "config.json", value, "an object")
        self.document: Mapping[str, object] = value
        self.where = where
        self.warnings = warnings
        self._known: set[str] = set()

    def path(self, name: str) -> str:
        """The path of a member."""
        return f"{self.where}.{name}" if self.where else name

    def take(self, name: str) -> object:
        """The member's value as it stands; None where there is none."""
        self._known.add(name)
        return self.document.get(name)

    def need(self, name: str) -> object:
        """The value of a member that the specification requires."""
        value = self.take(name)
        if value is None:
            raise InvalidFileError(f"{self.path(name)} is missing", hint=HINT)
        return value

    def text(self, name: str, default: str = "") -> str:
        """A text; ``default`` where there is none."""
        value = self.take(name)
        return default if value is None else text(value, self.path(name))

    def needed_text(self, name: str) -> str:
        """A text that must be there and not be empty."""
        value = text(self.need(name), self.path(name))
        if not value:
            raise wrong(self.path(name), value, "text with something in it")
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        return self.choice(name) or False

    def choice(self, name: str) -> bool | None:
        """True, false, or None where there is none."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise wrong(self.path(name), value, "true or false")
        return value

    def number(self, name: str, least: int, most: int) -> int | None:
        """A whole number within bounds; None where there is none."""
        value = self.take(name)
        return None if value is None else number(value, self.path(name), least, most)

    def needed_number(self, name: str, least: int, most: int) -> int:
        """A whole number that must be there."""
        return number(self.need(name), self.path(name), least, most)

    def word(self, name: str, words: Sequence[str], *, needed: bool = False) -> str:
        """One of ``words``; empty where there is none."""
        value = self.need(name) if needed else self.take(name)
        if value is None or (value == "" and not needed):
            return ""
        if value not in words:
            raise wrong(self.path(name), value, f"one of {', '.join(words)}")
        return str(value)

    def items(self, name: str) -> list[tuple[object, str]]:
        """A list's values, each with its path; empty where there is none."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong(self.path(name), value, "a list")
        return [(item, f"{self.path(name)}[{index}]") for index, item in enumerate(value)]

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(text(item, where) for item, where in self.items(name))

    def numbers(self, name: str, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers."""
        return tuple(number(item, where, least, most) for item, where in self.items(name))

    def each(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """A list of objects."""
        return tuple(self._read(item, where, read) for item, where in self.items(name))

    def one(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """An object; None where there is none."""
        value = self.take(name)
        return None if value is None else self._read(value, self.path(name), read)

    def needed_one(self, name: str, read: Callable[[Fields], T]) -> T:
        """An object that must be there."""
        return self._read(self.need(name), self.path(name), read)

    def members(self, name: str) -> list[tuple[str, object, str]]:
        """An object whose members have free names: (name, value, path) each."""
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, dict):
            raise wrong(self.path(name), value, "an object")
        where = self.path(name)
        return [(text(key, where), item, f"{where}[{key!r}]") for key, item in value.items()]

    def map(self, name: str, read: Callable[[Fields], T]) -> tuple[tuple[str, T], ...]:
        """An object with free names whose values are objects."""
        return tuple((key, self._read(item, where, read)) for key, item, where in self.members(name))

    def texts_map(self, name: str) -> tuple[tuple[str, str], ...]:
        """An object with free names whose values are texts."""
        return tuple((key, text(item, where)) for key, item, where in self.members(name))

    def _read(self, value: object, where: str, read: Callable[[Fields], T]) -> T:
        fields = Fields(value, where, self.warnings)
        result = read(fields)
        fields.done()
        return result

    def done(self) -> None:
        """Note the members that nobody asked for."""
        for name in self.document:
            if name not in self._known and self.document[name] is not None:
                self.warnings.append(f"{self.path(str(name))}: no member of the specification, ignored")
