"""Names that keys had before the specification took them: ``x-develop``, ``x-initialSync``, ``version``. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.kinds import ANYTHING

if TYPE_CHECKING:
    from whit.runtime.compose.model.nodes import Node


def promoted(document: Node) -> Node:
    """A document with these keys under the names that they have now."""
    services = document.get("services")
    if not services or not any(
        "x-develop" in one.pairs() or "develop" in one.pairs() for one in services.pairs().values()
    ):
        return document
    made = services.with_pairs({name: _promoted(one) for name, one in services.pairs().items()})
    return document.with_pairs({**document.pairs(), "services": made})


def _promoted(service: Node) -> Node:
    made = _renamed(service, "x-develop", "develop")
    develop = made.get("develop")
    watch = develop.get("watch") if develop else None
    if not develop or not watch or not watch.items():
        return made
    items = [_renamed(item, "x-initialSync", "initial_sync") for item in watch.items()]
    whole = develop.with_pairs({**develop.pairs(), "watch": watch._replace(value=items)})
    return made.with_pairs({**made.pairs(), "develop": whole})


def _renamed(node: Node, old: str, new: str) -> Node:
    held = node.pairs()
    if old not in held:
        return node
    made = {key: item for key, item in held.items() if key != old}
    here = made.get(new)
    made[new] = held[old] if here is None or here.value is None else ANYTHING.merge(held[old], here, (new,))
    return node.with_pairs(made)


def versioned(tree: Node) -> tuple[Node, list[str]]:
    """A tree without ``version``, and a warning if it was there."""
    version = tree.get("version")
    if not version:
        return tree, []
    kept = {key: item for key, item in tree.pairs().items() if key != "version"}
    return tree.with_pairs(kept), [f"{version.at}: 'version' means nothing any more, and may be left out"]
