"""Layers laid over each other: which files a container sees, and which lie hidden below (image-spec, layer.md). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


class Layered(Protocol):
    """One member of a layer. ``path`` is absolute and normal; ``layer`` is the layer's digest."""

    @property
    def path(self) -> str:
        """Where it is."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def layer(self) -> str:
        """Whose it is."""


T = TypeVar("T", bound=Layered)


@dataclass(frozen=True, slots=True)
class Hidden(Generic[T]):
    """A file of a lower layer that a higher one deletes or replaces: its bytes stay in the image."""

    file: T
    by_layer: str
    replaced: bool


def overlay(layers: Iterable[Iterable[T]]) -> tuple[dict[str, T], tuple[Hidden[T], ...]]:
    """The files that a container sees, by path, and the hidden ones. Layers are given lowest first, members in order."""
    tree: _Tree[T] = _Tree()
    for members in layers:
        tree.own, done = set(), set[str]()
        for file in members:
            folder, _, name = file.path.rpartition("/")
            if not name.startswith(_WHITEOUT):
                tree.put(file)
            elif file.path not in done:
                done.add(file.path)
                if name == _OPAQUE:
                    tree.hide_below(folder, file.layer)
                else:
                    tree.hide(f"{folder}/{name.removeprefix(_WHITEOUT)}", file.layer)
    return tree.files, tuple(tree.hidden)


@dataclass(slots=True)
class _Tree(Generic[T]):
    """Files by path while layers are laid over each other; ``own`` are the paths of the layer at hand."""

    files: dict[str, T] = field(default_factory=dict)
    children: dict[str, set[str]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    hidden: list[Hidden[T]] = field(default_factory=list)

    def put(self, file: T) -> None:
        """Add a file; what stood there goes, with what was below it unless both are folders."""
        old = self.files.get(file.path)
        if old is not None and file.path not in self.own and old.kind is Kind.FILE:
            self.hidden.append(Hidden(old, file.layer, replaced=True))
        if file.kind is not Kind.DIRECTORY:
            self.hide_below(file.path, file.layer)
        self.files[file.path] = file
        self.own.add(file.path)
        path = file.path
        while path:
            folder = path.rpartition("/")[0]
            known = self.children.setdefault(folder, set())
            if path in known:
                break
            known.add(path)
            path = folder

    def hide(self, path: str, layer: str) -> None:
        """Take away what lower layers have at a path and below it."""
        self.hide_below(path, layer)
        self._take(path, layer)

    def hide_below(self, folder: str, layer: str) -> None:
        """Take away what lower layers have in a folder."""
        pending = [folder]
        found: list[str] = []
        while pending:
            below = sorted(self.children.get(pending.pop(), ()))
            found += below
            pending += below
        for path in reversed(found):
            self._take(path, layer)

    def _take(self, path: str, layer: str) -> None:
        """A path may be there only by what is in it: archives needn't hold every folder."""
        gone = None if path in self.own else self.files.pop(path, None)
        if gone is not None and gone.kind is Kind.FILE:
            self.hidden.append(Hidden(gone, layer, replaced=False))
        if path not in self.files and not self.children.get(path):
            self.children.pop(path, None)
            self.children.get(path.rpartition("/")[0], set()).discard(path)
