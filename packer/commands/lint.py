"""``whit lint FILE|IMAGE``: what is wrong or could be better, why, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.lint.fetch import Layouts
    from whit.packer.lint.fix import Fixed, Runner, Wishes
    from whit.packer.lint.model import Finding

NEVER = "never"
RUNNER = "run_confined"
LAYOUTS = "layouts"
"""The keys of what the command-line root hands in: see ``whit.packer.lint.fix.Runner`` and ``whit.packer.lint.fetch.Layouts``."""


@click.command("lint", short_help="Find what is wrong with an executable or image, and say how to mend it")
@click.argument("target", metavar="FILE|IMAGE")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/lint.md) instead of a page.")
@click.option("--sarif", metavar="FILE|-", help="Write the findings as SARIF 2.1.0; - is standard output.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", NEVER]),
    default="error",
    show_default=True,
    help="Exit with 1 if a finding is as bad as this.",
)
@click.option("--ignore", multiple=True, metavar="ID", help="Leave out a rule; may be repeated.")
@click.option(
    "--fix", "mend", is_flag=True, help="Write the file without its debug information, and prove it the same."
)
@click.option("-o", "--output", metavar="FILE", help="Where --fix writes.  [default: FILE.fixed]")
@click.option("--strip-symbols", is_flag=True, help="With --fix: take the symbol table away too.")
@click.option("--clear-executable-stack", is_flag=True, help="With --fix: unmark the stack. Some programs need it.")
@click.option(
    "--try", "arguments", metavar="ARGUMENTS", default="--version", show_default=True, help="With --fix: run both so."
)
@click.option("--no-run", is_flag=True, help="With --fix: run nothing, only compare.")
@click.pass_context
def command(
    context: click.Context,
    /,
    target: str,
    as_json: bool,
    sarif: str | None,
    fail_on: str,
    **words: Any,  # noqa: ANN401 - click's
) -> int:
    """Say what is wrong with an executable or an image or could be better, why, and how to mend it.

    FILE is an executable, an OCI layout's folder or an image's archive; IMAGE is one of the store. They are only read;
    --fix runs the program and the mended one confined, with --version and without a network, unless told not to.
    """
    from whit.packer.lint import fails
    from whit.packer.lint.model import Level
    from whit.packer.support.errors import UsageError

    if as_json and sarif == "-":
        raise UsageError("--json and --sarif - both write to standard output", hint="give --sarif a file")
    _check_ignored(words["ignore"])
    given = context.find_object(dict) or {}
    wishes = _wishes(words, None if words["no_run"] else given.get(RUNNER))
    kind, about, findings, fixed = _linted(target, words["ignore"], wishes, given.get(LAYOUTS))
    threshold = None if fail_on == NEVER else Level(fail_on)
    failed = fails(findings, threshold)
    if sarif is not None:
        _write_sarif(sarif, target, kind, findings)
    if as_json:
        _print_document(target, kind, findings, fixed, failed=failed)
    elif sarif != "-":
        _show(target, about, findings, fixed, mend=words["mend"])
    return 1 if failed else 0


def _check_ignored(ignore: Sequence[str]) -> None:
    import difflib

    from whit.packer.lint import RULES
    from whit.packer.support.errors import UsageError

    known = [rule.id for rule in RULES]
    for name in ignore:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "docs/lint.md lists them all"
            raise UsageError(f"--ignore {name}: there is no such rule", hint=hint)


def _wishes(words: dict[str, Any], runner: Runner | None) -> Wishes | None:
    import shlex

    from whit.packer.lint.fix import Wishes
    from whit.packer.support.errors import UsageError

    if not words["mend"]:
        for option in ("output", "strip_symbols", "clear_executable_stack", "no_run"):
            if words[option]:
                raise UsageError(f"--{option.replace('_', '-')} goes with --fix", hint="add --fix")
        return None
    try:
        arguments = tuple(shlex.split(words["arguments"]))
    except ValueError as error:
        raise UsageError(f"--try {words['arguments']!r}: {error}", hint='as in --try "version --short"') from None
    return Wishes(words["output"], words["strip_symbols"], words["clear_executable_stack"], arguments, runner)


def _linted(
    target: str, ignore: Sequence[str], wishes: Wishes | None, layouts: Layouts | None
) -> tuple[str, str, tuple[Finding, ...], Fixed | None]:
    """(file or image, what it is in a few words, findings, what was mended)."""
    from whit.packer.lint import fetch, lint_image
    from whit.packer.store.store import Store, read_image
    from whit.packer.store.targets import names_file
    from whit.packer.support.counting import counted

    with (layouts or fetch.layout_of)(target) as layout:
        if layout is None and names_file(target):
            return ("file", *_linted_file(target, ignore, wishes))
        _refuse_fixing(target, wishes)
        if layout is None:
            store = Store.open()
            image = fetch.image_of(target, store.resolve(target), store.layout)
        else:
            image = fetch.image_of(target, read_image(layout, fetch.only_image(layout, target)), layout)
    about = f"image, {image.config.platform}, {counted(len(image.files), 'file')}, starts {' '.join(image.command) or 'nothing'}"
    return "image", about, lint_image(image, ignore), None


def _refuse_fixing(target: str, wishes: Wishes | None) -> None:
    from whit.packer.support.errors import UsageError

    if wishes is not None:
        raise UsageError(f"--fix mends files, and {target} is an image", hint="mend the program, then pack it again")


def _linted_file(
    target: str, ignore: Sequence[str], wishes: Wishes | None
) -> tuple[str, tuple[Finding, ...], Fixed | None]:
    from whit.packer.executable.file import opened
    from whit.packer.lint import fetch, lint_program
    from whit.packer.showing.inspectpage import summary

    with opened(target) as file:
        program, fixed = fetch.program_of(file), None
        if wishes is not None:
            from whit.packer.lint.fix import fix

            done = fix(file, program, wishes, lambda data: fetch.judged(target, data))
            if done is not None:
                fixed, program = done
    return summary(program.analysis), lint_program(program, ignore), fixed


def _write_sarif(place: str, target: str, kind: str, findings: Sequence[Finding]) -> None:
    import json
    from importlib.metadata import version
    from pathlib import Path

    from whit.packer.lint.sarif import document
    from whit.packer.support import durable

    text = json.dumps(document(target, kind, findings, version("whit")), indent=2) + "\n"
    if place == "-":
        click.echo(text, nl=False)
        return
    path = Path(place).absolute()
    with durable.output_errors(place):
        if durable.is_special(path):
            path.write_bytes(text.encode())  # /dev/stdout, say, or a FIFO that somebody reads
        else:
            durable.write_whole(path, text.encode(), private=False)


def _print_document(target: str, kind: str, findings: Sequence[Finding], fixed: Fixed | None, *, failed: bool) -> None:
    from dataclasses import asdict

    from whit.packer.lint.report import document
    from whit.packer.showing.console import print_json

    print_json(document(target, kind, findings, failed=failed, fixed=asdict(fixed) if fixed else None))


def _show(target: str, about: str, findings: Sequence[Finding], fixed: Fixed | None, *, mend: bool) -> None:
    from whit.packer.lint.present import fixed_lines, page
    from whit.packer.showing.console import page_width

    for line in page(fixed.path if fixed else target, about, findings, page_width()):
        click.echo(line)
    if mend:
        for line in fixed_lines(fixed, page_width()):
            click.echo(line)
