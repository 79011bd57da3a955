"""Kinds that hold others: lists, mappings, and mappings with known keys. Pure."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import units
from whit.runtime.compose.model.kinds import (
    ANYTHING,
    OMIT,
    Kind,
    Sink,
    appended,
    identity,
    merged_mapping,
    mismatch,
    near,
    wanted,
)
from whit.runtime.compose.model.nodes import Node, shown
from whit.runtime.compose.model.scalars import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import Path

NAME = re.compile(r"[a-zA-Z0-9._-]+")
"""What services, networks, volumes … may be called."""


class ListOf(Kind):
    """A list. With ``key``, the last item of a key takes the place of the first one; ``distinct`` allows no item twice."""

    def __init__(
        self,
        item: Kind = TEXT,
        *,
        key: Callable[[Node], str] | None = None,
        distinct: bool = False,
        single: bool = False,
        always_append: bool = False,
    ) -> None:
        self.item = item
        self.key = key
        self.distinct = distinct
        self.single = single
        """One item may stand without a list."""
        self.always_append = always_append or key is not None

    def check(self, node: Node, path: Path) -> None:
        if self.single and isinstance(node.value, str):
            self.item.check(node, path)
            return
        if not isinstance(node.value, list):
            raise wanted(node, path, "a text or a list" if self.single else "a list")
        for number, item in enumerate(node.value):
            self.item.check(item, (*path, number))
        if self.distinct and not self.key:
            self._without_twins(node.value, path)

    def _without_twins(self, items: list[Node], path: Path) -> None:
        known: set[object] = set()
        for number, item in enumerate(items):
            value = identity(item)
            if value in known:
                raise item.wrong(f"{shown((*path, number))} stands in the list twice")
            known.add(value)

    def long(self, node: Node, path: Path) -> Node:
        items = self._items(node, path)
        items = [self.item.long(item, (*path, number)) for number, item in enumerate(items)]
        if self.key:
            items = list({self.key(item): item for item in items}.values())
        return node.made(items)

    @staticmethod
    def _items(node: Node, path: Path) -> list[Node]:
        if isinstance(node.value, list):
            return node.value
        if node.value is None:
            return []
        if isinstance(node.value, dict):
            raise wanted(node, path, "a list")
        return [node._replace(key_place=None)]

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        if over.value is None:
            return base
        if not self.single and isinstance(base.value, list | dict) and not isinstance(over.value, list):
            raise mismatch(base, over, path)
        if not self.always_append and isinstance(base.value if not self.single else over.value, str):
            return over
        return base.made(appended(self._comparable(base, path), self._comparable(over, path)))

    def _comparable(self, node: Node, path: Path) -> list[Node]:
        """The items in long forms, where they are of the right kind: what is written in two ways is one."""
        made = []
        for number, item in enumerate(self._items(node, path)):
            self.item.check(item, (*path, number))
            made.append(self.item.long(item, (*path, number)))
        return made

    def located(self, node: Node, folder: Folder) -> Node:
        return node.made([self.item.located(item, folder) for item in self._items(node, ())])

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        found = [self.item.plain(item, (*path, number), sink) for number, item in enumerate(self._items(node, path))]
        return ["" if item is OMIT else item for item in found] or OMIT


def before_equals(item: Node) -> str:
    """What an item of ``KEY=VALUE`` is about."""
    return units.printed(item.value).partition("=")[0]


class MapOf(Kind):
    """A mapping of names to one kind. With ``listed``, a list of names is one to nothing at all."""

    def __init__(
        self,
        item: Kind,
        *,
        name: re.Pattern[str] = NAME,
        nullable: bool = False,
        listed: Callable[[Node], Node] | None = None,
        extensions: bool = False,
        keep: bool = False,
    ) -> None:
        self.item = item
        self.name = name
        self.nullable = nullable
        self.listed = listed
        self.extensions = extensions
        self.keep = keep

    def check(self, node: Node, path: Path) -> None:
        if self.listed and isinstance(node.value, list):
            ListOf(TEXT, distinct=True).check(node, path)
            return
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping or a list of names" if self.listed else "a mapping")
        for key, item in node.value.items():
            if self.extensions and key.startswith("x-"):
                continue
            if not self.name.fullmatch(key):
                raise Node(key, item.at).wrong(
                    f"'{key[:60]}' can't be a name in {shown(path)}", f"names match {self.name.pattern}"
                )
            if item.value is not None or not self.nullable:
                self.item.check(item, (*path, key))

    def long(self, node: Node, path: Path) -> Node:
        node = self._mapped(node)
        return node.made(
            {
                key: item if item.value is None else _same_key(self.item.long(item, (*path, key)), item)
                for key, item in node.pairs().items()
            }
        )

    def _mapped(self, node: Node) -> Node:
        if node.value is None:
            return node.made({})
        if self.listed and isinstance(node.value, list):
            return node.made({str(item.value): self.listed(item) for item in node.value})
        return node

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        base, over = self._mapped(base), self._mapped(over)
        if not isinstance(base.value, dict) or not isinstance(over.value, dict):
            raise mismatch(base, over, path)
        return merged_mapping(base, over, path, lambda _: self.item)

    def located(self, node: Node, folder: Folder) -> Node:
        if not isinstance(node.value, dict):
            return node
        return node.made(
            {
                key: item if item.value is None else _same_key(self.item.located(item, folder), item)
                for key, item in node.value.items()
            }
        )

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        made: dict[str, object] = {}
        for key, item in self._mapped(node).pairs().items():
            if item.value is None:
                sink.places[*path, key] = item.at
                made[key] = None
                continue
            value = self.item.plain(item, (*path, key), sink)
            made[key] = {} if value is OMIT else value
        return made or (made if self.keep else OMIT)


def _same_key(made: Node, item: Node) -> Node:
    return made if made.key_place else made._replace(key_place=item.key_place)


class Pairs(Kind):
    """Texts by name: a mapping, or a list of ``NAME=VALUE``. ``unset`` keeps names without a value, as an environment does."""

    def __init__(self, *, unset: bool = False, only_mapping: bool = False, path_values: bool = False) -> None:
        self.unset = unset
        self.only_mapping = only_mapping
        self.path_values = path_values
        """Values are build contexts: paths, URLs, images, services."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, list) and not self.only_mapping:
            ListOf(TEXT, distinct=True).check(node, path)
            for number, item in enumerate(node.value):
                name = before_equals(item)
                if self.unset and name and name[-1].isspace():
                    raise item.wrong(f"{shown((*path, number))}: the name '{name[:60]}' ends with a space")
            return
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping" if self.only_mapping else "a mapping, or a list of NAME=VALUE")
        for key, item in node.value.items():
            if isinstance(item.value, list | dict):
                raise wanted(item, (*path, key), "a text, a number or a boolean")

    def long(self, node: Node, path: Path) -> Node:  # noqa: ARG002
        return self._mapped(node)

    @staticmethod
    def _mapped(node: Node) -> Node:
        if isinstance(node.value, dict):
            return node
        made: dict[str, Node] = {}
        for item in node.items():
            name, equals, value = units.printed(item.value).partition("=")
            made[name] = Node(value if equals else None, item.place, item.place)
        return node.made(made)

    def merge(self, base: Node, over: Node, path: Path) -> Node:  # noqa: ARG002
        return base.made({**self._mapped(base).pairs(), **self._mapped(over).pairs()})

    def located(self, node: Node, folder: Folder) -> Node:
        if not self.path_values or not isinstance(node.value, dict):
            return node
        return node.made(
            {key: item._replace(value=folder.context(units.printed(item.value))) for key, item in node.value.items()}
        )

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if sink.open(node):
            return node.value
        made: dict[str, str | None] = {}
        for key, item in self._mapped(node).pairs().items():
            sink.places[*path, key] = item.at
            made[key] = units.printed(item.value) if item.value is not None else None if self.unset else ""
        return made or OMIT


class Record(Kind):
    """A mapping of known keys. Other keys begin with ``x-``, if ``extensions``, or are a mistake."""

    def __init__(
        self,
        fields: Mapping[str, Kind],
        *,
        required: tuple[str, ...] = (),
        extensions: bool = True,
        nullable: bool = False,
        always: Mapping[str, object] | None = None,
    ) -> None:
        self.fields = fields
        self.required = required
        self.extensions = extensions
        self.nullable = nullable
        self.always = always or {}
        """What is shown even where it isn't set."""

    def kind(self, key: str) -> Kind:
        """A key's kind."""
        return self.fields.get(key, ANYTHING)

    def check(self, node: Node, path: Path) -> None:
        if node.value is None and self.nullable:
            return
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping")
        for key, item in node.value.items():
            if key in self.fields:
                self.fields[key].check(item, (*path, key))
            elif not (self.extensions and key.startswith("x-")):
                where = f"in {shown(path)}" if path else "at the top"
                raise Node(key, item.at).wrong(f"there is no key '{key[:60]}' {where}", near(key, self.fields))
        for key in self.required:
            if key not in node.value:
                raise node.wrong(f"{shown(path)} needs '{key}'")

    def long(self, node: Node, path: Path) -> Node:
        if not isinstance(node.value, dict):
            return node
        made = {key: _same_key(self.kind(key).long(item, (*path, key)), item) for key, item in node.value.items()}
        return node.made(made)

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        if over.value is None:
            return base
        if base.value is None:
            return over
        if not isinstance(base.value, dict) or not isinstance(over.value, dict):
            raise mismatch(base, over, path)
        return merged_mapping(base, over, path, self.kind)

    def located(self, node: Node, folder: Folder) -> Node:
        if not isinstance(node.value, dict):
            return node
        made = {key: _same_key(self.kind(key).located(item, folder), item) for key, item in node.value.items()}
        return node.made(made)

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if node.value is None:
            return OMIT
        if not isinstance(node.value, dict):
            if sink.open(node):
                return node.value
            raise wanted(node, path, "a mapping")
        made: dict[str, object] = {}
        for key, kind in self.fields.items():
            item = node.value.get(key)
            value = OMIT if item is None else kind.plain(item, (*path, key), sink)
            if value is not OMIT:
                made[key] = value
            elif item and key in self.required:
                raise item.wrong(f"{shown((*path, key))} is empty")
            elif key in self.always:
                made[key] = self.always[key]
        for key, item in node.value.items():
            if key not in self.fields:
                made[key] = ANYTHING.plain(item, (*path, key), sink)
        return made


class Short(Record):
    """A record that may also be written as one text, which ``expand`` writes out."""

    def __init__(self, fields: Mapping[str, Kind], expand: Callable[[Node, Path], Node], **settings: object) -> None:
        super().__init__(fields, **settings)  # type: ignore[arg-type]  # Record's own
        self.expand = expand

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, str):
            return
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a text or a mapping")
        super().check(node, path)

    def long(self, node: Node, path: Path) -> Node:
        if isinstance(node.value, str):
            if "${" in node.value or not node.value:
                return self._unexpanded(node, path)
            node = self.expand(node, path)
        return super().long(node, path)

    def _unexpanded(self, node: Node, path: Path) -> Node:
        """With variables still in it (``--no-interpolate``), it is taken apart as far as that can be done."""
        from whit.runtime.compose.model.nodes import ComposeError  # noqa: PLC0415 - only here

        try:
            return super().long(self.expand(node, path), path)
        except ComposeError:
            if "${" in str(node.value):
                return node
            raise
