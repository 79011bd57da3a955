"""Where bytes are: from sizes by path to a tree that can be drawn. Pure.

Sizes are a mapping from a path (kind, module, package, function; or layer, folder, file …) to bytes. They add up to the
whole, and so does every tree of them: what is too small to be seen is kept as one leaf that says how many it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Sizes = Mapping[tuple[str, ...], int]
    """Path → bytes. No path is the beginning of another one."""

_CHILDREN = 100
_PARTS = 20_000
"""What is smaller than such a part of the whole isn't drawn by itself."""


@dataclass(frozen=True, slots=True)
class Node:
    """Something that takes ``size`` bytes; the children, largest first, take as many.

    ``hidden`` is how many things a leaf stands for; ``steps`` are the parts of the path that lead here from the parent.
    """

    name: str
    size: int
    children: tuple[Node, ...] = ()
    hidden: int = 0
    steps: tuple[str, ...] = ()


@dataclass(slots=True)
class _Grown:
    size: int = 0
    children: dict[str, _Grown] = field(default_factory=dict)


def tree(name: str, sizes: Sizes) -> Node:
    """The tree of these sizes, cut where it is too small to be seen."""
    root = _Grown()
    for path, size in sizes.items():
        at = root
        at.size += size
        for part in path:
            at = at.children.setdefault(part, _Grown())
            at.size += size
    return _node(name, root, max(root.size // _PARTS, 1))


def _node(name: str, grown: _Grown, least: int, steps: tuple[str, ...] = ()) -> Node:
    ordered = sorted(grown.children.items(), key=lambda item: (-item[1].size, item[0]))
    if len(ordered) == 1 and steps and ordered[0][1].size == grown.size:
        step, child = ordered[0]  # a folder with nothing but a folder in it
        return _node(f"{name} / {step}", child, least, (*steps, step))
    shown = [(step, child) for step, child in ordered[:_CHILDREN] if child.size >= least]
    rest = ordered[len(shown) :]
    children = [_node(step, child, least, (step,)) for step, child in shown]
    smaller = sum(child.size for _, child in rest)
    if smaller:
        children.append(Node(f"{len(rest)} smaller", smaller, hidden=len(rest)))
    own = grown.size - sum(child.size for child in children)
    if own and children:
        children.append(Node("itself", own, hidden=1))
    return Node(name, grown.size, tuple(children) if shown else (), 0, steps)


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to something from the old to the new; sizes in bytes, 0 where it isn't."""

    path: tuple[str, ...]
    before: int
    after: int

    @property
    def difference(self) -> int:
        """Bytes more, or if negative, less."""
        return self.after - self.before

    @property
    def word(self) -> str:
        """New, gone, grew or shrank."""
        if not self.before:
            return "new"
        return "gone" if not self.after else "grew" if self.difference > 0 else "shrank"


def changes(before: Sizes, after: Sizes, depth: int) -> tuple[Change, ...]:
    """What isn't of the same size, by the first ``depth`` parts of the path, the largest differences first."""
    old, new = _cut(before, depth), _cut(after, depth)
    found = [
        Change(path, old.get(path, 0), new.get(path, 0)) for path in {*old, *new} if old.get(path) != new.get(path)
    ]
    return tuple(sorted(found, key=lambda one: (-abs(one.difference), one.path)))


def _cut(sizes: Sizes, depth: int) -> dict[tuple[str, ...], int]:
    cut: dict[tuple[str, ...], int] = {}
    for path, size in sizes.items():
        cut[path[:depth]] = cut.get(path[:depth], 0) + size
    return cut
