"""Kinds of commands: a container's, and a health check's. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import words
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, wanted
from whit.runtime.compose.model.nodes import Node, shown
from whit.runtime.compose.model.scalars import TEXT

if TYPE_CHECKING:
    from whit.runtime.compose.model.nodes import Path


class Command(Kind):
    """A command: a list of words, or a text that is split into them. Nothing at all is shown as such, unlike the empty list."""

    def check(self, node: Node, path: Path) -> None:
        if node.value is None or isinstance(node.value, str):
            return
        if not isinstance(node.value, list):
            raise wanted(node, path, "a text or a list of texts")
        for number, item in enumerate(node.value):
            TEXT.check(item, (*path, number))

    def merge(self, base: Node, over: Node, path: Path) -> Node:  # noqa: ARG002 - one command takes the other's place
        return over

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if isinstance(node.value, list):
            return [item.value for item in node.value]
        if node.value is None or sink.open(node):
            return node.value
        try:
            found, dropped = words.split(str(node.value))
        except words.UnclosedError:
            raise node.wrong(
                f"{shown(path)}: a quotation or a parenthesis isn't closed",
                "write it as a list of words: [sh, -c, '…']",
            ) from None
        if dropped:
            sink.warnings.append(
                f"{node.place}: {shown(path)}: no shell reads this, and '{dropped[:30]}' is left out as docker compose does;"
                " write [sh, -c, '…'] for a shell"
            )
        return found


class Probe(Kind):
    """A health check's test: a command for a shell, or a list that begins with CMD, CMD-SHELL or NONE."""

    def check(self, node: Node, path: Path) -> None:
        COMMAND.check(node, path)
        if node.value is None:
            raise wanted(node, path, "a text or a list of texts")

    def merge(self, base: Node, over: Node, path: Path) -> Node:  # noqa: ARG002
        return over

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        if isinstance(node.value, str):
            return ["CMD-SHELL", node.value]
        return [item.value for item in node.items()] or OMIT


COMMAND = Command()
