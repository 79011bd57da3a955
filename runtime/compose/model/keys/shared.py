"""What several tables have: files that are mounted, addresses of hosts, limits, devices."""

from __future__ import annotations

import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import shortforms, units
from whit.runtime.compose.model.collections import ListOf, MapOf, Pairs, Record, Short
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, appended, near, wanted
from whit.runtime.compose.model.nodes import Node, shown
from whit.runtime.compose.model.scalars import TEXT, Mode, Text, Whole

if TYPE_CHECKING:
    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import Path

FILE_MOUNT = Short(
    {"source": TEXT, "target": TEXT, "uid": TEXT, "gid": TEXT, "mode": Mode()},
    shortforms.file_mount,
)
"""A secret or a configuration in a container (compose-spec, 05-services.md, ``secrets``)."""


class _Hosts(Kind):
    """``extra_hosts``: names and their addresses. Shown as a sorted list of ``NAME=ADDRESS``."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, list):
            ListOf(TEXT, distinct=True).check(node, path)
        elif not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping, or a list of NAME=ADDRESS")
        else:
            for key, item in node.value.items():
                ListOf(TEXT, single=True).check(item, (*path, key))

    def long(self, node: Node, path: Path) -> Node:  # noqa: ARG002
        if not isinstance(node.value, dict):
            return node if node.value is not None else node.made([])
        made: list[Node] = []
        for key, item in sorted(node.value.items()):
            addresses = item.value if isinstance(item.value, list) else [item]
            made.extend(Node(f"{key}={units.printed(one.value)}", one.place) for one in addresses)
        return node.made(made)

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        return base.made(appended(self.long(base, path).items(), self.long(over, path).items()))

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        made = []
        for number, item in enumerate(self.long(node, path).items()):
            if sink.open(item):
                made.append(str(item.value))
                continue
            name, mark, addresses = _split_host(str(item.value))
            if not mark:
                raise item.wrong(f"{shown((*path, number))}: '{str(item.value)[:60]}' has no address", "NAME=ADDRESS")
            if not name or ":" in name:
                raise item.wrong(f"{shown((*path, number))}: '{name[:60]}' can't be a host's name")
            made.extend(f"{name}={_unbracketed(one)}" for one in addresses.split(","))
        return sorted(made) or OMIT


def _split_host(text: str) -> tuple[str, str, str]:
    return text.partition("=") if "=" in text else text.partition(":")


def _unbracketed(address: str) -> str:
    return address[1:-1] if len(address) > 2 and address[0] == "[" and address[-1] == "]" else address  # noqa: PLR2004


HOSTS = _Hosts()


class _Limit(Record):
    """A limit of processes: one number, or a soft and a hard one."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, dict):
            super().check(node, path)
        else:
            Whole().check(node, path)
            if isinstance(node.value, float):
                raise wanted(node, path, "a whole number")

    def merge(self, base: Node, over: Node, path: Path) -> Node:  # noqa: ARG002 - as docker compose has it
        return over if over.value is not None else base

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        if isinstance(node.value, dict):
            return super().plain(node, path, sink)
        return Whole(keep=True).plain(node, path, sink)


ULIMITS = MapOf(
    _Limit({"soft": Whole(keep=True), "hard": Whole(keep=True)}, required=("soft", "hard")), name=re.compile(r"[a-z]+")
)


class _Count(Whole):
    """How many devices; ``all`` is -1."""

    def number(self, node: Node, path: Path) -> int:
        """The number."""
        return -1 if isinstance(node.value, str) and node.value.lower() == "all" else super().number(node, path)


class _Request(Record):
    """A request for devices, as GPUs."""

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        found = super().plain(node, path, sink)
        if isinstance(node.value, dict) and isinstance(found, dict):
            if "count" in node.value and "device_ids" in node.value:
                raise node.value["count"].wrong(f"{shown(path)} has both 'count' and 'device_ids'", "leave one out")
            if "count" not in node.value and "device_ids" not in node.value:
                found["count"] = -1
        return found


_REQUEST = {
    "capabilities": ListOf(distinct=True),
    "driver": TEXT,
    "count": _Count(),
    "device_ids": ListOf(distinct=True),
    "options": Pairs(),
}
REQUESTS = ListOf(_Request(_REQUEST, required=("capabilities",)))


class _Gpus(ListOf):
    """``gpus``: all, or a list of requests."""

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, str):
            if node.value != "all" and "$" not in node.value:
                raise node.wrong(f"{shown(path)} can't be '{node.value[:60]}'", near(node.value, ["all"]))
            return
        super().check(node, path)

    def long(self, node: Node, path: Path) -> Node:
        if isinstance(node.value, str):
            return node.made([shortforms.record(node, count="all")])
        return super().long(node, path)


GPUS = _Gpus(_Request(_REQUEST))


class FilePath(Text):
    """The path of a file on this machine."""

    def located(self, node: Node, folder: Folder) -> Node:
        return node._replace(value=folder.absolute(str(node.value))) if isinstance(node.value, str) else node
