"""Compose files → one tree: interpolated, with what they include and extend, each over those before. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import older
from whit.runtime.compose.model.extending import extended
from whit.runtime.compose.model.including import included
from whit.runtime.compose.model.keys.top import COMPOSE
from whit.runtime.compose.model.nodes import ComposeError, Node, Place, kind_of
from whit.runtime.compose.model.resets import taken_out, without
from whit.runtime.compose.model.shortforms import how_many_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from whit.runtime.compose.model.session import Context


def tree(context: Context, files: Sequence[str], named: Place | None = None) -> Node:
    """All files as one, in long forms, with absolute paths. Raises :class:`ComposeError`."""
    made: Node | None = None
    for file in files:
        for document in context.session.documents(file, named):
            made = _over(context, made, document, file)
    if made is None or not made.value:
        place = Place(files[0] if files else "the project")
        raise ComposeError("there is nothing in it", place, "it needs at least 'services:'")
    made = _resolved(context, _with_contexts(made))
    return COMPOSE.located(made, context.session.folder(context.directory)) if context.session.resolve_paths else made


def _over(context: Context, base: Node | None, document: Node, file: str) -> Node:
    """One document over what was there before."""
    if document.value is None:
        document = document.with_pairs({})
    if not isinstance(document.value, dict):
        kind = kind_of(document.value)
        raise document.wrong(f"a Compose file is a mapping, and this is {kind}", "it begins with 'services:'")
    resets, document = taken_out(context.interpolated(document))
    document = included(context, older.promoted(document), resets, file, tree)
    base = without(base, resets) if base else None
    document = extended(context, document, resets, file)
    merged = COMPOSE.merge(base, document, ()) if base else document
    COMPOSE.check(merged, ())
    merged, warnings = older.versioned(merged)
    context.session.warnings += warnings
    for section in ("services", "jobs"):
        entries = merged.get(section)
        for entry in entries.pairs().values() if entries else ():
            context.session.add_ports(how_many_ports(entry), entry)
    return COMPOSE.long(merged, ())


def _in_containers(top: Node, change: Callable[[Node], Node]) -> Node:
    """A tree whose services and jobs are changed."""
    made = dict(top.pairs())
    for section in ("services", "jobs"):
        if section in made:
            entries = made[section]
            made[section] = entries.with_pairs({name: change(entry) for name, entry in entries.pairs().items()})
    return top.with_pairs(made)


def _with_contexts(top: Node) -> Node:
    """Each ``build`` has a context: by default the project's directory."""

    def change(entry: Node) -> Node:
        build = entry.get("build")
        if not build or not isinstance(build.value, dict) or "context" in build.value:
            return entry
        whole = build.with_pairs({"context": Node(".", build.place), **build.value})
        return entry.with_pairs({**entry.pairs(), "build": whole})

    return _in_containers(top, change)


def _resolved(context: Context, top: Node) -> Node:
    """With what the environment holds: variables that a service only names, and secrets and configurations that are one."""
    for section in ("secrets", "configs"):
        entries = top.get(section)
        for name, entry in entries.pairs().items() if entries else ():
            variable = entry.get("environment")
            value = context.environment.get(str(variable.value)) if variable else None
            if value is not None:
                context.session.contents[section, name] = value

    def change(entry: Node) -> Node:
        build = entry.get("build")
        if build:
            entry = entry.with_pairs({**entry.pairs(), "build": _filled(context, build, "args")})
        return _filled(context, entry, "environment")

    return _in_containers(top, change)


def _filled(context: Context, node: Node, key: str) -> Node:
    """A mapping of texts, with what variables are set to where only a name stands."""
    held = node.get(key)
    if not held or all(item.value is not None for item in held.pairs().values()):
        return node
    made = {
        name: item if item.value is not None else item._replace(value=context.environment.get(name))
        for name, item in held.pairs().items()
    }
    return node.with_pairs({**node.pairs(), key: held.with_pairs(made)})
