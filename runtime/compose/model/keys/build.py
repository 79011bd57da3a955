"""``build``: how a service's image is made (compose-spec, build.md)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import shortforms, units
from whit.runtime.compose.model.collections import ListOf, Pairs, Record, before_equals
from whit.runtime.compose.model.keys.shared import FILE_MOUNT, HOSTS, ULIMITS
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, wanted
from whit.runtime.compose.model.nodes import Node, shown
from whit.runtime.compose.model.scalars import FLAG, SIZE, TEXT, Text

if TYPE_CHECKING:
    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import Path


class _Agents(Kind):
    """``ssh``: agents and keys by name. Shown as a list of ``NAME`` and ``NAME=PATH``."""

    def check(self, node: Node, path: Path) -> None:
        Pairs().check(node, path)

    def long(self, node: Node, path: Path) -> Node:
        for number, item in enumerate(node.items()):
            text = str(item.value)
            if "=" not in text and text != "default" and "$" not in text:
                raise item.wrong(f"{shown((*path, number))}: '{text[:60]}' has no path", "default, or NAME=PATH")
        return Pairs().long(node, path)

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        return Pairs().merge(base, over, path)

    def located(self, node: Node, folder: Folder) -> Node:
        if not isinstance(node.value, dict):
            return node
        made = {
            key: item if item.value in {None, ""} else item._replace(value=folder.absolute(units.printed(item.value)))
            for key, item in node.value.items()
        }
        return node.made(made)

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        found = Pairs().long(node, path).pairs()
        return [
            f"{key}={units.printed(item.value)}" if item.value not in {None, ""} else key for key, item in found.items()
        ] or OMIT


class _Build(Record):
    """``build``: a folder, or how it is built."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, str):
            return
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a text or a mapping")
        super().check(node, path)

    def long(self, node: Node, path: Path) -> Node:
        return super().long(_written_out(node), path)

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        return super().merge(_written_out(base), _written_out(over), path)


def _written_out(node: Node) -> Node:
    return shortforms.record(node, context=node.value) if isinstance(node.value, str) else node


class _Context(Text):
    """A build's folder, or where it comes from."""

    def located(self, node: Node, folder: Folder) -> Node:
        return node._replace(value=folder.context(str(node.value))) if isinstance(node.value, str) else node


_STATED = Text(extra=(bool,))
"""A text, or a boolean that is shown as one."""

BUILD = _Build(
    {
        "context": _Context(),
        "dockerfile": TEXT,
        "dockerfile_inline": TEXT,
        "entitlements": ListOf(),
        "args": Pairs(unset=True),
        "provenance": _STATED,
        "sbom": _STATED,
        "ssh": _Agents(),
        "labels": Pairs(),
        "cache_from": ListOf(),
        "cache_to": ListOf(),
        "no_cache": FLAG,
        "no_cache_filter": ListOf(single=True, distinct=True),
        "additional_contexts": Pairs(path_values=True),
        "pull": FLAG,
        "extra_hosts": HOSTS,
        "isolation": TEXT,
        "network": TEXT,
        "target": TEXT,
        "secrets": ListOf(FILE_MOUNT),
        "shm_size": SIZE,
        "tags": ListOf(key=before_equals),
        "ulimits": ULIMITS,
        "platforms": ListOf(),
        "privileged": FLAG,
    }
)
