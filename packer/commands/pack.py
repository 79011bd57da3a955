"""``whit pack FILE``: the smallest image that runs an executable, into the store, a layout or an archive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from whit.packer.commands.options import choice_options
from whit.packer.commands.push_options import Upstream, push_options
from whit.packer.commands.push_options import document as pushed_document
from whit.packer.commands.supply_options import document, show, supply_options

if TYPE_CHECKING:
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.packcache import Record
    from whit.packer.image.reference import Reference
    from whit.packer.image.spec import PackOptions
    from whit.packer.pipeline import Order
    from whit.packer.resolution.choices import Choices
    from whit.packer.store.layout import Follower
    from whit.packer.supply.wishes import Wishes


@click.command("pack", short_help="Make the smallest image that runs an executable")
@click.option("-t", "--tag", "names", multiple=True, metavar="NAME[:TAG]", help="A name in the store; may be repeated.")
@click.option("-o", "--output", metavar="FOLDER/|FILE.tar", help="Write an OCI image layout or an archive.")
@click.option("--path", "path_in_image", metavar="PATH", help="Where the program is in the image.  [default: /NAME]")
@click.option("--cmd", multiple=True, metavar="ARGUMENT", help="An argument that the caller's own ones replace.")
@click.option("-e", "--env", multiple=True, metavar="NAME=VALUE", help="A variable of the program's environment.")
@click.option("-u", "--user", metavar="USER[:GROUP]", help="Whom it runs as.  [default: 65532:65532]")
@click.option("-w", "--workdir", metavar="PATH", help="The working directory.  [default: /]")
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="A label of the image.")
@click.option("--base", metavar="IMAGE", help="An image to put it on, instead of on nothing.")
@click.option("--compression", type=click.Choice(["gzip", "zstd", "none"]), default="gzip", show_default=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["oci", "wasm"]),
    default="oci",
    show_default=True,
    help="An image, or of WebAssembly the CNCF's artifact: the module alone.",
)
@click.option("--annotation", "annotations", multiple=True, metavar="KEY=VALUE", help="An annotation of the manifest.")
@click.option("--expose", multiple=True, metavar="PORT[/PROTOCOL]", help="A port that the program listens on.")
@click.option(
    "--source-date-epoch", type=click.IntRange(0), metavar="SECONDS", help="The image's time, else $SOURCE_DATE_EPOCH."
)
@choice_options
@supply_options
@push_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/store.md) instead of a page.")
@click.argument("file")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENT…]")
def command(  # noqa: PLR0917 - click's: one an option
    file: str,
    names: tuple[str, ...],
    output: str | None,
    base: str | None,
    choices: Choices,
    wishes: Wishes | None,
    push: bool,
    insecure: bool,
    as_json: bool,
    **chosen: object,
) -> None:
    """Pack FILE, an executable, with what it needs and nothing else. It always gets the ARGUMENTs.

    Without -t and -o the image is stored under the file's name. Each file in the image is shown with its reason.
    """
    from pathlib import Path

    from whit.packer.image.reference import parse_reference, reference_from_file_name
    from whit.packer.pipeline import Order
    from whit.packer.showing.console import print_json
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    if base == "":
        raise UsageError("--base is empty", hint="give an image's name, or leave the option out")
    given = tuple(dict.fromkeys(parse_reference(name) for name in names))
    references = given or (reference_from_file_name(Path(file).absolute().name),)
    order = Order(file, _options(chosen), choices, base=base)
    in_store = bool(given) or output is None
    if wishes and not in_store:
        raise UsageError(
            "--sbom, --provenance and --sign belong to an image of the store", hint="-t NAME puts it there, beside -o"
        )
    with Upstream(is_wished=push, insecure=insecure) as upstream:
        record = _pack(order, references, output, upstream.follower(given), in_store=in_store)
        attached = _attach(order, record, references, wishes) if wishes else ()
        if not as_json:
            _show(record, references, output, in_store=in_store)
            show(attached)
        pushed = upstream.push(Store.open(), given, quiet=as_json)
    if as_json:
        print_json({**_document(record, references, output), **document(attached), **pushed_document(pushed)})


def _attach(order: Order, record: Record, references: tuple[Reference, ...], wishes: Wishes) -> tuple[Descriptor, ...]:
    from pathlib import Path

    from whit.packer.commands.supply_options import attach
    from whit.packer.store.store import Store
    from whit.packer.supply.provenance import pack_origin

    name = Path(order.path).absolute().name
    origin = pack_origin(name, order.options, order.choices, order.base)
    return attach(Store.open(), record.manifest, references, origin, wishes, order.options.created)


def _options(chosen: dict[str, object]) -> PackOptions:
    """Click's words → what a person decides."""
    from whit.packer.image.spec import Compression, PackOptions
    from whit.packer.pipeline import LAST_SECOND, source_date_epoch

    def many(key: str) -> tuple[str, ...]:
        value = chosen[key]
        return tuple(map(str, value)) if isinstance(value, tuple) else ()

    def one(key: str) -> str | None:
        value = chosen[key]
        return None if value is None else str(value)

    epoch = chosen["source_date_epoch"]
    return PackOptions(
        path_in_image=one("path_in_image"),
        arguments=many("arguments"),
        cmd=many("cmd"),
        env=many("env"),
        user=one("user"),
        working_dir=one("workdir"),
        labels=_pairs("--label", many("labels")),
        exposed_ports=many("expose"),
        annotations=_pairs("--annotation", many("annotations")),
        compression=Compression(str(chosen["compression"])),
        as_artifact=chosen["form"] == "wasm",
        created=min(epoch, LAST_SECOND) if isinstance(epoch, int) else source_date_epoch(),
    )


def _pairs(option: str, texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    from whit.packer.support.errors import UsageError

    for text in texts:
        if not re.match(r"[^=]+=", text):
            raise UsageError(f"{option} {text!r} isn't KEY=VALUE", hint=f"as in {option} team=core")
    return tuple((key, value) for key, _, value in (text.partition("=") for text in texts))


def _pack(
    order: Order, references: tuple[Reference, ...], output: str | None, follower: Follower | None, *, in_store: bool
) -> Record:
    """Into the store, and from there to the output; or, with no name given, to the output alone."""
    from pathlib import Path

    from whit.packer import pipeline
    from whit.packer.archives import archive
    from whit.packer.store.store import Store

    target = Path(output).absolute() if output is not None else None
    to_layout = output is not None and target is not None and archive.is_layout_target(output, target)
    if in_store:
        store = Store.open()
        record = pipeline.pack(order, store, references, follower)
        if target is not None:
            with store.adding() as layout:
                archive.export(layout, record.descriptor, references, target, to_layout=to_layout)
        return record
    if target is None:
        raise AssertionError
    if order.base is not None:
        store = Store.open()
        with store.adding() as layout:
            record = pipeline.pack(order, store, ())
            archive.export(layout, record.descriptor, references, target, to_layout=to_layout)
        return record
    with archive.output_layout(target) if to_layout else archive.scratch_layout(target) as layout:
        record = pipeline.write(order, layout)
        if to_layout:
            archive.name_in(layout, record.descriptor, references)
        else:
            archive.write_archive(layout, record.descriptor, references, target)
    return record


def _show(record: Record, references: tuple[Reference, ...], output: str | None, *, in_store: bool) -> None:
    from whit.packer.showing.console import human_size, page_width, warn
    from whit.packer.showing.present import columns, printable, reported_lines

    rows = [(line.path, line.size, line.reason) for line in reported_lines(record.files)]
    for line in columns(rows, indent="", width=page_width()):
        click.echo(line)
    click.echo(f"{record.platform}, {human_size(record.unpacked)} unpacked, {human_size(record.size)} compressed")
    click.echo(f"digest {record.manifest.digest}")
    if in_store:
        click.echo(f"stored as {', '.join(reference.familiar for reference in references)}")
    if output is not None:
        click.echo(f"written to {output}")
    for warning in record.warnings:
        warn(printable(warning))


def _document(record: Record, references: tuple[Reference, ...], output: str | None) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "schema": "whit-pack/1",
        "digest": record.manifest.digest,
        "names": [reference.familiar for reference in references],
        "output": output,
        "platform": asdict(record.platform),
        "compressed": record.size,
        "unpacked": record.unpacked,
        "files": [file.document() for file in record.files],
        "warnings": list(record.warnings),
    }
