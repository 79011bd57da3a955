"""``!reset`` and ``!override``: what earlier files say there goes (compose-spec, 13-merge.md). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.runtime.compose.model.nodes import Node, Path

    Resets = tuple[Path, ...]


def taken_out(node: Node) -> tuple[Resets, Node]:
    """A tree without its ``!reset`` values, and where they and the ``!override`` ones are."""
    found: list[Path] = []
    made = _taken_out(node, (), found)
    return tuple(found), made or node.with_pairs({})


def _taken_out(node: Node, path: Path, found: list[Path]) -> Node | None:
    if node.tag:
        found.append(path)
        if node.tag == "reset":
            return None
    if isinstance(node.value, dict):
        made = {key: _taken_out(item, (*path, key), found) for key, item in node.value.items()}
        return node._replace(value={key: item for key, item in made.items() if item is not None}, tag="")
    if isinstance(node.value, list):
        items = [_taken_out(item, (*path, number), found) for number, item in enumerate(node.value)]
        return node._replace(value=[item for item in items if item is not None], tag="")
    return node._replace(tag="") if node.tag else node


def without(node: Node, paths: Resets) -> Node:
    """A tree without what is at these paths."""
    for path in paths:
        node = _without(node, path)
    return node


def _without(node: Node, path: Path) -> Node:
    held = node.pairs()
    if not path or path[0] not in held:
        return node
    key = str(path[0])
    if len(path) == 1:
        return node.with_pairs({name: item for name, item in held.items() if name != key})
    return node.with_pairs({**held, key: _without(held[key], path[1:])})
