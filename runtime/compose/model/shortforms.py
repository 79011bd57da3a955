"""The short forms of ports, mounts, devices and files, written out. Pure."""

from __future__ import annotations

import posixpath
import re

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.collections import ListOf, Record
from whit.runtime.compose.model.kinds import Kind, bare, wanted
from whit.runtime.compose.model.nodes import Node, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.model.kinds import Sink
    from whit.runtime.compose.model.nodes import Path, Value

_MOST_PORTS = 65535
_ENDING = re.compile(r"([0-9]{1,5})-([0-9]{1,5})(?:/[a-zA-Z]*)?")
_PROTOCOLS = ("tcp", "udp", "sctp")
_PROPAGATIONS = ("rprivate", "private", "rshared", "shared", "rslave", "slave")
_DRIVE = re.compile(r"[a-zA-Z]\Z")


def record(node: Node, **values: Value) -> Node:
    """A mapping in a node's place; what is None is left out."""
    return node.made({key: Node(value, node.place) for key, value in values.items() if value is not None})


class Ports(ListOf):
    """Published ports: each text may be a range, and so make several."""

    def __init__(self, item: Record) -> None:
        super().__init__(_Port(item), key=_port_key)

    def long(self, node: Node, path: Path) -> Node:
        made: list[Node] = []
        for number, item in enumerate(self._items(node, path)):
            here = (*path, number)
            if isinstance(item.value, dict):
                made.append(self.item.long(item, here))
            elif isinstance(item.value, str) and "$" in item.value:
                made.append(item)
            else:
                made.extend(_ports(item, here))
        return node.made(list({_port_key(item): item for item in made}.values()))


class _Port(Kind):
    """One port: a number, a text, or the long form."""

    def __init__(self, form: Record) -> None:
        self.form = form

    def check(self, node: Node, path: Path) -> None:
        if isinstance(node.value, dict):
            self.form.check(node, path)
        elif isinstance(node.value, bool) or not isinstance(node.value, int | float | str):
            raise wanted(node, path, "a port", "as 8080:80, 127.0.0.1:8080:80/udp, or a mapping with 'target'")

    def long(self, node: Node, path: Path) -> Node:
        if isinstance(node.value, dict) and "target" not in node.value:
            raise node.wrong(f"{shown(path)} needs 'target': the port in the container")
        return self.form.long(node, path)

    def plain(self, node: Node, path: Path, sink: Sink) -> object:
        if not isinstance(node.value, dict):
            return node.value
        host = node.value.get("host_ip")
        if host and isinstance(host.value, str) and not sink.open(host) and not _address(host.value):
            raise host.wrong(f"{shown(path)}: '{host.value[:60]}' is no address")
        found = self.form.plain(node, path, sink)
        if isinstance(found, dict):
            found.setdefault("mode", "ingress")
            found.setdefault("protocol", "tcp")
        return found


def _port_key(item: Node) -> str:
    if not isinstance(item.value, dict):
        return str(item.value)
    value = {key: one.value for key, one in item.value.items()}
    host, protocol = value.get("host_ip") or "0.0.0.0", value.get("protocol") or "tcp"  # noqa: S104 - docker's default
    return f"{host}:{value.get('published')}:{value.get('target')}/{protocol}"


def _address(text: str) -> bool:
    import ipaddress  # noqa: PLC0415 - only where a file names one

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ports(node: Node, path: Path) -> list[Node]:
    """``[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]``, each a port or a range."""
    text = str(node.value)
    parts = text.split(":")
    rest, protocol = parts[-1].partition("/")[::2]
    address, published = ":".join(parts[:-2]), parts[-2] if len(parts) > 1 else ""
    protocol = (protocol or "tcp").lower()
    if not rest:
        raise node.wrong(f"{shown(path)}: '{text[:60]}' names no port in the container", "HOST:CONTAINER, as 8080:80")
    if protocol not in _PROTOCOLS:
        raise node.wrong(f"{shown(path)}: there is no protocol '{protocol[:60]}'", f"there are {', '.join(_PROTOCOLS)}")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if address and not _address(address):
        raise node.wrong(
            f"{shown(path)}: '{address[:60]}' is no address", "[ADDRESS:]HOST:CONTAINER, as 127.0.0.1:8080:80"
        )
    first, last = _range(node, rest, path)
    begin, end = _range(node, published, path) if published else (0, 0)
    count = last - first + 1
    if published and end - begin + 1 != count and count > 1:
        raise node.wrong(f"{shown(path)}: '{text[:60]}' has ranges of different lengths")
    made = []
    for number in range(count):
        host = str(begin + number) if published else None
        if published and count == 1 and begin != end:
            host = f"{begin}-{end}"
        form = record(
            node, mode="ingress", host_ip=address or None, target=first + number, published=host, protocol=protocol
        )
        made.append(form)
    return sorted(made, key=lambda one: str(bare(one.pairs()["target"])))


def how_many_ports(service: Node) -> int:
    """How many ports the short forms of a service's list make: each range counts as what it stands for."""
    listed = service.get("ports")
    count = 0
    for item in listed.items() if listed else ():
        found = _ENDING.search(item.value.rpartition(":")[2]) if isinstance(item.value, str) else None
        count += max(int(found[2]) - int(found[1]) + 1, 1) if found else 1
    return count


def _range(node: Node, text: str, path: Path) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text)
    if not found:
        raise node.wrong(f"{shown(path)}: '{text[:60]}' is no port", "a number, or a range as 8000-8010")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= _MOST_PORTS:
        raise node.wrong(f"{shown(path)}: '{text[:60]}' is no port", f"ports go to {_MOST_PORTS}, and ranges upwards")
    return first, last


def mount(node: Node, path: Path) -> Node:
    """``[SOURCE:]TARGET[:OPTIONS]``."""
    text = str(node.value)
    if not text:
        raise node.wrong(f"{shown(path)} is empty", "SOURCE:TARGET, as ./data:/data")
    if len(text) <= 2:  # noqa: PLR2004 - too short for two parts
        return record(node, type="volume", target=text)
    parts = _parts(text)
    if "" in parts:
        raise node.wrong(f"{shown(path)}: '{text[:60]}' has nothing between two colons")
    if len(parts) > 3:  # noqa: PLR2004 - SOURCE:TARGET:OPTIONS
        raise node.wrong(f"{shown(path)}: '{text[:60]}' has too many colons", "SOURCE:TARGET:OPTIONS")
    source, target = (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    read_only, bind, volume = _options(node, ",".join(parts[2:]).split(","))
    made: dict[str, Value] = {"source": source, "target": cleaned(target), "read_only": read_only or None}
    if source and _is_path(source):
        bind["create_host_path"] = Node(True, node.place)
        return record(node, type="bind", **made, bind=bind, volume=volume or None)
    return record(node, type="volume", **made, volume=volume, bind=bind or None)


def _options(node: Node, options: list[str]) -> tuple[bool, dict[str, Node], dict[str, Node]]:
    """Whether it is read only, and what ``bind`` and ``volume`` say. Options that nobody knows mean nothing."""
    read_only = False
    bind: dict[str, Node] = {}
    volume: dict[str, Node] = {}
    for option in options:
        if option in {"ro", "rw"}:
            read_only = option == "ro"
        elif option == "nocopy":
            volume["nocopy"] = Node(True, node.place)
        elif option in _PROPAGATIONS:
            bind["propagation"] = Node(option, node.place)
        elif option in {"z", "Z"}:
            bind["selinux"] = Node(option, node.place)
    return read_only, bind, volume


def cleaned(path: str) -> str:
    """A path in a container without ``.``, ``..`` and doubled slashes."""
    made = posixpath.normpath(path) if path else ""
    return made[1:] if made.startswith("//") else made


def _parts(text: str) -> list[str]:
    r"""Split at colons, but not behind a drive's letter (``C:\\``), nor within ``${…}``."""
    parts, held, depth = [], "", 0
    for position, letter in enumerate(text):
        if letter == "$" and text[position + 1 : position + 2] == "{":
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        drive = _DRIVE.match(held) and text[position + 1 : position + 2] == "\\"
        if letter == ":" and not depth and not drive:
            parts.append(held)
            held = ""
        else:
            held += letter
    return [*parts, held]


def _is_path(source: str) -> bool:
    return source[0] in "./~" or source.startswith("\\\\") or bool(re.match(r"[a-zA-Z]:\\", source))


def device(node: Node, path: Path) -> Node:
    """``SOURCE[:TARGET[:PERMISSIONS]]``."""
    text = str(node.value)
    parts = text.split(":")
    if len(parts) > 3:  # noqa: PLR2004 - SOURCE:TARGET:PERMISSIONS
        raise node.wrong(
            f"{shown(path)}: '{text[:60]}' has too many colons", "write it as a mapping: source, target, permissions"
        )
    target = parts[1] if len(parts) > 1 and parts[1] else parts[0]
    return record(node, source=parts[0], target=target, permissions=parts[2] if len(parts) > 2 else "rwm")  # noqa: PLR2004


def file_mount(node: Node, path: Path) -> Node:  # noqa: ARG001
    """A secret's or a configuration's name."""
    return record(node, source=str(node.value))


def env_file(node: Node, path: Path) -> Node:  # noqa: ARG001
    """A file's path."""
    return record(node, path=str(node.value))


def schedule(node: Node, path: Path) -> Node:  # noqa: ARG001
    """When a job runs, as crontab has it."""
    return record(node, cron=str(node.value))


def dependency(item: Node) -> Node:
    """What a name in a list of dependencies means."""
    return record(item, condition="service_started", required=True)


def nothing(item: Node) -> Node:
    """What a name in a list of networks or models means."""
    return Node(None, item.place, item.place)


def by_target(item: Node) -> str:
    """What a mount or a device is about."""
    if not isinstance(item.value, dict):
        return str(item.value)
    target = item.value.get("target") or item.value.get("source")
    return str(target.value) if target else ""


def by_file(folder: str) -> Callable[[Node], str]:
    """What a secret or a configuration is about: the file that it makes."""
    return _ByFile(folder)


class _ByFile:
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, item: Node) -> str:
        if not isinstance(item.value, dict):
            return f"{self.folder}/{item.value}"
        target, source = item.value.get("target"), item.value.get("source")
        return str(target.value) if target else f"{self.folder}/{source.value if source else ''}"


def by_path(item: Node) -> str:
    """What an env file is about."""
    found = item.value.get("path") if isinstance(item.value, dict) else item
    return str(found.value) if found else ""
