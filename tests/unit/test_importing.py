"""Any module may be the first one that somebody imports: none takes part in a circle.

Read from the sources: to import each one alone takes a minute.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from tests.unit.test_house import ROOT, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def texts_of_modules() -> dict[str, str]:
    """The sources, by the modules' names."""
    return {
        ".".join(("whit", *path.with_suffix("").parts)).removesuffix(".__init__"): (ROOT / path).read_text()
        for path in SOURCES
    }


def executed(body: Iterable[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that happen when the module is imported itself."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from executed(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from executed(ast.iter_child_nodes(node))


def imported(text: str, modules: Iterable[str]) -> Iterator[str]:
    """What a module names first: modules, and whatever else is imported."""
    for node in executed(ast.parse(text).body):
        package = node.module if isinstance(node, ast.ImportFrom) else None
        for alias in node.names:
            name = f"{package}.{alias.name}" if package else alias.name
            yield package if package and name not in modules else name


def graph(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Each module with those that must be whole before it is. A package's own folder is begun, not whole, when a part of it comes."""
    found: dict[str, set[str]] = {}
    for module, text in texts.items():
        names = {name for name in imported(text, texts) if name in texts}
        words = [(name, name.split(".")) for name in names]
        above = {".".join(parts[:count]) for _, parts in words for count in range(1, len(parts))}
        found[module] = names | {name for name in above if name in texts and not f"{module}.".startswith(f"{name}.")}
        found[module].discard(module)
    return found


def test_no_module_takes_part_in_a_circle() -> None:
    texts = texts_of_modules()
    order = list(TopologicalSorter(graph(texts)).static_order())
    assert len(order) == len(texts) > 900


@pytest.mark.parametrize(
    ("second", "is_circle"),
    [
        ("import p.a", True),
        ("from p import a", True),
        ("from p.a import name", True),
        ("try:\n    from p import a\nexcept ImportError:\n    pass", True),
        ("class B:\n    from p import a", True),
        ("if TYPE_CHECKING:\n    from p import a", False),
        ("def f():\n    from p import a", False),
        ("from p import c", False),
        ("from p.q import d", True),
    ],
)
def test_a_circle_is_one_of_what_is_executed(second: str, is_circle: bool) -> None:
    texts = {"p": "", "p.a": "from p.b import x", "p.b": second, "p.c": "", "p.q": "import p.a", "p.q.d": ""}
    sorter = TopologicalSorter(graph(texts))
    if is_circle:
        with pytest.raises(ValueError, match="cycle"):
            sorter.prepare()
    else:
        sorter.prepare()
