"""``include``: other projects' files, each with its own directory and variables (compose-spec, 14-include.md). Pure."""

from __future__ import annotations

import posixpath

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model import envfile
from whit.runtime.compose.model.keys.top import ENTRIES, INCLUDE
from whit.runtime.compose.model.kinds import identity
from whit.runtime.compose.model.nodes import Node, Place, kind_of
from whit.runtime.compose.model.resets import without
from whit.runtime.compose.model.session import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from whit.runtime.compose.model.resets import Resets

    Tree = Callable[[Context, Sequence[str], Place], Node]
    """What makes one tree of several files."""

_DEEPEST = 30
_REMOTE = ("http://", "https://", "git://", "ssh://", "git@", "github.com/", "oci://")


def included(context: Context, document: Node, resets: Resets, file: str, tree: Tree) -> Node:
    """A file's document with all that it includes below what it says itself. Raises :class:`ComposeError`."""
    entries = document.get("include")
    if entries is None:
        return document
    made = {key: item for key, item in document.pairs().items() if key != "include"}
    if entries.value is not None and not isinstance(entries.value, list):
        raise entries.wrong(f"include must be a list, and is {kind_of(entries.value)}")
    for number, entry in enumerate(entries.items()):
        INCLUDE.check(entry, ("include", number))
        brought = _one(context, INCLUDE.long(entry, ("include", number)), file, tree)
        _add(made, brought, resets)
    return document.with_pairs(made)


def _one(context: Context, entry: Node, file: str, tree: Tree) -> Node:
    """What one entry brings."""
    paths = _texts(entry.get("path"))
    if not paths:
        raise entry.wrong("an include needs 'path'")
    folder = context.session.folder(context.directory)
    for path in paths:
        if str(path.value).startswith(_REMOTE):
            raise path.wrong(f"'{str(path.value)[:60]}' isn't on this machine", "fetch it first: whit reads files only")
    files = [folder.absolute(str(path.value)) for path in paths]
    stated = entry.get("project_directory")
    directory = folder.absolute(str(stated.value)) if stated and stated.value else posixpath.dirname(files[0])
    if files[0] in (*context.including, file):
        way = " → ".join([*context.including, file, files[0]])
        raise entry.wrong(f"files include each other: {way}", "put what they share into a third file")
    if len(context.including) > _DEEPEST:
        raise entry.wrong(f"files include each other more than {_DEEPEST} levels deep")
    environment = _environment(context, entry.get("env_file"), directory)
    inner = Context(context.session, directory, environment, (*context.including, file))
    return tree(inner, files, paths[0].place)


def _texts(node: Node | None) -> list[Node]:
    if node is None or node.value is None:
        return []
    return node.items() or [node]


def _environment(context: Context, env_files: Node | None, directory: str) -> dict[str, str]:
    """The outer variables, and below them those of the included project's env files."""
    session, folder = context.session, context.session.folder(context.directory)
    given = [(folder.absolute(str(one.value)), one) for one in _texts(env_files) if one.value != "/dev/null"]
    if not _texts(env_files):
        default = posixpath.join(directory, ".env")
        given = [(default, Node(default, Place(default)))] if session.exists(default) else []
    found: dict[str, str] = {}
    for path, node in given:
        variables = envfile.read(session.text(path, node.place), path, found, context.environment.get)
        session.unset.update(variables.unset)
    return {**found, **context.environment}


def _add(made: dict[str, Node], brought: Node, resets: Resets) -> None:
    """Put what was brought below what is there."""
    for section in ENTRIES:
        entries, here = brought.get(section), made.get(section)
        if entries is None:
            continue
        if here is not None and here.value is not None and not isinstance(here.value, dict):
            raise here.wrong(f"{section} must be a mapping, and is {kind_of(here.value)}")
        held = dict(here.pairs()) if here else {}
        below = without(entries, tuple(path[1:] for path in resets if path[:1] == (section,)))
        for name, item in entries.pairs().items():
            own = held.get(name)
            if own is None:
                held[name] = item
            elif identity(item) != identity(own):
                base = below.get(name)
                held[name] = ENTRIES[section].merge(base, own, (section, name)) if base else own
        made[section] = (here or entries).with_pairs(held)
