"""``--format``: Go's text/template as docker's commands have it, over trees of plain values. Pure.

    lexing.py      text → tokens
    parsing.py     tokens → nodes (nodes.py)
    evaluate.py    nodes + a value → text                (functions.py, goprint.py: what the functions do)
    listing.py     rows of a listing: one line each, as a table, as JSON

docs/format.md says what is there. A template may come from anybody: its size, depth, work and output are bounded.
"""

from __future__ import annotations

__all__ = ["Template", "TemplateError", "json_text", "parse", "render_rows"]

from whit.packer.template.evaluate import Template, parse
from whit.packer.template.goprint import json_text
from whit.packer.template.listing import render_rows
from whit.packer.template.nodes import TemplateError
