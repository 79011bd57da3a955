"""``whit explain FILE PATH``: why a path is in an executable's image, or why it isn't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.options import choice_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.executable.analysis import Evidence
    from whit.packer.resolution.choices import Choices
    from whit.packer.showing.explanation import Explanation


@click.command("explain", short_help="Show why a path is in an executable's image, or why it isn't")
@choice_options
@click.option("--path", "path_in_image", metavar="PATH", help="Where the program is in the image.  [default: /NAME]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/inspect.md) instead of a page.")
@click.argument("file")
@click.argument("path")
def command(file: str, path: str, path_in_image: str | None, as_json: bool, choices: Choices) -> int:
    """Show why PATH is, or isn't, in the image of FILE: the function, string, instruction or library that asks for it.

    The exit code is 0 if the image has PATH, and 1 if it hasn't.
    """
    from whit.packer.showing.console import page_width, print_json
    from whit.packer.showing.present import columns

    found = _explain(file, path, path_in_image, choices)
    if as_json:
        print_json(_document(found))
    else:
        click.echo(click.style(_headline(found), bold=True))
        for line in columns(list(_rows(found)), width=page_width()):
            click.echo(line)
    return 0 if found.is_there else 1


def _explain(file: str, path: str, path_in_image: str | None, choices: Choices) -> Explanation:
    import posixpath

    from whit.packer.executable.file import open_executable
    from whit.packer.image.spec import PackOptions, image_spec
    from whit.packer.needs import DETAILS
    from whit.packer.resolution.additions import gather
    from whit.packer.resolution.resolve import resolve_executable
    from whit.packer.showing.explanation import explain, wanted_for
    from whit.packer.support.errors import UsageError

    if not path.startswith("/") or "\0" in path:
        raise UsageError(f"{path!r} isn't an absolute path", hint="as in whit explain ./server /etc/passwd")
    path = "/" + posixpath.normpath(path).lstrip("/")
    executable = open_executable(file, DETAILS | wanted_for(path))
    options = PackOptions(path_in_image=path_in_image)
    added = gather(choices.additions).entries
    resolution = resolve_executable(executable, choices, options, added)
    spec = image_spec(executable.name, executable.file, executable.analysis, resolution, options, added)
    return explain(path, executable.analysis, resolution, spec)


def _headline(found: Explanation) -> str:
    from whit.packer.image.spec import EntryKind
    from whit.packer.showing.console import human_size
    from whit.packer.showing.explanation import holds_only
    from whit.packer.showing.present import printable
    from whit.packer.support.counting import counted

    shown = printable(found.path)
    if not found.is_there:
        return f"{shown}: not in the image"
    if found.kind is EntryKind.DIRECTORY:
        count = f" with {counted(found.below, 'entry', 'entries')} below it" if found.below else ", empty"
        return f"{shown}: in the image, a folder{count}" + (", for these" if holds_only(found) else "")
    if found.target is not None:
        return f"{shown}: in the image, a link to {printable(found.target)}"
    return f"{shown}: in the image, {human_size(found.size)}"


def _rows(found: Explanation) -> Iterator[tuple[str, str]]:
    from whit.packer.needs.model import Verdict
    from whit.packer.showing.present import printable
    from whit.packer.showing.wording import fact

    if found.need:
        yield "need", f"{found.need.name}, {_verdict(found)}"
    yield "because", printable(found.reason)
    if found.need and found.need.reason != found.reason and found.need.verdict is not Verdict.NOT:
        yield "", printable(found.need.reason)
    if found.need:
        yield from (("evidence" if not index else "", _shown(item)) for index, item in enumerate(found.need.evidence))
    if found.library:
        yield "library", f"{found.library.soname}, found by {found.library.found_by}"
        yield "needed by", ", ".join(map(printable, found.library.needed_by))
    if found.source:
        yield "content", printable(f"{found.source}{f' ({found.origin})' if found.origin else ''}")
    for item in found.named:
        yield "named", f"{fact(item)} stands in the program at {item.offset:#x}"
    if found.at_run_time:
        yield "run time", "the runtime puts it there when the program starts"
    elif not found.is_there:
        yield "to add it", _cure(found)


def _shown(item: Evidence) -> str:
    from whit.packer.showing.wording import fact

    return fact(item) + (f" at {item.offset:#x}" if item.offset is not None and "at 0x" not in fact(item) else "")


def _verdict(found: Explanation) -> str:
    from whit.packer.needs.model import Grade, Verdict

    if found.need is None:
        return ""
    words = {Verdict.NEEDED: "needed", Verdict.MAYBE: "only if configured so", Verdict.NOT: "not needed"}
    grade = f" ({found.need.grade})" if found.need.grade is not Grade.NONE else ""
    return f"{words[found.need.verdict]}{grade}"


def _cure(found: Explanation) -> str:
    from whit.packer.resolution.choices import GIVEN
    from whit.packer.showing.present import printable

    addition = f"--add FILE:{printable(found.path)}"
    return f"--needs +{found.need.name}, or {addition}" if found.need and found.need.name in GIVEN else addition


def _document(found: Explanation) -> dict[str, Any]:
    from whit.packer.showing.report import evidence, text

    need, library = found.need, found.library
    return {
        "schema": "whit-explain/1",
        "path": text(found.path),
        "in_image": found.is_there,
        "kind": found.kind,
        "bytes": found.size,
        "below": found.below,
        "reason": text(found.reason),
        "source": text(found.source),
        "target": text(found.target),
        "origin": found.origin,
        "need": need
        and {
            "need": need.name,
            "verdict": need.verdict,
            "grade": need.grade,
            "reason": need.reason,
            "evidence": evidence(need.evidence),
        },
        "library": library
        and {
            "soname": text(library.soname),
            "path": text(library.path),
            "needed_by": [text(name) for name in library.needed_by],
            "found_by": library.found_by,
        },
        "named": evidence(found.named),
        "at_run_time": found.at_run_time,
    }
