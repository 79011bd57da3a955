"""The part of a report that tells where the bytes are: a map that the page's script draws, and the same as lists. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whit.packer.report.markup import Markup, data_script, joined, tag
from whit.packer.report.tree import changes
from whit.packer.showing.console import human_size
from whit.packer.showing.present import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.report.tree import Change, Node, Sizes

_LISTED_DEPTH = 5
_SHOWN_CHANGES = 100


def bytes_section(node: Node, older: Sizes | None, sizes: Sizes) -> Markup:
    """The map, the lists, and with an older file what changed."""
    before = _totals(older) if older is not None else None
    return joined(
        (
            tag("p", "Each box is as large as the bytes that it takes. Choose one to look into it.", class_="js"),
            tag("nav", tag("ol", id="crumbs"), aria_label="Where in the map", class_="js"),
            tag("div", id="map", class_="js", role="group", aria_label="Map of the bytes"),
            tag("p", id="about", class_="js", role="status", aria_live="polite"),
            data_script("bytes", _drawn(node, (), before)),
            tag("details", tag("summary", "The same as a list"), _list(node)),
            *(_changed(older, sizes) if older is not None else ()),
        )
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


def _changed(older: Sizes, sizes: Sizes) -> Iterator[Markup]:
    """Tables of what grew and shrank: kinds or layers, then packages, crates and folders, then functions and files."""
    before, after = sum(older.values()), sum(sizes.values())
    yield tag("h3", "What grew and shrank")
    yield tag("p", f"{human_size(before)} before, {human_size(after)} now: {signed(after - before)}.")
    for depth, title in ((1, "By kind"), (3, "By package, crate or folder"), (64, "By function, variable or file")):
        told = _change_table(title, changes(older, sizes, depth))
        yield told if depth == 1 else tag("details", tag("summary", title), told)


def _change_table(title: str, found: tuple[Change, ...]) -> Markup:
    from whit.packer.report.markup import table  # noqa: PLC0415 - of reports that compare

    if not found:
        return tag("p", f"{title}: nothing changed.")
    rows = [
        (" / ".join(one.path), one.word, human_size(one.before), human_size(one.after), signed(one.difference))
        for one in found[:_SHOWN_CHANGES]
    ]
    more = f" (the {_SHOWN_CHANGES} largest of {len(found)})" if len(found) > _SHOWN_CHANGES else ""
    return table(f"{title}{more}", ("What", "", "Before", "Now", "Difference"), rows, frozenset({2, 3, 4}))


def signed(difference: int) -> str:
    """``+1.2MB``, ``-340B``."""
    sign = "+" if difference > 0 else "-" if difference < 0 else "±"
    return f"{sign}{human_size(abs(difference))}"
