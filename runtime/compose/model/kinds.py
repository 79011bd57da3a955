"""What a key's value may be: one class a kind, which checks, writes out, merges, places and prints it. Pure.

A kind does five things with a :class:`~whit.runtime.compose.model.nodes.Node`, in this order: ``merge`` puts an overriding file's value over
it, ``check`` raises :class:`~whit.runtime.compose.model.nodes.ComposeError` for what it may not be, ``long`` makes the long form of short
ones, ``located`` makes paths absolute, ``plain`` gives the plain value of the canonical configuration, or OMIT.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.nodes import Node, Place, kind_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import ComposeError, Path

    KindOf = Callable[[str], "Kind"]

OMIT = object()
"""What isn't in the canonical configuration: it is empty, false or nought, and so as if it weren't there."""


class Sink:
    """Where :meth:`Kind.plain` notes the places of values, and what is worth a warning."""

    __slots__ = ("lenient", "places", "warnings")

    def __init__(self, *, lenient: bool = False) -> None:
        self.places: dict[Path, Place] = {}
        self.warnings: list[str] = []
        self.lenient = lenient
        """Variables stand in it as they are written: a text with a ``$`` may be anything."""

    def open(self, node: Node) -> bool:
        """Whether a value isn't known yet, since a variable is in it."""
        return self.lenient and isinstance(node.value, str) and "$" in node.value


def wanted(node: Node, path: Path, what: str, hint: str | None = None) -> ComposeError:
    """The error that a value is of the wrong kind."""
    return node.wrong(f"{shown(path)} must be {what}, and is {kind_of(node.value)}", hint)


class Kind:
    """Any value, as it is."""

    __slots__: tuple[str, ...] = ()

    def check(self, node: Node, path: Path) -> None:
        """Raise for what this may not be."""

    def long(self, node: Node, path: Path) -> Node:  # noqa: ARG002
        """The long form."""
        return node

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        """What ``over``, of a later file, makes of ``base``."""
        if over.value is None:
            return base
        if isinstance(base.value, dict):
            if not isinstance(over.value, dict):
                raise mismatch(base, over, path)
            return merged_mapping(base, over, path, lambda _: ANYTHING)
        if isinstance(base.value, list):
            if not isinstance(over.value, list):
                raise mismatch(base, over, path)
            return over.made(appended(base.value, over.value))
        return over

    def located(self, node: Node, folder: Folder) -> Node:  # noqa: ARG002
        """With absolute paths."""
        return node

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        """The plain value, or OMIT."""
        sink.places[path] = node.at
        return bare(node)


def mismatch(base: Node, over: Node, path: Path) -> ComposeError:
    """The error that two files say different kinds of things."""
    return over.wrong(
        f"{shown(path)} is {kind_of(over.value)} here, and {kind_of(base.value)} in {base.at}",
        "both files must write it in the same form; '!override' before the value replaces the other",
    )


def merged_mapping(base: Node, over: Node, path: Path, kind: KindOf) -> Node:
    """Two mappings, key by key."""
    made = dict(base.pairs())
    for key, value in over.pairs().items():
        here = made.get(key)
        made[key] = value if here is None else _kept_key(kind(key).merge(here, value, (*path, key)), value)
    return base.made(made)


def _kept_key(node: Node, over: Node) -> Node:
    return node if node.key_place else node._replace(key_place=over.key_place)


def appended(base: list[Node], over: Iterable[Node]) -> list[Node]:
    """A list with another's items at its end, without those that it has."""
    made, known = list(base), {identity(item) for item in base}
    for item in over:
        value = identity(item)
        if value not in known:
            made.append(item)
            known.add(value)
    return made


def identity(node: Node) -> object:
    """What is equal for equal values of one type: 1 isn't true, nor ``"1"``."""
    value = node.value
    if isinstance(value, dict):
        return frozenset((key, identity(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(map(identity, value))
    return type(value), value


def bare(node: Node) -> object:
    """A node's value without places."""
    value = node.value
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list) else value


ANYTHING = Kind()


def near(text: str, names: Iterable[str]) -> str:
    """A hint: the nearest of these, or all of them."""
    import difflib  # noqa: PLC0415 - only for who has misspelt something

    listed = list(names)
    found = difflib.get_close_matches(text, listed, n=1)
    return f"did you mean '{found[0]}'?" if found else f"there are {', '.join(listed)}"
