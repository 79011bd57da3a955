"""``whit inspect``: containers, images and volumes as docker's JSON; an executable as the packer tells it."""

from __future__ import annotations

from typing import Any

import click

from whit.packer.commands.inspect import command as inspect_file
from whit.packer.support.errors import UsageError

KINDS = ("file", "container", "image", "network", "volume")


@click.pass_context
def _inspect(
    context: click.Context,
    /,
    things: tuple[str, ...],
    kind: str | None,
    form: str | None,
    **words: Any,  # noqa: ANN401 - the packer's
) -> int:
    """Show what a THING is: an executable's format, language and needs, with the evidence; or a container, image, network or volume.

    A file is only read, never run. What isn't a path and names no file is looked for among the others, in this order.
    """
    from whit.runtime.verbs import inspect

    surface, html, old = words.pop("surface"), words.pop("html"), words.pop("old")
    if surface or html or old:
        if kind not in (None, "file", "image") or form or len(things) != 1:
            raise UsageError("--surface and --html are for one file or image", hint="see 'whit inspect --help'")
        return _look_closer(things[0], html, old, words)
    if kind == "file" or (kind is None and inspect.is_file(things)):
        if form:
            raise inspect.no_form()
        if inspect.show_bundle(things[0], as_json=words["as_json"]):
            return 0
        context.invoke(inspect_file, file=things[0], **words)
        return 0
    return inspect.show_all(things, kind, form)


def _look_closer(thing: str, html: str | None, old: str | None, words: dict[str, Any]) -> int:
    """A file or image with its attack surface, or a report of it; ``words`` are the other options."""
    from whit.packer.resolution.choices import parse_choices
    from whit.runtime.bundle.asimage import layout_of
    from whit.runtime.confinement import WHIT

    choices = parse_choices(words["sources"], words["sysroot"], words["needs"], words["add"])
    if html is None:
        if old is not None:
            raise UsageError("--diff goes with --html", hint="as in whit inspect --html report.html --diff OLD NEW")
        from whit.packer.verbs.surface import show_surface

        show_surface(thing, WHIT, choices, layout_of, as_json=words["as_json"])
        return 0
    if html.startswith("-") and html != "-":
        raise UsageError(
            f"--html needs a page's name, and '{html}' begins as an option", hint=f"a file of that name: ./{html}"
        )
    if words["as_json"]:
        raise UsageError("--html and --json are two forms of the same", hint="leave one out")
    from whit.packer.verbs.report import write_report

    write_report(thing, old, html, WHIT, choices, layout_of)
    return 0


command = click.Command(
    "inspect",
    callback=_inspect,
    help=_inspect.__doc__,
    params=[
        click.Argument(["things"], nargs=-1, required=True, metavar="THING..."),
        click.Option(["--type", "kind"], type=click.Choice(KINDS), help="What kind of thing it is."),
        click.Option(["-f", "--format", "form"], metavar="FORMAT", help="A template (docs/format.md) instead of JSON."),
        click.Option(
            ["--surface"],
            is_flag=True,
            help="Of a file or image: what its program could reach, beside docker's defaults (docs/report.md).",
        ),
        click.Option(
            ["--html"], metavar="PAGE", help="Write a report of a file or image as one HTML page; - is stdout."
        ),
        click.Option(["--diff", "old"], metavar="OLD", help="With --html: an older file or image, to tell what grew."),
        *(param for param in inspect_file.params if isinstance(param, click.Option)),
    ],
)


def _of(kind: str) -> click.Command:
    """``inspect`` of one kind of thing."""

    @click.command("inspect", short_help=f"Show {kind}s in full")
    @click.option("-f", "--format", "form", metavar="FORMAT", help="A template (docs/format.md) instead of JSON.")
    @click.argument("things", nargs=-1, required=True, metavar=f"{kind.upper()}...")
    def inspect(form: str | None, things: tuple[str, ...]) -> int:
        from whit.runtime.verbs.inspect import show_all

        return show_all(things, kind, form)

    inspect.help = f"Show {kind}s in full, as docker's JSON."
    return inspect


container, image = _of("container"), _of("image")
