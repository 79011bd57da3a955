"""The part of a report that tells where the bytes are: a map that the page's script draws, and the same as lists. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.report.markup import Markup, data_script, joined, table, tag
from whit.packer.report.owners import totals
from whit.packer.report.tree import changes
from whit.packer.showing.console import human_size
from whit.packer.showing.present import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.report.tree import Change, Node, Sizes

_HOW = (
    "Each box is as large as the bytes that it takes. Choose one to look into it: by a click, a tap, or the arrow keys and "
    "Enter; Escape goes back. The table below the map tells the same."
)
NOTHING = Markup("")
_LISTED_DEPTH = 5
_SHOWN_CHANGES = 100
_ALL = 64
"""Parts of a path: more than any has."""


def bytes_section(
    node: Node, older: Sizes | None, sizes: Sizes, beside: Markup = NOTHING, *, owned: bool = False
) -> Markup:
    """The map, the lists, and with an older file what changed; ``beside`` comes after the map.

    ``owned``: the sizes are a program's whose names tell a package or crate.
    """
    before = _totals(older) if older is not None else None
    return joined(
        (
            tag("p", _HOW, class_="js"),
            tag("form", *_search(), class_="js", role="search", id="seek"),
            tag("ul", id="hits", class_="js", aria_label="What was found"),
            tag("nav", tag("ol", id="crumbs"), aria_label="Where in the map", class_="js"),
            tag("div", id="map", class_="js", role="group", aria_label="Map of the bytes"),
            tag("p", id="about", class_="js"),
            tag("p", id="said", class_="js soft", role="status"),
            data_script("bytes", _drawn(node, (), before)),
            tag("div", id="rows", class_="js"),
            *(_changed(older, sizes, owned=owned) if older is not None else ()),
            beside,
            tag("details", tag("summary", "All of it as a list"), _list(node), class_="whole"),
        )
    )


def _search() -> tuple[Markup, ...]:
    return (
        tag("label", "Find a name", for_="find"),
        Markup('<input type="search" id="find" autocomplete="off" spellcheck="false">'),
        tag("button", "Find", type="submit"),
    )


def _totals(sizes: Sizes) -> dict[tuple[str, ...], int]:
    """Bytes of each path and of all above it."""
    totals: dict[tuple[str, ...], int] = {}
    for path, size in sizes.items():
        for depth in range(len(path) + 1):
            totals[path[:depth]] = totals.get(path[:depth], 0) + size
    return totals


def _drawn(node: Node, path: tuple[str, ...], before: dict[tuple[str, ...], int] | None) -> list[Any]:
    """[name, bytes, children, bytes before]: short, for there are thousands."""
    drawn: list[Any] = [printable(node.name), node.size]
    children = [_drawn(child, (*path, *child.steps), before) for child in node.children]
    if before is None:
        return [*drawn, children] if children else drawn
    return [*drawn, children, None if node.hidden else before.get(path, 0)]


def _list(node: Node, depth: int = 0) -> Markup:
    """Nested lists; what has more in it can be opened."""
    items = []
    for child in node.children:
        share = f"{child.size / max(node.size, 1):.0%}"
        line = joined(
            (
                tag("span", child.name, class_="name"),
                " ",
                tag("span", f"{human_size(child.size)}, {share}", class_="size"),
            )
        )
        if child.children and depth < _LISTED_DEPTH:
            items.append(tag("li", tag("details", tag("summary", line), _list(child, depth + 1))))
        else:
            items.append(tag("li", line))
    return tag("ul", *items, class_="tree")


def _changed(older: Sizes, sizes: Sizes, *, owned: bool) -> Iterator[Markup]:
    """Tables of what grew and shrank: kinds or layers, then packages, crates or folders, then functions and files."""
    before, after = sum(older.values()), sum(sizes.values())
    yield tag("h3", "What grew and shrank")
    yield tag("p", f"{human_size(before)} before, {human_size(after)} now: {signed(after - before)}.")
    yield _change_table("By kind" if owned else "By kind or layer", changes(older, sizes, 1))
    if owned:
        yield _change_table(
            "By package, crate or module, all kinds together", changes(totals(older), totals(sizes), _ALL)
        )
    else:
        yield _folded("By folder or section", changes(older, sizes, 3))
    yield _folded("By function, variable or file", changes(older, sizes, _ALL))


def _folded(title: str, found: tuple[Change, ...]) -> Markup:
    return tag("details", tag("summary", title), _change_table(title, found))


def _change_table(title: str, found: tuple[Change, ...]) -> Markup:
    if not found:
        return tag("p", f"{title}: nothing changed.")
    rows = [
        (" / ".join(one.path), one.word, human_size(one.before), human_size(one.after), signed(one.difference))
        for one in found[:_SHOWN_CHANGES]
    ]
    more = f" (the {_SHOWN_CHANGES} largest of {len(found)})" if len(found) > _SHOWN_CHANGES else ""
    return table(f"{title}{more}", ("What", "Change", "Before", "Now", "Difference"), rows, frozenset({2, 3, 4}))


def signed(difference: int) -> str:
    """``+1.2MB``, ``-340B``."""
    sign = "+" if difference > 0 else "-" if difference < 0 else "±"
    return f"{sign}{human_size(abs(difference))}"
