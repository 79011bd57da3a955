"""Rows of a listing by a template: a line each, as a table with a header, or as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.showing.tabular import aligned
from whit.packer.template.evaluate import parse
from whit.packer.template.functions import HEADERS
from whit.packer.template.goprint import json_text
from whit.packer.template.nodes import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

TABLE = "table"


def render_rows(
    form: str,
    rows: Iterable[Mapping[str, object]],
    headers: Mapping[str, str],
    methods: Mapping[str, Callable[..., object]] | None = None,
    *,
    usual: str = "",
) -> str:
    r"""What ``--format FORM`` shows for rows: ``json``, ``table TEMPLATE`` or a template; each line ends in a line feed.

    ``headers`` are the fields' names above a table's columns. ``\t`` and ``\n`` in the template mean a tab and a line
    feed, as docker has it for its listings. ``usual`` is what ``table`` alone stands for. Raises :class:`TemplateError`.
    """
    ordered = ({key: row[key] for key in sorted(row)} for row in rows)
    if form == "json":
        return "".join(f"{json_text(row)}\n" for row in ordered)
    form = usual if form.strip() == TABLE else form
    is_table = form.startswith(TABLE)
    text = form.removeprefix(TABLE).strip(" ").replace("\\t", "\t").replace("\\n", "\n")
    template = parse(text)
    lines = "".join(f"{template.render(row, methods)}\n" for row in ordered)
    if not is_table:
        return lines
    return aligned(f"{_header(text, headers)}\n{lines}")


def _header(text: str, headers: Mapping[str, str]) -> str:
    """The template filled in with names of columns; where it does more than name fields, as far as that goes."""
    named = {"Label": lambda _, name: str(name).rpartition(".")[2].replace("-", " ").replace("_", " ")}
    try:
        return parse(text).render(dict(headers), named, HEADERS)
    except TemplateError:
        return ""
