"""``provider``: a service that another program makes (compose-spec, 05-services.md)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import units
from whit.runtime.compose.model.collections import Record
from whit.runtime.compose.model.kinds import OMIT, Kind, Sink, wanted
from whit.runtime.compose.model.scalars import TEXT

if TYPE_CHECKING:
    from whit.runtime.compose.model.nodes import Node, Path


class _Options(Kind):
    """Options that may be given several times: each is shown as a list."""

    def check(self, node: Node, path: Path) -> None:
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping")
        for key, item in node.value.items():
            for one in item.value if isinstance(item.value, list) else [item]:
                if not isinstance(one.value, bool | int | float | str):
                    raise wanted(one, (*path, key), "a text, a number or a boolean, or a list of them")

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        sink.places[path] = node.at
        made: dict[str, list[str]] = {}
        for key, item in node.pairs().items():
            sink.places[*path, key] = item.at
            items = item.value if isinstance(item.value, list) else [item]
            made[key] = [units.printed(one.value) for one in items]
        return made or OMIT


PROVIDER = Record({"type": TEXT, "options": _Options()}, required=("type",))
