"""HTML from words that nobody vouches for: whatever stands in a binary, none of it becomes markup. Pure."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

from whit.packer.showing.present import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


class Markup(str):
    """Text that is HTML already; all other text is escaped where it is put into some."""

    __slots__ = ()


def text(value: object) -> str:
    """Any value as HTML: markup as it is, the rest with all that isn't printable shown as an escape, and no character that means something to HTML."""
    return value if isinstance(value, Markup) else html.escape(printable(str(value)), quote=True)


def tag(name: str, *inside: object, **attributes: object) -> Markup:
    """An element. Attributes of None or False are left out, those of True have no value; ``_`` in a name is ``-``, one at its end nothing."""
    shown = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    return Markup(f"<{name}{shown}>{''.join(map(text, inside))}</{name}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'


def joined(parts: Iterable[object]) -> Markup:
    """One after the other."""
    return Markup("".join(map(text, parts)))


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], numbers: frozenset[int] = frozenset()
) -> Markup:
    """A table whose first cell names its row; columns of ``numbers`` are set to the right."""
    body = [
        tag(
            "tr",
            *(
                tag(
                    "th" if at == 0 else "td",
                    cell,
                    scope="row" if at == 0 else None,
                    class_="n" if at in numbers else None,
                )
                for at, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    titles = (tag("th", title, scope="col", class_="n" if at in numbers else None) for at, title in enumerate(head))
    inner = (tag("caption", caption), tag("thead", tag("tr", *titles)), tag("tbody", *body))
    return tag("div", tag("table", *inner), class_="scroll", tabindex="0", role="region", aria_label=caption)


def data_script(name: str, value: object) -> Markup:
    """JSON for the page's own script: it can neither end the element nor begin another."""
    shown = json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
    return Markup(f'<script type="application/json" id="{text(name)}">{shown}</script>')
