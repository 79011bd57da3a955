"""What no file says and yet holds: default networks, names after the project, dependencies that other keys imply. Pure.

Source: compose-spec, 06-networks.md ("default network"), 05-services.md (``links``, ``network_mode``, ``volumes_from``, ``pre_start``).
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.keys.container import CONTAINER
from whit.runtime.compose.model.keys.service import HOOK_CONTAINER
from whit.runtime.compose.model.keys.top import RESOURCES
from whit.runtime.compose.model.nodes import Node
from whit.runtime.compose.model.shortforms import cleaned, record

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTAINERS = ("services", "jobs")
_NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")


def normalized(tree: Node, project: str) -> Node:
    """A whole tree with all that is implied."""
    made = dict(tree.pairs())
    for section in CONTAINERS:
        if section in made:
            made[section] = made[section].with_pairs(
                {key: _container(entry) for key, entry in made[section].pairs().items()}
            )
    if any(
        "default" in _networks(entry)
        for section in CONTAINERS
        if section in made
        for entry in made[section].pairs().values()
    ):
        networks = made.get("networks") or Node({}, tree.place)
        made["networks"] = networks.with_pairs({"default": Node(None, tree.place), **networks.pairs()})
    for section in RESOURCES:
        if section in made:
            resources = made[section]
            made[section] = resources.with_pairs(
                {key: _named(entry, key, project) for key, entry in resources.pairs().items()}
            )
    return tree.with_pairs(made)


def _networks(entry: Node) -> dict[str, Node]:
    networks = entry.get("networks")
    return networks.pairs() if networks else {}


def _named(entry: Node, key: str, project: str) -> Node:
    name, external = entry.get("name"), entry.get("external")
    if name and name.value is not None:
        return entry
    outside = external is not None and str(external.value).lower() in {"true", "1", "t"}
    return entry.with_pairs({**entry.pairs(), "name": Node(key if outside else f"{project}_{key}", entry.place)})


def _container(entry: Node) -> Node:
    """A service or job with what is implied."""
    if not isinstance(entry.value, dict):
        return entry
    made = dict(entry.value)
    if "provider" not in made and "network_mode" not in made and not _networks(entry):
        made["networks"] = Node({"default": Node(None, entry.place)}, entry.place)
    policy = made.get("pull_policy")
    if policy and policy.value == "if_not_present":
        made["pull_policy"] = policy._replace(value="missing")
    if "build" in made:
        made["build"] = _build(made["build"])
    depends = {
        other: record(node, condition="service_started", restart=restart, required=True)
        for other, node, restart in _implied(made)
    }
    if depends:
        stated = made.get("depends_on") or entry
        made["depends_on"] = Node(
            {**depends, **stated.pairs()} if "depends_on" in made else dict(depends), stated.place
        )
    if "volumes" in made:
        made["volumes"] = made["volumes"]._replace(value=[_mount(one) for one in made["volumes"].items()])
    if "pre_start" in made:
        made["pre_start"] = _hooks(made)
    return entry.with_pairs(made)


def _build(build: Node) -> Node:
    if not isinstance(build.value, dict):
        return build
    made = dict(build.value)
    if "dockerfile" not in made and "dockerfile_inline" not in made:
        made["dockerfile"] = Node("Dockerfile", build.place)
    if "args" in made:
        made["args"] = made["args"].with_pairs(
            {key: item for key, item in made["args"].pairs().items() if item.value is not None}
        )
    return build.with_pairs(made)


def _mount(node: Node) -> Node:
    target = node.get("target")
    if not target:
        return node
    return node.with_pairs({**node.pairs(), "target": target._replace(value=cleaned(str(target.value)))})


def _implied(service: dict[str, Node]) -> Iterator[tuple[str, Node, bool]]:
    """Services that others than ``depends_on`` name, where, and whether a restart of theirs is one of this too."""
    nowhere = Node(None, next(iter(service.values())).place)
    for source in service.get("volumes_from", nowhere).items():
        if not str(source.value).startswith("container:"):
            yield str(source.value).partition(":")[0], source, False
    for key in _NAMESPACES:
        node = service.get(key)
        if node and isinstance(node.value, str) and node.value.startswith("service:"):
            yield node.value.removeprefix("service:"), node, True
    for link in service.get("links", nowhere).items():
        parts = str(link.value).split(":")
        yield (parts[0] if len(parts) == 2 else str(link.value)), link, True  # noqa: PLR2004 - SERVICE:ALIAS


def _hooks(service: dict[str, Node]) -> Node:
    """``pre_start``: each container begins with what the service has, but for its volumes."""
    base = {key: item for key, item in service.items() if key in CONTAINER and key != "volumes"}
    made = []
    for number, hook in enumerate(service["pre_start"].items()):
        path = ("pre_start", number)
        merged = HOOK_CONTAINER.merge(hook._replace(value=base), hook, path)
        made.append(HOOK_CONTAINER.long(merged, path))
    return service["pre_start"]._replace(value=made)


def project_name(text: str) -> str:
    """A name as projects may have it: small letters, digits, ``-`` and ``_``; the first is a letter or digit."""
    kept = "".join(letter for letter in text.lower() if letter.isascii() and (letter.isalnum() or letter in "-_"))
    return kept.lstrip("-_")
