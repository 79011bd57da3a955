"""What ``whit build`` says and writes of the images that it made: by whit.yaml, or from sources."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands import supply_options
from whit.packer.verbs.upstream import Upstream
from whit.packer.verbs.upstream import document as pushed_document

if TYPE_CHECKING:
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.packcache import Record
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store

SCHEMA = "whit-build/1"


@dataclass(frozen=True, slots=True)
class Images:
    """An image, or an index of one for each platform, each with its record; ``attached`` is what goes with them."""

    descriptor: Descriptor
    references: tuple[Reference, ...]
    records: tuple[Record, ...]
    attached: tuple[Descriptor, ...] = ()


def upstream(words: dict[str, Any]) -> Upstream:
    """Where the image goes besides the store; ``words`` are the command line's."""
    return Upstream(is_wished=words["push"], insecure=words["insecure"])


def finish(
    store: Store, images: Images, words: dict[str, Any], there: Upstream, more: dict[str, object] | None = None
) -> None:
    """Write what is to be written, tell of it, and push it. ``more`` are further members of the JSON document."""
    from whit.packer.showing.console import print_json

    image_id = _write_outputs(store, images, words)
    is_page = not (words["as_json"] or words["quiet"])
    if is_page:
        _show(images, words["output"])
    pushed = there.push(store, images.references, quiet=not is_page)
    if words["as_json"]:
        print_json({**_document(images, image_id, words["output"]), **pushed_document(pushed), **(more or {})})
    elif words["quiet"]:
        click.echo(image_id)


def _write_outputs(store: Store, images: Images, words: dict[str, Any]) -> str:
    """Write ``--output`` and ``--iidfile``; the image's ID. Raises :class:`StoreError`."""
    from whit.packer.archives import archive
    from whit.packer.support import durable

    output, iidfile = words["output"], words["iidfile"]
    if output is not None:
        target = Path(output).absolute()
        to_layout = archive.is_layout_target(output, target)
        with store.adding() as layout:
            archive.export(layout, images.descriptor, images.references, target, to_layout=to_layout)
    image_id = store.image(images.descriptor).image_id
    if iidfile is not None:
        with durable.output_errors(iidfile):
            durable.write_whole(Path(iidfile), image_id.encode(), private=False)
    return image_id


def _show(images: Images, output: str | None) -> None:
    """Each file with its reason, sizes, the digest, names."""
    from whit.packer.showing.console import human_size, page_width
    from whit.packer.showing.present import columns, filter_lines, reported_lines

    for record in images.records:
        rows = [(line.path, line.size, line.reason) for line in reported_lines(record.files)]
        for line in columns(rows, indent="", width=page_width()):
            click.echo(line)
        click.echo(f"{record.platform}, {human_size(record.unpacked)} unpacked, {human_size(record.size)} compressed")
        for line in filter_lines(record):
            click.echo(line)
    click.echo(f"digest {images.descriptor.digest}")
    click.echo(f"stored as {', '.join(reference.familiar for reference in images.references)}")
    if output is not None:
        click.echo(f"written to {output}")
    supply_options.show(images.attached)


def _document(images: Images, image_id: str, output: str | None) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "schema": SCHEMA,
        "digest": images.descriptor.digest,
        "id": image_id,
        "names": [reference.familiar for reference in images.references],
        "output": output,
        "images": [
            {
                "digest": record.manifest.digest,
                "platform": asdict(record.platform),
                "compressed": record.size,
                "unpacked": record.unpacked,
                "files": [file.document() for file in record.files],
            }
            for record in images.records
        ],
        **supply_options.document(images.attached),
    }
