"""``whit load``: an archive's images into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from whit.packer.archives.loading import Loaded


@click.command("load", short_help="Load images from an archive")
@click.option("-i", "--input", "source", metavar="FILE", help="Read it from there.  [default: standard input]")
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of lines.")
def command(source: str | None, quiet: bool, as_json: bool) -> None:
    """Load images from an archive that docker, podman, skopeo, buildah or whit saved, compressed or not."""
    from whit.packer.archives.loading import load
    from whit.packer.commands.archive_source import archive_chunks
    from whit.packer.showing.console import end_progress, print_json, progress
    from whit.packer.store.store import Store

    store = Store.open()
    if not quiet:
        progress(f"loading {source or 'standard input'}")
    with archive_chunks(source, "an archive", "whit load -i FILE") as chunks:
        images = load(store, chunks, source or "standard input")
    end_progress()
    if as_json:
        print_json({"schema": "whit-load/1", "images": [_document(image) for image in images]})
        return
    for image in images:
        for reference in image.references:
            click.echo(f"Loaded image: {reference.familiar}")
        if not image.references:
            click.echo(f"Loaded image ID: {image.image_id}")
        for one in () if quiet else image.attached:
            click.echo(f"{short_id(one.hex)}: Attached ({one.artifact_type})")


def _document(image: Loaded) -> dict[str, object]:
    names = [reference.familiar for reference in image.references]
    attached = [one.digest for one in image.attached]
    return {"names": names, "id": image.image_id, "digest": image.digest, "attached": attached}
