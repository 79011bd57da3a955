"""``whit load``: an archive's images into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from whit.packer.loading import Loaded

_PIECE = 1 << 20


@click.command("load", short_help="Load images from an archive")
@click.option("-i", "--input", "source", metavar="FILE", help="Read it from there.  [default: standard input]")
@click.option("-q", "--quiet", is_flag=True, help="Only the names.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of lines.")
def command(source: str | None, quiet: bool, as_json: bool) -> None:
    """Load images from an archive that docker, podman, skopeo, buildah or whit saved, compressed or not."""
    import sys
    from pathlib import Path

    from whit.packer.console import end_progress, print_json, progress
    from whit.packer.errors import InvalidFileError, UsageError
    from whit.packer.loading import load
    from whit.packer.store import Store

    store = Store.open()
    if not quiet:
        progress(f"loading {source or 'standard input'}")
    if source is None:
        if sys.stdin.isatty():
            raise UsageError("an archive isn't read from a terminal", hint="whit load -i FILE")
        images = load(store, _chunks(sys.stdin.buffer), "standard input")
    else:
        try:
            file = Path(source).open("rb")  # noqa: SIM115 - closed by the block below
        except OSError as error:
            raise InvalidFileError(f"{source} can't be read: {(error.strerror or str(error)).lower()}") from None
        with file:
            images = load(store, _chunks(file), source)
    end_progress()
    if as_json:
        print_json({"schema": "whit-load/1", "images": [_document(image) for image in images]})
        return
    for image in images:
        for reference in image.references:
            click.echo(f"Loaded image: {reference.familiar}")
        if not image.references:
            click.echo(f"Loaded image ID: {image.image_id}")


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_PIECE), b"")


def _document(image: Loaded) -> dict[str, object]:
    names = [reference.familiar for reference in image.references]
    return {"names": names, "id": image.image_id, "digest": image.digest}
