"""Tables of what each package, crate or module takes, or where names tell none, of the largest functions. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.report.markup import Markup, joined, table, tag
from whit.packer.report.naming import OWNERS
from whit.packer.report.owners import Owner, owners, unowned
from whit.packer.showing.console import human_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.report.tree import Sizes

_ROWS = 40
_NUMBERS = frozenset({1, 2, 3, 4, 5})
_HEAD = ("Code", "Data", "Tables", "Together", "Share")
_HOW = (
    "Sizes of code are the file's own. Constants that have no name are taken to be of the code that first points to "
    "them; tables are function tables, symbols, unwinding and relocations."
)
_GUESSED = (
    " Its symbols were stripped: a function's crate is told by the source files that its panics name, and by its neighbours; "
    "what tells nothing is left out."
)


def owners_part(sizes: Sizes, language: str, *, stripped: bool) -> Markup:
    """A table for each level of the language's owners, the first one open."""
    names = OWNERS.get(language)
    whole = sum(sizes.values())
    if names is None or not whole or not owners(sizes, 1):
        return Markup("")
    told = whole - unowned(sizes)
    how = _HOW + (_GUESSED if stripped and language == "rust" else "")
    tables = [_owners_table(name, owners(sizes, depth + 1), whole) for depth, name in enumerate(names)]
    return joined(
        (
            tag("h3", f"By {names[0]}"),
            tag("p", f"Of {told / whole:.1%} of the bytes it is told whose they are. {how}"),
            tables[0],
            *(
                tag("details", tag("summary", f"By {name}"), made)
                for name, made in zip(names[1:], tables[1:], strict=True)
            ),
        )
    )


def _owners_table(name: str, found: Sequence[Owner], whole: int) -> Markup:
    rows: list[Sequence[object]] = [(one.path[-1], *_cells(one, whole)) for one in found[:_ROWS]]
    if len(found) > _ROWS:
        rest = found[_ROWS:]
        rows.append((tag("em", f"{len(rest)} smaller"), *_cells(_sum(rest), whole)))
    return table(f"Bytes by {name}, the largest first", (name.capitalize(), *_HEAD), rows, _NUMBERS)


def _sum(found: Sequence[Owner]) -> Owner:
    return Owner((), *(sum(getattr(one, part) for one in found) for part in ("code", "data", "tables")))


def _cells(one: Owner, whole: int) -> tuple[str, ...]:
    numbers = (one.code, one.data, one.tables, one.total)
    return (*(human_size(size) if size else "-" for size in numbers), f"{one.total / whole:.1%}")
