"""Findings as people and programs read them: the page, and ``whit-trace/1`` of docs/trace.md. Pure."""

from __future__ import annotations

import posixpath
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from whit.packer.showing.console import human_size
from whit.packer.showing.present import columns, printable
from whit.packer.support.counting import counted
from whit.runtime.trace.known import is_probe
from whit.runtime.trace.verdict import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whit.runtime.trace.code import CodeCalls
    from whit.runtime.trace.sightings import Address, Execution, Sightings
    from whit.runtime.trace.verdict import Findings, ImageFile, Miss, Written

SCHEMA = "whit-trace/1"
_FIRST_FREE_PORT = 1024
_FOLDED_FROM = 6
"""So many lines about one folder become one."""


@dataclass(frozen=True, slots=True)
class Run:
    """One traced run, for the report. ``target`` is what stood on the command line, ``packable`` tells a file.

    ``given`` are the options of ``whit pack`` that were given already. ``code`` is what is known of its code's system calls, where
    others are to be told.
    """

    target: str
    program: str
    arguments: tuple[str, ...]
    status: int
    stopped: bool
    seconds: float
    packable: bool
    given: tuple[str, ...] = ()
    code: CodeCalls | None = None


def page(run: Run, sightings: Sightings, findings: Findings, width: int | None = None) -> Iterator[str]:
    """The report for a person, line by line; styled, which ``click.echo`` drops where no terminal reads."""
    yield click.style(f"{printable(run.target)}: {_ended(run)}; {counted(sightings.calls, 'call')} watched", bold=True)
    sections: tuple[tuple[str, list[tuple[str, ...]]], ...] = (
        ("Missed", list(_missed(findings.missed))),
        ("Given by who runs it, not by the image", list(_missed(_weighing(findings, Weight.RUNTIME)))),
        ("There, and closed to the program's user", [(path,) for path in findings.unreadable]),
        ("Executed", list(_executed(findings))),
        ("Used of the image", list(_files(findings.used))),
        ("Never touched in this run, and kept: another run may", list(_files(findings.untouched))),
        ("Written", list(_written(findings))),
        ("Network", [_reached(address) for address in findings.addresses if not is_probe(address.host)]),
        ("Needs that analysis left open, and this run shows", list(_promotions(findings))),
        ("System calls that aren't in the program's code", list(_unfound(sightings))),
    )
    for title, rows in sections:
        if rows:
            yield ""
            yield click.style(title, bold=True)
            yield from columns([tuple(map(printable, row)) for row in rows], width=width)
    yield from _footer(run, sightings, findings)


def _ended(run: Run) -> str:
    how = "was ended" if run.stopped else "ended"
    return f"ran {_seconds(run.seconds)} and {how} with status {run.status}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _weighing(findings: Findings, weight: Weight) -> tuple[Miss, ...]:
    return tuple(miss for miss in findings.misses if miss.weight is weight)


def _missed(chosen: Iterable[Miss]) -> Iterator[tuple[str, str, str]]:
    folded: dict[tuple[str, str], list[Miss]] = {}
    for miss in chosen:
        by_need = miss.cure.options[:1] == ("--needs",)
        key = ("", miss.need or "") if by_need else (posixpath.dirname(miss.path), miss.need or "")
        folded.setdefault(key, []).append(miss)
    for (_, need), misses in folded.items():
        by_need = misses[0].cure.options[:1] == ("--needs",)
        if by_need or len(misses) >= _FOLDED_FROM:
            more = f" and {len(misses) - 1} more" if len(misses) > 1 else ""
            yield f"{misses[0].path}{more}", need, _cure(misses[0])
        else:
            yield from ((_with_others(miss), need, _cure(miss)) for miss in misses)


def _with_others(miss: Miss) -> str:
    return f"{posixpath.basename(miss.path)}, in {len(miss.others) + 1} places" if miss.others else miss.path


def _cure(miss: Miss) -> str:
    return "; ".join(filter(None, (" ".join(miss.cure.options), miss.cure.text)))


def _executed(findings: Findings) -> Iterator[tuple[str, str]]:
    """Each program once, with the first words of its commands."""
    yield from dict.fromkeys((item.path, _command(item)) for item in findings.executed)


def _command(item: Execution) -> str:
    name = (
        "" if posixpath.basename("".join(item.words[:1])) == posixpath.basename(item.path) else "".join(item.words[:1])
    )
    return " ".join(filter(None, (name, *item.words[1:], "" if item.there else "(not there)")))


def _files(files: Iterable[ImageFile]) -> Iterator[tuple[str, str, str]]:
    by_folder: dict[tuple[str, str], list[ImageFile]] = {}
    for file in files:
        by_folder.setdefault((file.need, _top(file)), []).append(file)
    for (need, _), group in by_folder.items():
        if len(group) >= _FOLDED_FROM:
            folder = posixpath.commonpath([file.path for file in group])
            yield f"{folder.rstrip('/')}/ ({len(group)} files)", human_size(sum(file.size for file in group)), need
        else:
            yield from ((file.path, human_size(file.size), need) for file in group)


def _top(file: ImageFile) -> str:
    """Files of one need are told together; others by their folder."""
    return "" if file.need else posixpath.dirname(file.path)


def _written(findings: Findings) -> Iterator[tuple[str, str]]:
    by_place: dict[tuple[str, bool], list[Written]] = {}
    for item in findings.written:
        by_place.setdefault((posixpath.dirname(item.path), item.works), []).append(item)
    for (folder, works), items in by_place.items():
        said = "" if works else f"it can't be: {items[0].cure.text}"
        if len(items) >= _FOLDED_FROM:
            yield f"{folder.rstrip('/')}/ ({len(items)} names)", said
        else:
            yield from ((item.path, said) for item in items)


def _reached(address: Address) -> tuple[str, str]:
    low = address.deed != "connect" and 0 < (address.port or 0) < _FIRST_FREE_PORT
    return address.deed, f"{address}{'   (only root, or with --cap-add NET_BIND_SERVICE)' if low else ''}"


def _promotions(findings: Findings) -> Iterator[tuple[str, str]]:
    for promotion in findings.promotions:
        yield promotion.need, f"{promotion.verdict}, and now needed: {promotion.path}"


def _unfound(sightings: Sightings) -> Iterator[tuple[str, str]]:
    yield from ((name, ", ".join(sorted(programs - {""}))) for name, programs in sorted(sightings.unfound.items()))


def _about_calls(run: Run, code: CodeCalls, sightings: Sightings) -> Iterator[str]:
    if not sightings.unfound:
        yield f"It made no system call but the {len(code.names)} that are found in its code."
    elif not code.lacking and run.packable:
        words = ("--seccomp", "auto", "--add-calls", ",".join(sorted(sightings.unfound)), run.target, *run.given)
        yield f"To add these calls to a filter of its own: whit pack {shlex.join(words)}"
    yield from (f"No filter can be made: {printable(reason)}" for reason in code.lacking)


def _footer(run: Run, sightings: Sightings, findings: Findings) -> Iterator[str]:
    harmless = sum(miss.weight not in (Weight.MISSED, Weight.RUNTIME) for miss in findings.misses)
    yield ""
    if harmless:
        yield f"Looked for in vain without harm: {harmless} paths (--json names them)."
    if run.code:
        yield from _about_calls(run, run.code, sightings)
    if sightings.overflowed:
        yield "More paths than whit tells apart were asked for: some are left out."
    if findings.options and run.packable:
        yield f"To add all of it: whit pack {shlex.join((run.target, *run.given, *findings.options))}"
    elif not findings.missed:
        yield "Nothing is missing that this machine or whit could give."


def _text(text: str) -> str:
    """Text that any JSON reader takes: bytes that are no UTF-8 are escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _texts(texts: Sequence[str]) -> list[str]:
    return [_text(text) for text in texts]


def _miss(miss: Miss) -> dict[str, object]:
    return {
        "path": _text(miss.path),
        "need": miss.need,
        "deeds": list(miss.deeds),
        "programs": _texts(miss.programs),
        "others": _texts(miss.others),
        "options": _texts(miss.cure.options),
        "hint": miss.cure.text or None,
    }


def _file(file: ImageFile) -> dict[str, object]:
    return {"path": _text(file.path), "size": file.size, "need": file.need or None}


def _address(address: Address) -> dict[str, object]:
    return {"kind": address.kind, "host": _text(address.host), "port": address.port}


def _calls(code: CodeCalls, sightings: Sightings) -> dict[str, object]:
    added = [
        {"name": name, "programs": _texts(sorted(programs - {""}))}
        for name, programs in sorted(sightings.unfound.items())
    ]
    return {"found": sorted(code.names), "lacking": _texts(code.lacking), "added": added}


def document(run: Run, sightings: Sightings, findings: Findings) -> dict[str, object]:
    """The report for programs; docs/trace.schema.json describes it."""
    return {
        "schema": SCHEMA,
        "target": _text(run.target),
        "program": _text(run.program),
        "arguments": _texts(run.arguments),
        "status": run.status,
        "stopped": run.stopped,
        "seconds": round(run.seconds, 3),
        "calls": sightings.calls,
        "complete": not sightings.overflowed,
        **{str(weight): [_miss(miss) for miss in findings.misses if miss.weight is weight] for weight in Weight},
        "paths": [
            {
                "path": _text(seen.path),
                "deed": str(seen.deed),
                "there": seen.there,
                "missing": seen.missing,
                "programs": _texts(sorted(seen.programs - {""})),
            }
            for seen in sightings.paths.values()
        ],
        "used": [_file(file) for file in findings.used],
        "untouched": [_file(file) for file in findings.untouched],
        "executed": [
            {"path": _text(item.path), "found": item.there, "words": _texts(item.words), "by": _text(item.by) or None}
            for item in findings.executed
        ],
        "written": [
            {"path": _text(item.path), "works": item.works, "hint": _text(item.cure.text) or None}
            for item in findings.written
        ],
        "unreadable": _texts(findings.unreadable),
        **{
            f"{deed}s": [_address(address) for address in findings.addresses if address.deed == deed]
            for deed in ("listen", "bind", "connect")
        },
        "families": sorted(sightings.families),
        "promotions": [
            {"need": item.need, "verdict": item.verdict, "path": _text(item.path)} for item in findings.promotions
        ],
        "pack": _texts(findings.options),
        "syscalls": _calls(run.code, sightings) if run.code else None,
    }
