"""Pages for people: what an executable is and needs, and what an image holds. Pure: text in, lines out.

Text that comes out of an executable or a file's name is shown with its control characters escaped: a hostile module
name mustn't drive the terminal.
"""

from __future__ import annotations

import posixpath
import textwrap
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import click

from whit.packer.analysis import EvidenceKind, Format, Linkage
from whit.packer.console import human_size
from whit.packer.imagespec import PARENT_REASON, EntryKind
from whit.packer.needs.model import Grade, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whit.packer.analysis import Analysis, Evidence
    from whit.packer.imagespec import ImageSpec
    from whit.packer.packcache import ImageFile
    from whit.packer.resolution import Resolution

LANGUAGE_NAMES = {"go": "Go", "rust": "Rust", "nim": "Nim", "zig": "Zig", "c": "C"}

_FORMAT_NAMES = {
    Format.ELF: "ELF",
    Format.WASM_MODULE: "WebAssembly module",
    Format.WASM_COMPONENT: "WebAssembly component",
}
_VERDICT_COLOURS = {Verdict.NEEDED: "green", Verdict.MAYBE: "yellow"}
_SETTINGS_LEFT_OUT = ("vcs", "DefaultGODEBUG", "-compiler", "GOARCH", "GOOS")
_COLLAPSED_FROM = 8
_SHOWN_EVIDENCE = 3
_NARROWEST = 24


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line about files in an image: a path (a folder's ends in a slash), how large, why."""

    path: str
    size: str
    reason: str


def printable(text: str) -> str:
    """The text with everything that isn't a printable character escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode() for char in text
    )


def file_lines(spec: ImageSpec) -> tuple[FileLine, ...]:
    """What an image will hold, the program last; many files of one need become one line, folders in between none."""
    rows = [
        (entry.path, entry.size, entry.reason, entry.kind is EntryKind.DIRECTORY)
        for layer in spec.layers
        for entry in layer.entries
        if entry.reason != PARENT_REASON
    ]
    return _collapsed(rows)


def reported_lines(files: Iterable[ImageFile]) -> tuple[FileLine, ...]:
    """As :func:`file_lines`, for an image that has been packed."""
    rows = [(file.path, file.size, file.reason, file.kind == EntryKind.DIRECTORY) for file in files]
    return _collapsed([row for row in rows if row[2] != PARENT_REASON])


def needed_file_lines(resolution: Resolution) -> tuple[FileLine, ...]:
    """As :func:`file_lines`, for what stands beside a program that isn't packed yet; reasons are needs' names."""
    wanted = {need.name for need in resolution.needs if need.verdict is not Verdict.NOT}
    return _collapsed(
        [
            (file.path, file.size, file.need if file.need in wanted else "every image has it", file.content is None)
            for file in resolution.files
        ]
    )


def _collapsed(rows: Sequence[tuple[str, int, str, bool]]) -> tuple[FileLine, ...]:
    lines: list[FileLine] = []
    for (reason, is_folder), same in groupby(rows, key=lambda row: (row[2], row[3])):
        group = list(same)
        if len(group) >= _COLLAPSED_FROM:
            folder = posixpath.commonpath([path for path, *_ in group])
            size = human_size(sum(size for _, size, *_ in group))
            lines.append(FileLine(f"{printable(folder)}/", size, f"{reason} ({len(group)} files)"))
        elif is_folder:
            lines += (FileLine(f"{printable(path)}/", "-", reason) for path, *_ in group)
        else:
            lines += (FileLine(printable(path), human_size(size), reason) for path, size, *_ in group)
    return tuple(lines)


def columns(rows: Sequence[Sequence[str]], indent: str = "  ", width: int | None = None) -> Iterator[str]:
    """Rows of cells as aligned lines, the last column unpadded, and wrapped below itself to ``width`` if that is given."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    hanging = sum(widths[:-1]) + 3 * (len(widths) - 1)
    for row in rows:
        *cells, last = (cell.ljust(size) for cell, size in zip(row, widths, strict=True))
        first, *more = _wrapped(last, width and width - len(indent) - hanging)
        yield f"{indent}{'   '.join((*cells, first))}".rstrip()
        yield from (f"{indent}{'':{hanging}}{line}" for line in more)


def _wrapped(text: str, width: int | None) -> list[str]:
    """Lines of at most ``width`` characters; the text as it is where there is no room to speak of."""
    if width is None or width < _NARROWEST:
        return [text]
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def page(name: str, analysis: Analysis, resolution: Resolution, width: int | None = None) -> Iterator[str]:
    """``whit inspect`` for people, line by line, of at most ``width`` characters if that is given.

    Styled: ``click.echo`` drops that where no terminal reads.
    """
    yield click.style(f"{printable(name)}: {_summary(analysis)}", bold=True)
    yield ""
    yield from columns(list(_identity(analysis)), width=width)
    yield from _needs(resolution, width)
    yield from _files(resolution, width)
    if resolution.missing:
        yield from _heading("Missing, so it can't start in an image")
        yield f"  {printable(', '.join(lack.what for lack in resolution.missing))}"
        yield from (f"  {cure}" for cure in dict.fromkeys(lack.cure for lack in resolution.missing))
    if resolution.advice:
        yield from _heading("Advice")
        yield from columns([(advice.about, advice.text) for advice in resolution.advice], width=width)


def _heading(text: str) -> Iterator[str]:
    yield ""
    yield click.style(text, bold=True)


def _summary(analysis: Analysis) -> str:
    language = LANGUAGE_NAMES.get(analysis.language.name)
    if analysis.format is not Format.ELF:
        kind = _FORMAT_NAMES[analysis.format] + (f" from {language}" if language else "")
    else:
        linkage = "dynamic" if analysis.linkage is Linkage.DYNAMIC else "static"
        kind = f"{linkage} {language} program" if language else f"{linkage} program in a language that isn't known"
    return f"{kind}, {analysis.platform}, {human_size(analysis.size)}"


def _identity(analysis: Analysis) -> Iterator[tuple[str, str]]:
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
        ("depends on", f"{len(build.dependencies)} modules" if build.dependencies else None),
        ("build id", build.build_id),
        ("interface", analysis.wasm.wasi if analysis.wasm else None),
    )
    yield from ((label, printable(value)) for label, value in rows if value)


def _because(evidence: Sequence[Evidence]) -> str:
    return f"   ({_fact(evidence[0])})" if evidence else ""


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
    sizes = bytes_by_need(resolution)
    asked = [need for need in resolution.needs if need.verdict is not Verdict.NOT]
    brought = [need for need in resolution.needs if need.grade is Grade.EMBEDDED]
    rest = [need.name for need in resolution.needs if need not in asked and need not in brought]
    yield from _heading("Needs")
    label = max(len(need.name) for need in resolution.needs)
    alike: list[str] = []
    for (verdict, reason), same in groupby((*asked, *brought), key=lambda need: (need.verdict, need.reason)):
        first, *others = same
        word = verdict if verdict is not Verdict.NOT else "embedded"
        colour = _VERDICT_COLOURS.get(verdict)
        if others:
            alike.append(
                f"  {click.style(word, fg=colour)}: {', '.join(need.name for need in (first, *others))}; {reason}"
            )
            continue
        bytes_ = f" ({human_size(sizes[first.name])})" if sizes.get(first.name) else ""
        room, under = width and width - label - 16, f"  {'':{label}}   {'':8}   "
        opening, *more = _wrapped(f"{reason}{bytes_}", room)
        yield f"  {first.name:{label}}   {click.style(f'{word:8}', fg=colour)}   {opening}"
        yield from (f"{under}{line}" for line in more)
        if first.evidence:
            yield from (click.style(f"{under}{line}", dim=True) for line in _wrapped(_evidence(first.evidence), room))
    yield from alike
    if rest:
        nothing = f"{'nothing else: no' if asked or brought else 'nothing: no'} {', '.join(rest)}"
        yield from (f"  {line}" for line in _wrapped(nothing, width and width - 2))


def _evidence(evidence: Sequence[Evidence]) -> str:
    shown = ", ".join(_fact(fact) for fact in evidence[:_SHOWN_EVIDENCE])
    more = len(evidence) - _SHOWN_EVIDENCE
    return f"{shown} and {more} more" if more > 0 else shown


def _fact(fact: Evidence) -> str:
    detail = printable(fact.detail)
    if fact.kind is EvidenceKind.STRING:
        return f'"{detail}"'
    if fact.kind is EvidenceKind.INSTRUCTION:
        return detail + (f" at {fact.offset:#x}" if fact.offset is not None else "")
    return detail if fact.kind in {EvidenceKind.FUNCTION, EvidenceKind.SYMBOL} else f"{fact.kind} {detail}"


def _files(resolution: Resolution, width: int | None) -> Iterator[str]:
    if not resolution.files:
        yield from _heading("Nothing stands beside it in an image.")
        return
    size = human_size(sum(file.size for file in resolution.files))
    yield from _heading(f"Beside it in an image: {size}")
    yield from columns([(line.path, line.size, line.reason) for line in needed_file_lines(resolution)], width=width)
    if resolution.sources:
        yield f"  taken from {', '.join(origin for _, origin in resolution.sources)}"


def bytes_by_need(resolution: Resolution) -> dict[str, int]:
    """What each need costs in the image, in bytes of content."""
    sizes: dict[str, int] = {}
    for file in resolution.files:
        sizes[file.need] = sizes.get(file.need, 0) + file.size
    return sizes
