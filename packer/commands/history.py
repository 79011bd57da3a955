"""``whit history``: how an image's layers came to be, in docker's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.oci import Descriptor, History
    from whit.packer.store.store import StoredImage

_HEADERS = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}
_HUMAN = r"table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
_EXACT = r"table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
_SHOWN = 45
_MISSING = "<missing>"


@click.command("history", short_help="Show how an image came to be")
@click.option("-H", "--human/--no-human", default=True, help="Sizes and times for people.")
@click.option("--no-trunc", is_flag=True, help="Whole IDs and lines.")
@click.option("-q", "--quiet", is_flag=True, help="Only the image IDs.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of a table.")
@click.argument("image")
def command(image: str, human: bool, no_trunc: bool, quiet: bool, form: str | None, as_json: bool) -> None:
    """Show the steps that made an image, the last one first. SIZE is a layer's in the store: compressed."""
    from whit.packer.showing.console import print_json, show
    from whit.packer.showing.present import printable
    from whit.packer.store.store import Store
    from whit.packer.template import render_rows

    found = Store.open().resolve(image)
    if as_json:
        print_json({"schema": "whit-history/1", "steps": [_document(*step) for step in _steps(found)]})
        return
    rows = [_row(found, number, step, human, no_trunc) for number, step in enumerate(_steps(found))]
    if form is None or form.startswith("table"):
        rows = [{name: printable(str(value)) for name, value in row.items()} for row in rows]
    if quiet and form is None:
        for row in rows:
            click.echo(row["ID"])
        return
    table = _HUMAN if human else _EXACT
    show(render_rows(form or table, rows, _HEADERS, usual=table))


def _steps(image: StoredImage) -> Iterator[tuple[History, Descriptor | None]]:
    """The steps and their layers, the last one first; layers that no step tells of have one of their own."""
    from whit.packer.image.oci import History

    layers = list(image.manifest.layers)
    steps: list[tuple[History, Descriptor | None]] = []
    for step in image.config.history:
        has_layer = not step.empty_layer and layers
        steps.append((step, layers.pop(0) if has_layer else None))
    steps += [(History(""), layer) for layer in layers]
    return reversed(steps)


def _row(
    image: StoredImage, number: int, step: tuple[History, Descriptor | None], human: bool, whole: bool
) -> dict[str, object]:
    from whit.packer.commands.images import age
    from whit.packer.showing.console import human_size

    told, layer = step
    size = layer.size if layer else 0
    image_id = image.image_id if whole else short_id(image.image_id)
    line = " ".join(told.created_by.split())
    return {
        "ID": _MISSING if number else image_id,
        "CreatedSince": age(told.created),
        "CreatedAt": told.created or "N/A",
        "CreatedBy": line if whole or len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…",
        "Size": human_size(size, 3) if human else str(size),
        "Comment": told.comment,
    }


def _document(step: History, layer: Descriptor | None) -> dict[str, object]:
    return {
        "created_by": step.created_by,
        "created": step.created,
        "comment": step.comment,
        "author": step.author,
        "empty_layer": layer is None,
        "layer": layer.digest if layer else None,
        "size": layer.size if layer else 0,
    }
