"""``whit build`` with a whit.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from whit.packer.commands.supply_options import document, show

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.buildfile.yamlbuild import Asked, Built
    from whit.packer.image.oci import Descriptor
    from whit.packer.store.store import Store
    from whit.packer.supply.wishes import Wishes


def build_yaml(words: dict[str, Any]) -> None:
    """Build what it describes; ``words`` are the command line's."""
    from pathlib import Path

    from whit.packer.buildfile.yamlbuild import Asked, build
    from whit.packer.image.platform import parse_platform
    from whit.packer.image.reference import parse_reference
    from whit.packer.store.store import Store
    from whit.packer.support import durable
    from whit.packer.support.errors import UsageError

    if any("=" not in item for item in words["variables"]):
        raise UsageError("--build-arg needs NAME=VALUE", hint="as in --build-arg VERSION=1.2.3")
    wanted = (parse_platform(word) for text in words["platforms"] for word in text.split(","))
    asked = Asked(
        tuple(dict.fromkeys(map(parse_reference, words["names"]))),
        tuple(dict.fromkeys(wanted)),
        tuple((name, value) for name, _, value in (item.partition("=") for item in words["variables"])),
    )
    wishes: Wishes | None = words["wishes"]
    store = Store.open()
    folder, found = _places(words["context"], words["file"])
    built = build(store, found, folder, asked)
    attached = _attach(store, built, found, asked, wishes) if wishes else ()
    output, iidfile = words["output"], words["iidfile"]
    if output is not None:
        _export(store, built, output)
    image_id = store.image(built.descriptor).image_id
    if iidfile is not None:
        with durable.output_errors(iidfile):
            durable.write_whole(Path(iidfile), image_id.encode(), private=False)
    if words["as_json"]:
        _print_json(built, image_id, output, attached)
    elif words["quiet"]:
        click.echo(image_id)
    else:
        _show(built, output)
        show(attached)


def _attach(store: Store, built: Built, file: Path, asked: Asked, wishes: Wishes) -> tuple[Descriptor, ...]:
    from whit.packer.commands.supply_options import attach
    from whit.packer.supply.provenance import BUILD, build_origin

    platforms = [str(record.platform) for record in built.records]
    origin = build_origin(BUILD, file.read_bytes(), dict(asked.variables), platforms=platforms)
    return attach(store, built.descriptor, built.references, origin, wishes)


def _places(context: str, file: str | None) -> tuple[Path, Path]:
    """The folder, and the build file."""
    from pathlib import Path

    from whit.packer.buildfile.names import DOCKERFILE, WHIT_YAML, whit_yaml_in
    from whit.packer.support.errors import NotFoundError

    folder = Path(context)
    if not folder.is_dir():
        raise NotFoundError(f"{context}: no such folder", hint="whit build FOLDER; a file in it is named by --file")
    found = Path(file) if file is not None else whit_yaml_in(folder)
    if found is None:
        raise NotFoundError(
            f"{context}: there is no {WHIT_YAML[0]} and no {DOCKERFILE}",
            hint="write one (docs/whit-yaml.md, docs/build.md), or whit pack FILE",
        )
    return folder, found


def _export(store: Store, built: Built, output: str) -> None:
    from pathlib import Path

    from whit.packer.archives import archive

    target = Path(output).absolute()
    to_layout = archive.is_layout_target(output, target)
    with store.adding() as layout:
        archive.export(layout, built.descriptor, built.references, target, to_layout=to_layout)


def _show(built: Built, output: str | None) -> None:
    from whit.packer.showing.console import human_size, page_width
    from whit.packer.showing.present import columns, reported_lines

    for record in built.records:
        rows = [(line.path, line.size, line.reason) for line in reported_lines(record.files)]
        for line in columns(rows, indent="", width=page_width()):
            click.echo(line)
        click.echo(f"{record.platform}, {human_size(record.unpacked)} unpacked, {human_size(record.size)} compressed")
    click.echo(f"digest {built.descriptor.digest}")
    click.echo(f"stored as {', '.join(reference.familiar for reference in built.references)}")
    if output is not None:
        click.echo(f"written to {output}")


def _print_json(built: Built, image_id: str, output: str | None, attached: tuple[Descriptor, ...]) -> None:
    from dataclasses import asdict

    from whit.packer.showing.console import print_json

    print_json(
        {
            "schema": "whit-build/1",
            "digest": built.descriptor.digest,
            "id": image_id,
            "names": [reference.familiar for reference in built.references],
            "output": output,
            "images": [
                {
                    "digest": record.manifest.digest,
                    "platform": asdict(record.platform),
                    "compressed": record.size,
                    "unpacked": record.unpacked,
                    "files": [{**asdict(file), "mode": f"{file.mode:04o}"} for file in record.files],
                }
                for record in built.records
            ],
            **document(attached),
        }
    )
