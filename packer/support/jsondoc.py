"""Reading JSON that somebody else wrote: bounded in size and depth, every member's type checked. Pure.

And writing it in one way only: sorted keys, no white space, UTF-8, so that equal documents are equal bytes.
"""

from __future__ import annotations

import json

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

MAX_DEPTH = 32
"""Levels of nesting; the deepest document of OCI has six."""


def canonical_json(document: Mapping[str, object]) -> bytes:
    """The one way in which whit writes a document: sorted keys, compact, UTF-8, no newline at the end.

    Raises :class:`InvalidFileError` for text that isn't UTF-8.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        wrong = ascii(text[max(0, error.start - 20) : error.end + 20])
        raise InvalidFileError(
            f"{wrong} isn't valid UTF-8, and no document can hold it", hint="give it in UTF-8"
        ) from None


def parse_object(data: bytes, what: str, limit: int) -> Doc:
    """A JSON object from untrusted bytes.

    ``what`` names the document in errors, ``limit`` is its greatest size in bytes.
    Raises :class:`InvalidFileError`.
    """
    if len(data) > limit:
        raise InvalidFileError(f"{what} is too large: {len(data)} bytes, at most {limit} are read")
    try:
        document = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidFileError(f"{what} is not valid JSON: {_fault(error)}") from None
    if not isinstance(document, dict):
        raise InvalidFileError(f"{what} is not a JSON object")
    if _depth(document) > MAX_DEPTH:
        raise InvalidFileError(f"{what} is nested deeper than {MAX_DEPTH} levels")
    return Doc(document, what)


def _fault(error: ValueError | RecursionError) -> str:
    """What is wrong with a text, without Python's own affairs."""
    if isinstance(error, RecursionError):
        return f"it is nested deeper than {MAX_DEPTH} levels"
    if "int_max_str_digits" in str(error):
        return "a number in it has too many digits"
    return str(error)


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a JSON value"
    raise ValueError(message)


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                below += node.values()
            elif isinstance(node, list):
                below += node
        level = below
    return deepest


class Doc:
    """A JSON object whose members are read with their types checked; ``where`` names it in errors.

    A member that is absent or null is the same thing: Go's encoders write both.
    """

    __slots__ = ("_members", "where")

    def __init__(self, members: Mapping[str, object], where: str) -> None:
        self._members = members
        self.where = where

    def _wrong(self, key: str, wanted: str) -> InvalidFileError:
        return InvalidFileError(f"{self.where}: '{key}' is not {wanted}")

    def member(self, key: str) -> object:
        """What stands there, for who checks it; None where it is absent."""
        return self._members.get(key)

    def text_or_none(self, key: str) -> str | None:
        """A string that may be absent."""
        value = self._members.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.isprintable():
            raise self._wrong(key, "a printable string")
        return value

    def text(self, key: str) -> str:
        """A string that must be there."""
        value = self.text_or_none(key)
        if value is None:
            raise InvalidFileError(f"{self.where}: '{key}' is missing")
        return value

    def free_text(self, key: str) -> str:
        """A string of any characters but NUL; absent is empty."""
        value = self._members.get(key)
        if value is None:
            return ""
        if not isinstance(value, str) or not _storable(value):
            raise self._wrong(key, "a string")
        return value

    def count(self, key: str) -> int:
        """A whole number from 0 to 2^63 - 1 that must be there."""
        value = self._members.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
            raise self._wrong(key, "a whole number from 0 up")
        return value

    def count_or_none(self, key: str) -> int | None:
        """A whole number from 0 to 2^63 - 1 that may be absent."""
        return None if self._members.get(key) is None else self.count(key)

    def flag(self, key: str) -> bool:
        """A boolean; absent is false."""
        value = self._members.get(key)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return bool(value)

    def doc_or_none(self, key: str) -> Doc | None:
        """An object that may be absent."""
        value = self._members.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(key, "an object")
        return Doc(value, f"{self.where}: {key}")

    def doc(self, key: str) -> Doc:
        """An object that must be there."""
        value = self.doc_or_none(key)
        if value is None:
            raise InvalidFileError(f"{self.where}: '{key}' is missing")
        return value

    def docs(self, key: str) -> tuple[Doc, ...]:
        """A list of objects; absent is empty."""
        found = []
        for number, value in enumerate(self._list(key)):
            if not isinstance(value, dict):
                raise self._wrong(key, "a list of objects")
            found.append(Doc(value, f"{self.where}: {key}[{number}]"))
        return tuple(found)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings, of any characters but NUL (arguments may hold newlines); absent is empty."""
        found = []
        for value in self._list(key):
            if not isinstance(value, str) or not _storable(value):
                raise self._wrong(key, "a list of strings")
            found.append(value)
        return tuple(found)

    def rows(self, key: str, *kinds: type) -> tuple[tuple[Any, ...], ...]:
        """A list of lists whose values are texts and numbers of these kinds; absent is empty. For many: it is the quickest to read."""
        found = []
        for value in self._list(key):
            if not isinstance(value, list) or tuple(map(type, value)) != kinds:
                raise self._wrong(key, "a list of rows")
            found.append(tuple(value))
        return tuple(found)

    def keys(self, key: str) -> tuple[str, ...]:
        """The members' names of an object whose values say nothing (Go's ``map[string]struct{}``); sorted."""
        value = self.doc_or_none(key)
        if value is None:
            return ()
        names = tuple(sorted(value._members))  # noqa: SLF001 - of its own class
        if not all(map(_storable, names)):
            raise self._wrong(key, "an object with storable names")
        return names

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """An object of strings (annotations, labels), sorted; absent is empty."""
        value = self._members.get(key)
        if value is None:
            return ()
        if not isinstance(value, dict):
            raise self._wrong(key, "an object of strings")
        for name, text in value.items():
            if not isinstance(text, str) or not _storable(name + text):
                raise self._wrong(key, "an object of strings")
        return tuple(sorted(value.items()))

    def _list(self, key: str) -> list[object]:
        value = self._members.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return value


def _storable(text: str) -> bool:
    """Whether a string can be an argument, a name or a line of JSON again: no NUL, no lone surrogate."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))
