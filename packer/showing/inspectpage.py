"""``whit inspect`` for people: what an executable is, what it needs and why, what an image of it holds. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from whit.packer.executable.analysis import Format, Linkage, Relro
from whit.packer.needs.model import Grade, Verdict
from whit.packer.showing.console import human_size
from whit.packer.showing.present import INSET, NARROWEST, columns, heading, printable, under
from whit.packer.showing.wording import fact, needed_file_lines
from whit.packer.support.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from whit.packer.executable.analysis import Analysis, Evidence, Hardening, WasmInfo
    from whit.packer.resolution.model import Resolution

LANGUAGE_NAMES = {"go": "Go", "rust": "Rust", "nim": "Nim", "zig": "Zig", "c": "C", "c++": "C++"}

_FORMAT_NAMES = {
    Format.ELF: "ELF",
    Format.WASM_MODULE: "WebAssembly module",
    Format.WASM_COMPONENT: "WebAssembly component",
}
_VERDICT_COLOURS = {Verdict.NEEDED: "green", Verdict.MAYBE: "yellow"}
_GIVES = {
    "files": "the image's, and what -v gives",
    "HTTP": "requests to it, at the port that is published, and its own where it has a network",
    "arguments": "those behind the file's or image's name",
    "environment": "the image's, and what -e gives",
}
"""What of a host's things a person decides on, and how with whit."""

_SETTINGS_LEFT_OUT = ("vcs", "DefaultGODEBUG", "-compiler", "GOARCH", "GOOS")
_SHOWN_EVIDENCE = 3
_SHOWN_PARTS = 5
_SHOWN_EXPORTS = 6
_PAGE = 65536
"""Bytes: WebAssembly core specification, 4.2.8."""


def page(name: str, analysis: Analysis, resolution: Resolution, width: int | None = None) -> Iterator[str]:
    """``whit inspect`` for people, line by line, of at most ``width`` characters if that is given.

    Styled: ``click.echo`` drops that where no terminal reads.
    """
    yield click.style(f"{printable(name)}: {summary(analysis)}", bold=True)
    yield ""
    yield from columns(list(identity(analysis)), width=width)
    if analysis.wasm:
        yield from _host(analysis.wasm, width)
    if analysis.format is Format.ELF or resolution.files:
        yield from _needs(resolution, width)
        yield from _files(resolution, width)
        yield from _libraries(analysis, resolution, width)
    else:
        yield from heading("Nothing stands beside it in an image: a WebAssembly program gets everything from its host.")
    yield from _protection(analysis.hardening, width)
    yield from _sizes(analysis, width)
    if resolution.missing:
        yield from heading("Missing, so it can't start in an image")
        yield from under(printable(", ".join(lack.what for lack in resolution.missing)), width)
        for cure in dict.fromkeys(lack.cure for lack in resolution.missing):
            yield from under(printable(cure), width)
    if resolution.advice:
        yield from heading("Advice")
        yield from columns([(advice.about, advice.text) for advice in resolution.advice], width=width)


def summary(analysis: Analysis) -> str:
    """``static Go program, linux/amd64, 12.3MB``."""
    language = LANGUAGE_NAMES.get(analysis.language.name)
    if analysis.format is not Format.ELF:
        kind = _FORMAT_NAMES[analysis.format] + (f" from {language}" if language else "")
    else:
        linkage = "dynamic" if analysis.linkage is Linkage.DYNAMIC else "static"
        kind = f"{linkage} {language} program" if language else f"{linkage} program in a language that isn't known"
    return f"{kind}, {analysis.platform}, {human_size(analysis.size)}"


def identity(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """Label and value of what is known; what isn't has no row."""
    build, language = analysis.build, analysis.language
    linkage = f", {analysis.linkage}" if analysis.format is Format.ELF else ""
    yield "format", f"{_FORMAT_NAMES[analysis.format]}{linkage}{', stripped' if analysis.stripped else ''}"
    yield "platform", str(analysis.platform)
    known = " ".join(filter(None, (LANGUAGE_NAMES.get(language.name, language.name), language.version)))
    yield "language", f"{printable(known)}{_because(language.evidence)}"
    rows = (
        ("libc", analysis.libc),
        ("loader", analysis.interpreter),
        ("libraries", ", ".join(analysis.libraries)),
        ("module", " ".join(filter(None, (build.module or build.main_path, build.module_version)))),
        ("revision", _revision(analysis)),
        ("built with", ", ".join(_settings(analysis))),
        ("depends on", counted(len(build.dependencies), "module") if build.dependencies else None),
        ("build id", build.build_id),
        *_webassembly(analysis.wasm),
    )
    yield from ((label, printable(value)) for label, value in rows if value)


def _webassembly(wasm: WasmInfo | None) -> Iterator[tuple[str, str | None]]:
    if wasm is None:
        return
    yield "name", wasm.module_name
    yield "interface", wasm.wasi or "not WASI's"
    yield "started as", wasm.world or "nothing: it is a library"
    yield "exports", ", ".join(wasm.exports[:_SHOWN_EXPORTS]) + (" …" if len(wasm.exports) > _SHOWN_EXPORTS else "")
    if wasm.modules > 1:
        yield "made of", counted(wasm.modules, "module")
    yield (
        "made with",
        ", ".join(f"{name} {version}".strip() for role, name, version in wasm.producers if role != "language"),
    )
    yield "features", ", ".join(wasm.features)
    if wasm.memory_min_pages is not None:
        limit = (
            f" to {human_size(wasm.memory_max_pages * _PAGE)}" if wasm.memory_max_pages is not None else ", no limit"
        )
        yield "memory", f"from {human_size(wasm.memory_min_pages * _PAGE)}{limit}"


def _host(wasm: WasmInfo, width: int | None) -> Iterator[str]:
    """What it can ask its host for, and who decides on that."""
    yield from heading("It can ask its host for" if wasm.host else "It asks its host for nothing.")
    sockets = "what --network gives" if wasm.wasi == "wasip2" else "sockets that it is handed: whit hands it none"
    gives = {**_GIVES, "network": sockets}
    of_nobody = {
        name for name in wasm.host if any(found.startswith((f"{name}.", f"{name}@")) for found in wasm.foreign)
    }
    rows = [
        (printable(what), "no WASI host has it" if what in of_nobody else gives.get(what, "")) for what in wasm.host
    ]
    yield from columns(rows, width=width)


def _because(evidence: Sequence[Evidence]) -> str:
    return f"   ({fact(evidence[0])})" if evidence else ""


def _revision(analysis: Analysis) -> str | None:
    revision = analysis.build.setting("vcs.revision")
    if not revision:
        return None
    when = analysis.build.setting("vcs.time")
    changed = ", with uncommitted changes" if analysis.build.setting("vcs.modified") == "true" else ""
    return f"{revision}{f' of {when}' if when else ''}{changed}"


def _settings(analysis: Analysis) -> Iterator[str]:
    """The settings that tell one build from another; the revision has a line of its own, and JSON has all."""
    shown = (item for item in analysis.build.settings if item[1] and not item[0].startswith(_SETTINGS_LEFT_OUT))
    return (f"{key}={value}" for key, value in shown)


def _needs(resolution: Resolution, width: int | None) -> Iterator[str]:
    sizes = resolution.bytes_by_need()
    asked = [need for need in resolution.needs if need.verdict is not Verdict.NOT]
    brought = [need for need in resolution.needs if need.grade is Grade.EMBEDDED]
    rest = [need.name for need in resolution.needs if need not in asked and need not in brought]
    yield from heading("Needs")
    label = max(len(need.name) for need in resolution.needs)
    alike: list[str] = []
    for (verdict, reason), same in groupby((*asked, *brought), key=lambda need: (need.verdict, need.reason)):
        first, *others = same
        word = verdict if verdict is not Verdict.NOT else "embedded"
        colour = _VERDICT_COLOURS.get(verdict)
        if others:
            names = ", ".join(need.name for need in (first, *others))
            opening, *more = under(f"{word}: {names}; {reason}", width)
            alike += [opening.replace(word, click.style(word, fg=colour), 1), *more]
            continue
        bytes_ = f" ({human_size(sizes[first.name])})" if sizes.get(first.name) else ""
        indent = f"  {'':{label}}   {'':8}   "
        below = width is not None and width - len(indent) < NARROWEST
        if below:
            indent = f"  {INSET}"
        opening, *more = under(f"{reason}{bytes_}", width, indent)
        beside = "" if below else f"   {opening.lstrip()}"
        yield f"  {first.name:{label}}   {click.style(f'{word:8}', fg=colour)}{beside}".rstrip()
        yield from (opening, *more) if below else more
        if first.evidence:
            yield from (click.style(line, dim=True) for line in under(_evidence(first.evidence), width, indent))
    yield from alike
    if rest:
        nothing = f"{'nothing else: no' if asked or brought else 'nothing: no'} {', '.join(rest)}"
        yield from under(nothing, width)


def _evidence(facts: Sequence[Evidence]) -> str:
    shown = ", ".join(map(fact, facts[:_SHOWN_EVIDENCE]))
    more = len(facts) - _SHOWN_EVIDENCE
    return f"{shown} and {more} more" if more > 0 else shown


def _files(resolution: Resolution, width: int | None) -> Iterator[str]:
    if not resolution.files:
        yield from heading("Nothing stands beside it in an image.")
        return
    size = human_size(sum(file.size for file in resolution.files))
    yield from heading(f"Beside it in an image: {size}")
    yield from columns([(line.path, line.size, line.reason) for line in needed_file_lines(resolution)], width=width)
    if resolution.sources:
        yield f"  taken from {', '.join(origin for _, origin in resolution.sources)}"


def _libraries(analysis: Analysis, resolution: Resolution, width: int | None) -> Iterator[str]:
    """Those that the program itself asks for each with how it was found, the others by name."""
    if not resolution.libraries:
        return
    sizes = {file.path: file.size for file in resolution.files}
    asked_for = {*analysis.libraries, *filter(None, (analysis.interpreter,))}
    own = [library for library in resolution.libraries if asked_for & {library.soname, library.path}]
    others = [library.soname for library in resolution.libraries if library not in own]
    total = sum(sizes.get(library.image_path, 0) for library in resolution.libraries)
    yield from heading(f"Libraries: {len(resolution.libraries)}, {human_size(total)}")
    rows = [(printable(one.image_path), human_size(sizes.get(one.image_path, 0)), one.found_by) for one in own]
    yield from columns(rows, width=width)
    if others:
        yield from under(f"and theirs: {printable(', '.join(others))}", width)


def _protection(hardening: Hardening | None, width: int | None) -> Iterator[str]:
    """The protections that it has on one line, those that it lacks on another."""
    if hardening is None:
        return
    states = (
        ("read-only relocations", {Relro.FULL: True, Relro.NONE: False}.get(hardening.relro)),
        ("position-independent", hardening.pie),
        ("non-executable stack", not hardening.executable_stack),
        ("stack protector", hardening.stack_protector),
        ("fortified libc calls", hardening.fortify),
    )
    has = [name for name, state in states if state]
    lacks = [name for name, state in states if state is False]
    if hardening.relro is Relro.PARTIAL:
        lacks.append("read-only relocations (only some)")
    rows = [(label, ", ".join(names)) for label, names in (("has", has), ("lacks", lacks)) if names]
    if hardening.runpath:
        rows.append(("runpath", printable(":".join(hardening.runpath))))
    yield from heading("Hardening")
    yield from columns(rows, width=width)


def _sizes(analysis: Analysis, width: int | None) -> Iterator[str]:
    if not analysis.parts:
        return
    shown, rest = analysis.parts[:_SHOWN_PARTS], analysis.parts[_SHOWN_PARTS:]
    rows = [(part.name, part.size) for part in shown]
    if rest:
        rows.append((f"{len(rest)} more kinds", sum(part.size for part in rest)))
    yield from heading(f"Its {human_size(analysis.size)}")
    lines = list(columns([(name, f"{size / analysis.size:4.0%}", human_size(size)) for name, size in rows]))
    if width is not None and max(map(len, lines)) > width:
        lines = list(columns([(name, f"{size / analysis.size:4.0%}") for name, size in rows]))
    yield from lines
