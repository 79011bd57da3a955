"""An executable's image: packed into the store, a layout or an archive, told of, and pushed where that is wished for."""

from __future__ import annotations

from pathlib import Path

from whit.packer import pipeline
from whit.packer.image.reference import parse_reference, reference_from_file_name
from whit.packer.image.spec import PackOptions
from whit.packer.pipeline import Order, source_date_epoch
from whit.packer.resolution.choices import SourceChoice, parse_choices
from whit.packer.showing.console import human_size, page_width, print_json, say, warn
from whit.packer.showing.present import columns, filter_lines, printable, reported_lines
from whit.packer.store.store import Store
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.verbs.upstream import Upstream
from whit.packer.verbs.upstream import document as pushed_document

if TYPE_CHECKING:
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.packcache import Record
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Follower
    from whit.packer.supply.wishes import Wishes


def pack(  # noqa: PLR0913 - one an option
    file: str,
    *,
    names: tuple[str, ...] = (),
    output: str | None = None,
    base: str | None = None,
    add: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
    sources: str | None = None,
    sysroot: str | None = None,
    push: bool = False,
    insecure: bool = False,
    as_json: bool = False,
    wishes: Wishes | None = None,
    options: PackOptions | None = None,
) -> None:
    """Pack a file; as whit.packer.commands.pack says."""
    choices = parse_choices(sources or SourceChoice.PACKAGES, sysroot, needs, add)
    if base == "":
        raise UsageError("--base is empty", hint="give an image's name, or leave the option out")
    given = tuple(dict.fromkeys(parse_reference(name) for name in names))
    references = given or (reference_from_file_name(Path(file).absolute().name),)
    order = Order(file, options or PackOptions(created=source_date_epoch()), choices, base=base)
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
        if attached and not as_json:
            from whit.packer.commands.supply_options import show  # noqa: PLC0415 - only where it is asked for

            show(attached)
        pushed = upstream.push(Store.open(), given, quiet=as_json)
    if as_json:
        print_json({**_document(record, references, output, attached), **pushed_document(pushed)})


def _attach(order: Order, record: Record, references: tuple[Reference, ...], wishes: Wishes) -> tuple[Descriptor, ...]:
    from whit.packer.commands.supply_options import attach  # noqa: PLC0415 - only where it is asked for
    from whit.packer.supply.provenance import pack_origin  # noqa: PLC0415

    name = Path(order.path).absolute().name
    origin = pack_origin(name, order.options, order.choices, order.base)
    return attach(Store.open(), record.manifest, references, origin, wishes, order.options.created)


def _pack(
    order: Order, references: tuple[Reference, ...], output: str | None, follower: Follower | None, *, in_store: bool
) -> Record:
    """Into the store, and from there to the output; or, with no name given, to the output alone."""
    if output is None:
        return pipeline.pack(order, Store.open(), references, follower)
    from whit.packer.archives import archive  # noqa: PLC0415 - most go into the store alone

    target = Path(output).absolute()
    to_layout = archive.is_layout_target(output, target)
    if in_store:
        store = Store.open()
        record = pipeline.pack(order, store, references, follower)
        with store.adding() as layout:
            archive.export(layout, record.descriptor, references, target, to_layout=to_layout)
        return record
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
    rows = [(line.path, line.size, line.reason) for line in reported_lines(record.files)]
    lines = [
        *columns(rows, indent="", width=page_width()),
        f"{record.platform}, {human_size(record.unpacked)} unpacked, {human_size(record.size)} compressed",
        f"digest {record.manifest.digest}",
    ]
    lines += filter_lines(record)
    if in_store:
        lines.append(f"stored as {', '.join(reference.familiar for reference in references)}")
    if output is not None:
        lines.append(f"written to {output}")
    say("\n".join(lines))
    for warning in record.warnings:
        warn(printable(warning))


def _document(
    record: Record, references: tuple[Reference, ...], output: str | None, attached: tuple[Descriptor, ...]
) -> dict[str, object]:
    """For programs."""
    more: dict[str, object] = {}
    if attached:
        from whit.packer.commands.supply_options import document  # noqa: PLC0415 - only where it is asked for

        more = document(attached)
    platform = record.platform
    return {
        "schema": "whit-pack/1",
        "digest": record.manifest.digest,
        "names": [reference.familiar for reference in references],
        "output": output,
        "platform": {"os": platform.os, "architecture": platform.architecture, "variant": platform.variant},
        "compressed": record.size,
        "unpacked": record.unpacked,
        "files": [file.document() for file in record.files],
        "warnings": list(record.warnings),
        "calls": record.calls,
        "added_calls": record.added_calls,
        **more,
    }
