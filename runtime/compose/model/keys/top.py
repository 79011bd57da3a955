"""A Compose file's own keys: networks, volumes, secrets, configs, models, include (compose-spec, 06 to 09, 14, models.md)."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import shortforms
from whit.runtime.compose.model.collections import ListOf, MapOf, Pairs, Record, Short
from whit.runtime.compose.model.keys.service import JOB, SERVICE
from whit.runtime.compose.model.keys.shared import FilePath
from whit.runtime.compose.model.kinds import Kind, Sink, bare, merged_mapping, wanted
from whit.runtime.compose.model.nodes import Node, shown
from whit.runtime.compose.model.scalars import FLAG, KEPT_FLAG, TEXT, WHOLE, truth

if TYPE_CHECKING:
    from whit.runtime.compose.model.folders import Folder
    from whit.runtime.compose.model.nodes import Path


class _Resource(Record):
    """What may exist beforehand: ``external`` is a boolean, or names it, as files of old do."""

    def check(self, node: Node, path: Path) -> None:
        external = _named_outside(node)
        if external:
            _EXTERNAL.check(external, (*path, "external"))
        super().check(_modern(node, path), path)

    def long(self, node: Node, path: Path) -> Node:
        return super().long(_modern(node, path), path)


def _named_outside(node: Node) -> Node | None:
    found = node.get("external")
    return found if found and isinstance(found.value, dict) else None


def _modern(node: Node, path: Path) -> Node:
    """``external: {name: X}`` as ``external: true`` and ``name: X``."""
    external = _named_outside(node)
    if not external:
        return node
    made, name = {**node.pairs(), "external": external.made(True)}, external.get("name")
    if name and made.setdefault("name", name).value != name.value:
        raise name.wrong(f"{shown(path)} has two names", "leave 'external.name' out")
    return node.made(made)


_EXTERNAL = Record({"name": TEXT})


class _Pools(ListOf):
    """``ipam.config``: those of two files with one subnet are merged."""

    def merge(self, base: Node, over: Node, path: Path) -> Node:
        if not isinstance(base.value, list) or not isinstance(over.value, list):
            return super().merge(base, over, path)
        made: dict[object, Node] = {_subnet(item): item for item in base.value}
        for item in over.value:
            here = made.get(_subnet(item))
            made[_subnet(item)] = merged_mapping(here, item, path, lambda _: TEXT) if here else item
        return base.made(list(made.values()))


def _subnet(item: Node) -> object:
    found = item.get("subnet")
    return bare(found) if found else None


_POOL = Record({"subnet": TEXT, "gateway": TEXT, "ip_range": TEXT, "aux_addresses": Pairs(only_mapping=True)})

_NETWORK = _Resource(
    {
        "name": TEXT,
        "driver": TEXT,
        "driver_opts": Pairs(only_mapping=True),
        "ipam": Record({"driver": TEXT, "config": _Pools(_POOL), "options": Pairs(only_mapping=True)}),
        "external": FLAG,
        "internal": FLAG,
        "attachable": FLAG,
        "labels": Pairs(),
        "enable_ipv4": KEPT_FLAG,
        "enable_ipv6": KEPT_FLAG,
    },
    nullable=True,
    always={"ipam": {}},
)


class _Volume(_Resource):
    """A volume; the local driver's bind mounts have absolute paths."""

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        external = node.get("external")
        if external and not sink.open(external) and truth(external, (*path, "external")):
            for key, item in node.pairs().items():
                if key not in {"name", "external"} and not key.startswith("x-"):
                    raise Node(key, item.at).wrong(f"{shown(path)} is external, and '{key}' can't be said of it here")
        return super().plain(node, path, sink)

    def located(self, node: Node, folder: Folder) -> Node:
        driver, options = node.get("driver"), node.get("driver_opts")
        if not driver or driver.value != "local" or not options:
            return node
        device, how = options.get("device"), options.get("o")
        if not device or not how or how.value != "bind":
            return node
        made = {**options.pairs(), "device": device._replace(value=folder.inside(str(device.value)))}
        return node.made({**node.pairs(), "driver_opts": options.made(made)})


_VOLUME = _Volume(
    {"name": TEXT, "driver": TEXT, "driver_opts": Pairs(only_mapping=True), "external": FLAG, "labels": Pairs()},
    nullable=True,
)


class _File(_Resource):
    """A secret or a configuration: what is in it comes from exactly one of a few keys."""

    def __init__(self, fields: dict[str, Kind], sources: tuple[str, ...]) -> None:
        super().__init__(fields)
        self.sources = sources

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        if not isinstance(node.value, dict):
            raise wanted(node, path, "a mapping")
        given = [key for key in self.sources if key in node.value]
        if len(given) > 1:
            raise node.value[given[1]].wrong(f"{shown(path)} has both '{given[0]}' and '{given[1]}'", "leave one out")
        external = node.value.get("external")
        if not given and not (external and truth(external, (*path, "external"))):
            raise node.wrong(
                f"{shown(path)} says nowhere what is in it", f"one of {', '.join(self.sources)}, or external"
            )
        return super().plain(node, path, sink)


_FILE: dict[str, Kind] = {
    "name": TEXT,
    "file": FilePath(),
    "environment": TEXT,
    "external": FLAG,
    "labels": Pairs(),
    "template_driver": TEXT,
}
_SECRET = _File({**_FILE, "driver": TEXT, "driver_opts": Pairs(only_mapping=True)}, ("file", "environment"))
_CONFIG = _File({**_FILE, "content": TEXT}, ("file", "environment", "content"))

_MODEL = Record({"name": TEXT, "model": TEXT, "context_size": WHOLE, "runtime_flags": ListOf()}, required=("model",))

INCLUDE = Short(
    {"path": ListOf(single=True), "env_file": ListOf(single=True), "project_directory": TEXT},
    lambda node, _: shortforms.record(node, path=node.value),
    extensions=False,
)

COMPOSE = Record(
    {
        "version": TEXT,
        "name": TEXT,
        "include": ListOf(INCLUDE),
        "services": MapOf(SERVICE, keep=True),
        "jobs": MapOf(JOB),
        "networks": MapOf(_NETWORK, nullable=True),
        "volumes": MapOf(_VOLUME, nullable=True),
        "secrets": MapOf(_SECRET),
        "configs": MapOf(_CONFIG),
        "models": MapOf(_MODEL),
    }
)
"""A whole file."""

ENTRIES: dict[str, Kind] = {
    "services": SERVICE,
    "jobs": JOB,
    "networks": _NETWORK,
    "volumes": _VOLUME,
    "secrets": _SECRET,
    "configs": _CONFIG,
    "models": _MODEL,
}
"""What has names of its own in a file: what each entry is."""

RESOURCES = ("networks", "volumes", "secrets", "configs")
"""What is named after the project."""
