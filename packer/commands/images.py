"""``whit images``: what is in the store, in docker's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.store.store import Store, StoredImage

_HEADERS = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "ID": "IMAGE ID",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Platform": "PLATFORM",
}
_TABLE = r"table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
_DIGESTS = r"table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"


@click.command("images", short_help="List the images in the store")
@click.argument("name", required=False)
@click.option("-a", "--all", "everything", is_flag=True, help="Taken for docker's sake: all that there are are shown.")
@click.option("-f", "--filter", "filters", multiple=True, metavar="KEY=VALUE", help="Only those that it is true of.")
@click.option("-q", "--quiet", is_flag=True, help="Only the image IDs.")
@click.option("--digests", is_flag=True, help="Show the manifests' digests too.")
@click.option("--no-trunc", is_flag=True, help="Show whole image IDs.")
@click.option("--format", "form", metavar="FORMAT", help="json, or a template (docs/format.md).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of a table.")
def command(
    name: str | None,
    *,
    everything: bool,
    filters: tuple[str, ...],
    quiet: bool,
    digests: bool,
    no_trunc: bool,
    form: str | None,
    as_json: bool,
) -> None:
    """List the images in the store, or those of one repository NAME.

    KEY is before or since (an image's name), dangling (true, false), label or reference (a pattern); different keys must all
    be true. SIZE is what the image takes in the store and on a registry: compressed.
    """
    from whit.packer.showing.console import print_json, show
    from whit.packer.store.store import Store
    from whit.packer.template import render_rows

    del everything
    images = _chosen(Store.open(), name, filters)
    if as_json:
        print_json({"schema": "whit-images/1", "images": [_document(image) for image in images]})
        return
    if quiet and form is None:
        for image_id in dict.fromkeys(_shown_id(image, no_trunc) for image in images):
            click.echo(image_id)
        return
    table = _DIGESTS if digests else _TABLE
    rows = [_row(image, no_trunc) for image in images]
    show(render_rows(form or table, rows, _HEADERS, usual=table))


def _row(image: StoredImage, whole: bool) -> dict[str, object]:
    from whit.packer.showing.console import human_size

    return {
        "Repository": image.reference.familiar_name if image.reference else "<none>",
        "Tag": (image.reference.tag if image.reference else None) or "<none>",
        "Digest": image.digest,
        "ID": _shown_id(image, whole),
        "CreatedSince": age(image.config.created),
        "CreatedAt": image.config.created or "N/A",
        "Size": human_size(image.size),
        "Platform": str(image.platform),
    }


def _chosen(store: Store, name: str | None, texts: tuple[str, ...]) -> list[StoredImage]:
    """Those of a name, and of them those that the filters let through."""
    if not texts:
        return list(_images(store, name))
    from whit.packer.image.filtering import Listed, parse_filters

    filters = parse_filters(texts)
    found = list(_images(store, name))
    every = list(reversed(found if name is None else list(_images(store, None))))
    places: dict[str, int] = {}
    for place, image in enumerate(every):
        places.setdefault(image.image_id, place)

    def listed(image: StoredImage) -> Listed:
        return Listed(image.reference, image.config, places.get(image.image_id, 0))

    return [image for image in found if filters.takes(listed(image), lambda text: listed(store.resolve(text)))]


def _images(store: Store, name: str | None) -> Iterator[StoredImage]:
    """The newest name first. A damaged image is told of, and the others are shown."""
    from whit.packer.image.reference import parse_reference
    from whit.packer.showing.console import warn
    from whit.packer.support.errors import StoreError

    wanted = parse_reference(name) if name else None
    for reference, descriptor in reversed(store.entries()):
        if wanted and (reference is None or reference.familiar_name != wanted.familiar_name):
            continue
        if wanted and name and name.rpartition("/")[2].count(":") and reference and reference.tag != wanted.tag:
            continue
        try:
            yield store.image(descriptor, reference)
        except StoreError as error:
            shown = reference.familiar if reference else descriptor.digest
            warn(f"{shown}: {error.message}", f"whit rmi {shown}")


def _shown_id(image: StoredImage, whole: bool) -> str:
    return image.image_id if whole else short_id(image.image_id)


def age(created: str | None) -> str:
    """How long ago, in docker's words; whit's images have no time of their own unless SOURCE_DATE_EPOCH gave one."""
    from datetime import UTC, datetime

    from whit.packer.showing.ages import human_duration

    try:
        then = datetime.fromisoformat(created or "")
    except ValueError:
        return "N/A"
    if then.tzinfo is None or then.timestamp() <= 0:
        return "N/A"
    return f"{human_duration((datetime.now(UTC) - then).total_seconds())} ago"


def _document(image: StoredImage) -> dict[str, object]:
    return {
        "name": image.reference.familiar if image.reference else None,
        "id": image.image_id,
        "digest": image.digest,
        "platform": str(image.platform),
        "created": image.config.created,
        "size": image.size,
    }
