"""YAML → a tree of nodes, each with its file, line and column. Pure.

YAML 1.1 by libyaml, with the plain values of YAML 1.2 that Compose files mean: ``yes`` and ``on`` are texts, ``0644`` and ``0o644`` are
octal. Anchors are shared, not copied; what they would make of a file when each use is counted is bounded (no billion laughs).
"""

from __future__ import annotations

import re

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING, NamedTuple
from whit.runtime.compose.limits import MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NODES = 100_000
"""The most values in one file, anchors' counted wherever they are used."""
MAX_DEPTH = 48

Path = tuple["str | int", ...]
"""Where a value is: keys of mappings, places in lists."""


class Place(NamedTuple):
    """Where something is written. Lines and columns count from 1; 0 is: in the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class Node(NamedTuple):
    """One value of a file. Never changed: merging makes new ones."""

    value: Value
    place: Place
    key_place: Place | None = None
    """Where its key is, if it has one."""
    tag: str = ""
    """``reset`` or ``override``, where ``!reset`` or ``!override`` stands before it."""

    @property
    def at(self) -> Place:
        """Where it begins: at its key, if it has one."""
        return self.key_place or self.place

    def wrong(self, text: str, hint: str | None = None) -> ComposeError:
        """The error that something is wrong with this value."""
        return ComposeError(text, self.place, hint)

    def pairs(self) -> dict[str, Node]:
        """A mapping's keys and values; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> list[Node]:
        """A list's items; of anything else, none."""
        return self.value if isinstance(self.value, list) else []

    def get(self, key: str) -> Node | None:
        """What a mapping has at a key."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def with_pairs(self, pairs: dict[str, Node]) -> Node:
        """A mapping of these, in this one's place."""
        return self._replace(value=pairs)

    def made(self, value: Value) -> Node:
        """Another value in this one's place."""
        return Node(value, self.place, self.key_place)


Value = None | bool | int | float | str | list[Node] | dict[str, Node]


class ComposeError(InvalidFileError):
    """A mistake in a Compose file, with its place."""

    def __init__(self, text: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(f"{place}: {text}" if place else text, hint=hint)
        self.place = place


def weight(node: Node) -> int:
    """How many values are in a tree, those of anchors counted at each use."""
    return 1 + sum(map(weight, node.pairs().values())) + sum(map(weight, node.items()))


def shown(path: Path) -> str:
    """A path for people: ``services.web.ports[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def kind_of(value: Value) -> str:
    """What a value is, for people."""
    if value is None:
        return "empty"
    for kind, name in ((bool, "a boolean"), (str, "a text"), (list, "a list"), (dict, "a mapping")):
        if isinstance(value, kind):
            return name
    return "a number"


def parse(text: str, file: str) -> list[Node]:
    """The documents of a file. Raises :class:`ComposeError`."""
    import yaml  # noqa: PLC0415 - ten milliseconds, that who only lists projects is spared

    if len(text) > MAX_SIZE:
        raise ComposeError(f"more than {MAX_SIZE >> 20} MiB, and so no Compose file", Place(file))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = text.removeprefix("\ufeff")
    try:
        try:
            return list(_Builder(yaml.parse(text, Loader=loader), file).documents())
        except yaml.scanner.ScannerError as error:
            # libyaml doesn't know {NAME:, OTHER: value}, which YAML has and Go's parser reads; Python's own does.
            if error.problem != "found unexpected ':'" or len(text) > _MOST_SLOW:
                raise
            return list(_Builder(yaml.parse(text, Loader=yaml.SafeLoader), file).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        raise ComposeError(f"not valid YAML: {error.problem or error.context}", place) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        raise ComposeError(f"not valid YAML: {error.reason}", Place(file, line, 1)) from None
    except yaml.YAMLError as error:
        raise ComposeError(f"not valid YAML: {str(error).splitlines()[0]}", Place(file)) from None


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(?:0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+|[0-9]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_MOST_DIGITS = 300
_MOST_SLOW = 64 << 10
"""Characters that are given to the parser that takes ten microseconds for each."""


def scalar(text: str) -> bool | int | float | str | None:
    """What a plain value means: YAML 1.2's core schema, and octal numbers as 1.1 writes them."""
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    if text[0] not in "+-.0123456789" or len(text) > _MOST_DIGITS:
        return text
    bare = text.replace("_", "") if text[0] != "_" else text
    if _WHOLE.match(bare):
        sign, digits = (bare[0], bare[1:]) if bare[0] in "+-" else ("", bare)
        if len(digits) > 1 and digits[0] == "0" and digits.isdigit():
            if set(digits) & set("89"):
                return float(bare)
            digits = f"0o{digits[1:]}"
        number = int(sign + digits, 0)
        return number if -(1 << 63) <= number < 1 << 64 else float(number)
    return float(bare) if _FLOAT.match(bare) else text


class _Builder:
    """Events → nodes."""

    __slots__ = ("anchors", "count", "events", "file")

    def __init__(self, events: Iterator[object], file: str) -> None:
        self.events = events
        self.file = file
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.count = 0

    def documents(self) -> Iterator[Node]:
        for event in self.events:
            if type(event).__name__ == "DocumentStartEvent":
                self.anchors = {}
                self.count = 0
                yield self.node(next(self.events), 0)[0]

    def place(self, event: object) -> Place:
        mark = event.start_mark  # type: ignore[attr-defined]  # every event has one
        return Place(self.file, mark.line + 1, mark.column + 1)

    def node(self, event: object, depth: int) -> tuple[Node, int]:
        """The node that begins with this event, and how many values are in it."""
        kind, place = type(event).__name__, self.place(event)
        if depth > MAX_DEPTH:
            raise ComposeError("nested too deep", place, f"at most {MAX_DEPTH} levels")
        if kind == "AliasEvent":
            return self.aliased(event.anchor, place)  # type: ignore[attr-defined]
        anchor, tag = event.anchor, event.tag or ""  # type: ignore[attr-defined]
        if anchor:
            self.anchors[anchor] = None
        if kind == "ScalarEvent":
            made, size = Node(self.scalar(event, tag, place), place, None, _mark(tag)), 1
        elif kind == "SequenceStartEvent":
            made, size = self.sequence(place, tag, depth)
        else:
            made, size = self.mapping(place, tag, depth)
        if anchor:
            self.anchors[anchor] = (made, size)
        self.counted(0 if kind != "ScalarEvent" else 1, place)
        return made, size

    def counted(self, size: int, place: Place) -> None:
        self.count += size
        if self.count > MAX_NODES:
            raise ComposeError(f"more than {MAX_NODES} values, those of anchors counted at each use", place)

    def aliased(self, name: str, place: Place) -> tuple[Node, int]:
        if name not in self.anchors:
            raise ComposeError(f"there is no anchor '&{name[:60]}' above", place)
        found = self.anchors[name]
        if found is None:
            raise ComposeError(f"'*{name[:60]}' is inside of what it stands for", place)
        self.counted(found[1], place)
        return Node(found[0].value, found[0].place, None, found[0].tag), found[1]

    def scalar(self, event: object, tag: str, place: Place) -> Value:
        text: str = event.value  # type: ignore[attr-defined]
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ComposeError("a text that no container can hold: a NUL, or half a character", place)
        if tag in {"tag:yaml.org,2002:str", "!"}:
            return text
        plain: bool = event.style is None or bool(event.style == "")  # type: ignore[attr-defined]
        return scalar(text) if plain or tag.startswith("tag:yaml.org,2002:") else text

    def sequence(self, place: Place, tag: str, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        size = 1
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            item, weight = self.node(event, depth + 1)
            size += weight
            if item.tag != "reset":
                items.append(item)
        return Node(items, place, None, _mark(tag)), size

    def mapping(self, place: Place, tag: str, depth: int) -> tuple[Node, int]:
        own: dict[str, Node] = {}
        merged: list[Node] = []
        size = 1
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            key, key_place = self.key(event)
            value, weight = self.node(next(self.events), depth + 1)
            size += weight
            if key == "<<":
                merged.extend(_merged(value))
            elif key in own:
                line = own[key].at.line
                raise ComposeError(f"the key '{key[:60]}' stands here twice: in line {line} too", key_place)
            else:
                own[key] = value._replace(key_place=key_place)
        for one in merged:
            for key, value in one.pairs().items():
                own.setdefault(key, value)
        return Node(own, place, None, _mark(tag)), size

    def key(self, event: object) -> tuple[str, Place]:
        place = self.place(event)
        if type(event).__name__ == "AliasEvent":
            value: Value = self.aliased(event.anchor, place)[0].value  # type: ignore[attr-defined]
            name = value if isinstance(value, str) else None
        elif type(event).__name__ == "ScalarEvent":
            value = self.node(event, 0)[0].value
            name = value if isinstance(value, str) else str(event.value)  # type: ignore[attr-defined]
        else:
            name = None
        if name is None:
            raise ComposeError("a key must be a text", place)
        return name, place


def _mark(tag: str) -> str:
    return tag[1:] if tag in {"!reset", "!override"} else ""


def _merged(value: Node) -> list[Node]:
    """The mappings that ``<<`` names."""
    nodes = value.value if isinstance(value.value, list) else [value]
    for one in nodes:
        if not isinstance(one.value, dict):
            raise one.wrong(f"'<<' takes a mapping or a list of them, and this is {kind_of(one.value)}")
    return nodes
