"""All that is known of a file or image → one HTML page that needs nothing else, the same bytes each time. Pure."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.report import sections
from whit.packer.report.bytesview import NOTHING, bytes_section, signed
from whit.packer.report.layersview import layers_section
from whit.packer.report.markup import Markup, joined, tag
from whit.packer.report.naming import grouped
from whit.packer.report.ownersview import owners_part
from whit.packer.report.tree import tree
from whit.packer.showing.console import human_size
from whit.packer.showing.inspectpage import identity, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.report.gathering import Looked

_HERE = Path(__file__).parent


def page(looked: Looked, older: Looked | None = None, allowed: frozenset[str] | None = None) -> str:
    """The whole page. ``older`` is compared with; ``allowed`` are the calls that whit's filter lets pass."""
    parts = tuple(_parts(looked, older, allowed))
    contents = (tag("li", tag("a", title, href=f"#{name}")) for name, title, _ in parts)
    body = (
        tag("a", "To the report", href="#bytes-part", class_="skip"),
        tag("header", *_header(looked, older)),
        tag("nav", tag("ul", *contents), class_="contents", aria_label="Contents"),
        tag("main", *(tag("section", tag("h2", title), inside, id=name) for name, title, inside in parts)),
        tag("footer", "Made by whit inspect. It was only read, never run; this page asks no network for anything."),
    )
    style, script = (_HERE / "report.css").read_text("utf-8"), (_HERE / "report.js").read_text("utf-8")
    return f"<!doctype html>\n{_html(looked.name, style, script, joined(body))}\n"


def _html(name: str, style: str, script: str, body: Markup) -> Markup:
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    head = (
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        tag("title", f"{name}: whit inspect"),
        Markup(f"<style>{style}</style>"),
    )
    return tag("html", tag("head", *head), tag("body", body, Markup(f"<script>{script}</script>")), lang="en")


def _digest(text: str) -> str:
    """Of an inline element's text, as a Content Security Policy allows it (CSP Level 3, hash-source)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _header(looked: Looked, older: Looked | None) -> Iterator[Markup]:
    yield tag("h1", looked.name)
    about = summary(looked.analysis) if looked.analysis else "a program that whit doesn't know"
    kind = f"Image of a {about}" if looked.image else about[:1].upper() + about[1:]
    yield tag("p", kind, f", compared with {older.name}" if older else "", class_="lead")
    yield tag(
        "ul", *(tag("li", tag("b", value), tag("span", what)) for value, what in _cards(looked, older)), class_="cards"
    )
    if looked.analysis:
        rows = (joined((tag("dt", label), tag("dd", value))) for label, value in identity(looked.analysis))
        yield tag("details", tag("summary", "What it is in detail"), tag("dl", *rows))


def _cards(looked: Looked, older: Looked | None) -> Iterator[tuple[str, str]]:
    """Figures that a person wants first."""
    size = sum((looked.sizes or {}).values())
    yield human_size(size), "in files" if looked.image else "on disk"
    if older is not None:
        yield signed(size - sum((older.sizes or {}).values())), f"than {older.name}"
    for surface in looked.compared.surfaces[:2]:
        yield str(surface.figure) if surface.figure is not None else "?", f"attack surface, {surface.name} run"
    calls = looked.called.names
    yield str(len(calls)) if calls is not None else "?", "system calls in its code"
    yield str(len(looked.findings)), "findings" if len(looked.findings) != 1 else "finding"


def _parts(looked: Looked, older: Looked | None, allowed: frozenset[str] | None) -> Iterator[tuple[str, str, Markup]]:
    """The name of each part for links, its title, and what is in it."""
    yield "bytes-part", "Where the bytes are", _bytes(looked, older)
    if looked.image is not None and looked.stored is not None:
        yield "layers", "Layers", layers_section(looked.image, looked.stored)
    yield "needs", "What it needs", sections.needs_section(looked)
    yield "surface", "Attack surface", sections.surface_section(looked.compared, older.compared if older else None)
    yield "calls", "System calls", sections.calls_section(looked.called, allowed, older.called if older else None)
    yield "findings", "Findings", sections.findings_section(looked.findings)


def _bytes(looked: Looked, older: Looked | None) -> Markup:
    sizes, analysis = looked.sizes or {}, looked.analysis
    owned = analysis is not None and looked.image is None and grouped(analysis)
    beside = (
        owners_part(looked.inside or {}, analysis.language.name, stripped=analysis.stripped) if analysis else NOTHING
    )
    return bytes_section(tree(looked.name, sizes), older.sizes if older else None, sizes, beside, owned=owned)
