"""Kinds of single values: texts, booleans, numbers, sizes, durations, modes. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import units
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, near, wanted
from whit.runtime.compose.model.nodes import Node, shown

if TYPE_CHECKING:
    from whit.runtime.compose.model.nodes import Path


class Text(Kind):
    """A text, perhaps one of a few."""

    __slots__ = ("choices", "extra", "nullable", "pattern")

    def __init__(
        self, *choices: str, pattern: str | None = None, nullable: bool = False, extra: tuple[type, ...] = ()
    ) -> None:
        self.choices = choices
        self.pattern = re.compile(pattern) if pattern else None
        self.nullable = nullable
        self.extra = extra

    def check(self, node: Node, path: Path) -> None:
        if node.value is None and self.nullable:
            return
        if not isinstance(node.value, (str, *self.extra)) or (isinstance(node.value, bool) and bool not in self.extra):
            hint = f'write it in quotes: "{units.printed(node.value)}"' if _is_scalar(node.value) else None
            raise wanted(node, path, "a text", hint)
        text = str(node.value)
        if self.choices and text not in self.choices and "$" not in text:
            raise node.wrong(f"{shown(path)} can't be '{text[:60]}'", near(text, self.choices))
        if self.pattern and not self.pattern.fullmatch(text) and "$" not in text:
            raise node.wrong(f"{shown(path)} can't be '{text[:60]}'", f"it must match {self.pattern.pattern}")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        if node.value is None or node.value == "":
            return OMIT
        sink.places[path] = node.at
        return units.printed(node.value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)


_YES, _NO = frozenset({"true", "y", "yes", "on"}), frozenset({"false", "n", "no", "off"})


class Flag(Kind):
    """A boolean, or a text that means one. False isn't shown, unless ``keep``; with ``opt_out`` it is true that isn't shown."""

    __slots__ = ("keep", "opt_out", "texts")

    def __init__(self, *, keep: bool = False, opt_out: bool = False, texts: bool = True) -> None:
        self.keep = keep
        self.opt_out = opt_out
        self.texts = texts

    def check(self, node: Node, path: Path) -> None:
        value = node.value
        if isinstance(value, bool) or (isinstance(value, str) and "$" in value):
            return
        if not self.texts or not isinstance(value, str) or value.lower() not in _YES | _NO:
            raise wanted(node, path, "a boolean", "true or false")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        value = truth(node, path)
        return value if self.keep or value is not self.opt_out else OMIT


def truth(node: Node, path: Path) -> bool:
    """What a boolean says, or a text that means one."""
    value = node.value.lower() if isinstance(node.value, str) else node.value
    if value is True or value in _YES:
        return True
    if value is False or value in _NO:
        return False
    raise wanted(node, path, "a boolean", "true or false")


class Whole(Kind):
    """A whole number, or a text that is one. Nought isn't shown, unless ``keep``."""

    __slots__ = ("keep", "least", "most", "texts")

    def __init__(
        self, least: int = -(1 << 63), most: int = (1 << 63) - 1, *, keep: bool = False, texts: bool = True
    ) -> None:
        self.least = least
        self.most = most
        self.keep = keep
        self.texts = texts

    def check(self, node: Node, path: Path) -> None:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float, *((str,) if self.texts else ()))):
            raise wanted(node, path, "a number")
        if isinstance(value, float) and not value.is_integer():
            raise node.wrong(f"{shown(path)} must be a whole number, and is {units.printed(value)}")
        if isinstance(value, int | float) and not self.least <= value <= self.most:
            raise node.wrong(f"{shown(path)} can't be {units.printed(value)}", self._range)

    @property
    def _range(self) -> str:
        return f"at least {self.least}" if self.most >> 31 else f"between {self.least} and {self.most}"

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        number = self.number(node, path)
        return number if self.keep or number else OMIT

    def number(self, node: Node, path: Path) -> int:
        """The number. Raises for a text that is none."""
        value = node.value
        if isinstance(value, str):
            if not re.fullmatch(r"[-+]?[0-9]{1,20}", value):
                raise node.wrong(f"{shown(path)} must be a whole number, and is '{value[:60]}'")
            value = int(value)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wanted(node, path, "a number")
        number = int(value)
        if not self.least <= number <= self.most:
            raise node.wrong(f"{shown(path)} can't be {number}", self._range)
        return number


class Fraction(Kind):
    """A number with a fraction, in single precision."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float | str):
            raise wanted(node, path, "a number")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        value = node.value
        if isinstance(value, str) and not re.fullmatch(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", value):
            raise node.wrong(f"{shown(path)} must be a number, and is '{value[:60]}'")
        number = units.single(float(value))  # type: ignore[arg-type]  # check has looked
        if number is None:
            raise node.wrong(f"{shown(path)} is too great a number")
        return number or OMIT


class Size(Kind):
    """Bytes: a number, or a text with a unit. Shown as a text of digits, as docker compose does."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float | str):
            raise wanted(node, path, "a size", "bytes, or as 512m or 1.5g")
        if isinstance(node.value, float) and not node.value.is_integer():
            raise node.wrong(f"{shown(path)} is {units.printed(node.value)} bytes", "give the unit: 1.5g")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        value = node.value
        number = units.size(value) if isinstance(value, str) else int(value)  # type: ignore[arg-type]  # check has looked
        if number is None:
            raise node.wrong(f"{shown(path)} must be a size, and is '{str(value)[:60]}'", "bytes, or as 512m or 1.5g")
        return str(number) if number else OMIT


class Duration(Kind):
    """A time: ``1m30s``. Nought isn't shown, unless ``keep``."""

    __slots__ = ("keep",)

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep

    def check(self, node: Node, path: Path) -> None:
        if not isinstance(node.value, str):
            raise wanted(node, path, "a duration", "with its unit: 30s, 1m30s, 1.5h")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        number = units.duration(str(node.value))
        if number is None:
            raise node.wrong(
                f"{shown(path)} must be a duration, and is '{str(node.value)[:60]}'", "as 30s, 1m30s, 1.5h, 2d"
            )
        return units.duration_text(number) if self.keep or number else OMIT


class Mode(Kind):
    """A file's mode: a number (``0440``), or a text of octal digits. Shown as a text, as docker compose does."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | str):
            raise wanted(node, path, "a mode", "octal digits, as 0440")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        value = node.value
        if isinstance(value, str):
            if not re.fullmatch(r"(?:0o)?[0-7]{1,6}", value):
                raise node.wrong(f"{shown(path)} must be a mode, and is '{value[:60]}'", "octal digits, as 0440")
            value = int(value.removeprefix("0o"), 8)
        return f"0{value:o}"


TEXT = Text()
FLAG = Flag()
KEPT_FLAG = Flag(keep=True)
WHOLE = Whole()
FRACTION = Fraction()
SIZE = Size()
DURATION = Duration()
