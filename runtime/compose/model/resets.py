"""``!reset`` and ``!override``: what earlier files say there goes (compose-spec, 13-merge.md). Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

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
    if not paths:
        return node
    going: dict[str | int, Any] = {}
    for path in paths:
        at = going
        for part in path:
            at = at.setdefault(part, {})
        at[_WHOLE] = True
    return _without(node, going)


_WHOLE = -1
"""No place in a list: all that is here goes."""


def _without(node: Node, going: dict[str | int, Any]) -> Node:
    made = {}
    for key, item in node.pairs().items():
        inner = going.get(key)
        if inner is None:
            made[key] = item
        elif _WHOLE not in inner:
            made[key] = _without(item, inner)
    return node.with_pairs(made) if isinstance(node.value, dict) else node
