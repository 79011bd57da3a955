"""``whit referrers IMAGE``: what is attached to an image: SBOMs, provenance, signatures, debug information."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from whit.packer.commands.registry_options import insecure_option, registries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.oci import Descriptor
    from whit.packer.supply.places import Place


@click.command("referrers", short_help="List what is attached to an image: SBOMs, provenance, signatures")
@click.argument("name", metavar="IMAGE")
@click.option("--artifact-type", metavar="TYPE", help="Only what is of this type.")
@click.option("--content", metavar="DIGEST", help="Print the document that the artifact DIGEST holds.")
@click.option(
    "--debug-into", metavar="FOLDER", help="Write debug information to FOLDER/.build-id, where debuggers look for it."
)
@insecure_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document (docs/supply-chain.md) instead of a table.")
def command(
    name: str, artifact_type: str | None, content: str | None, debug_into: str | None, insecure: bool, as_json: bool
) -> None:
    """List what refers to IMAGE, or to an image that its index has: in the store, or, if it isn't there, at its registry.

    docker://IMAGE asks the registry in any case.
    """
    from whit.packer.showing.console import human_size, print_json
    from whit.packer.showing.tabular import aligned
    from whit.packer.store.store import Store
    from whit.packer.supply.places import find

    place = find(name, Store.open(), registries(insecure=insecure))
    found = [pair for pair in _all(place) if artifact_type in {None, pair[1].artifact_type}]
    if content is not None:
        _print(place, found, content)
        return
    if debug_into is not None:
        _write_debug_files(place, found, debug_into, as_json=as_json)
        return
    if as_json:
        print_json(
            {
                "schema": "whit-referrers/1",
                "digest": place.subject.digest,
                "referrers": [{"subject": subject, **item.document()} for subject, item in found],
            }
        )
        return
    lines = ["TYPE\tDIGEST\tSIZE\tSUBJECT"]
    for subject, item in found:
        lines.append(f"{item.artifact_type or item.media_type}\t{item.digest}\t{human_size(item.size)}\t{subject}")
    click.echo(aligned("\n".join(lines)))


def _write_debug_files(place: Place, found: list[tuple[str, Descriptor]], folder: str, *, as_json: bool) -> None:
    from pathlib import Path

    from whit.packer.showing.console import print_json
    from whit.packer.supply.debugging import write_debug_files

    names = write_debug_files(place, (item for _, item in found), Path(folder))
    if as_json:
        print_json(
            {"schema": "whit-debug-files/1", "digest": place.subject.digest, "folder": folder, "files": list(names)}
        )
        return
    for name in names:
        click.echo(f"{folder}/{name}")


def _all(place: Place) -> Iterator[tuple[str, Descriptor]]:
    """(subject, what refers to it), and what refers to that in turn."""
    from whit.packer.supply.attaching import MOST
    from whit.packer.supply.places import images

    pending = [image.digest for image in images(place)]
    seen: set[str] = set()
    while pending and len(seen) < MOST:
        subject = pending.pop(0)
        for item in place.referrers(subject):
            if item.digest not in seen:
                seen.add(item.digest)
                pending.append(item.digest)
                yield subject, item


def _print(place: Place, found: list[tuple[str, Descriptor]], digest: str) -> None:
    from whit.packer.image.oci import parse_manifest
    from whit.packer.supply.attaching import plain
    from whit.packer.support.errors import NotFoundError

    wanted = digest.removeprefix("sha256:")
    fitting = {item.digest: item for _, item in found if wanted and item.hex.startswith(wanted)}
    if len(fitting) != 1:
        raise NotFoundError(
            f"nothing that is attached is {digest}, or more than one thing is", hint="'whit referrers IMAGE' lists it"
        )
    for layer in parse_manifest(place.document(plain(next(iter(fitting.values()))))).layers:
        text = place.blob(layer).decode("utf-8", "replace")
        if sys.stdout.isatty():
            # It comes from anywhere: nothing in it is for the terminal to obey.
            text = "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)
        click.echo(text)
