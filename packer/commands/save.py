"""``whit save``: images of the store as one archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from whit.packer.commands.conversion_options import conversion_options

if TYPE_CHECKING:
    from whit.packer.archives.archive import Chosen
    from whit.packer.image.converted import Conversion
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store

    _Meant = list[tuple[Chosen, tuple[Reference, ...]]]


@click.command("save", short_help="Save images to an archive")
@click.option("-o", "--output", metavar="FILE", help="Write it there.  [default: standard output]")
@click.option("--with-referrers", is_flag=True, help="Save what is attached to them, too: SBOMs, signatures …")
@conversion_options
@click.argument("names", nargs=-1, required=True, metavar="IMAGE…")
def command(output: str | None, names: tuple[str, ...], with_referrers: bool, conversion: Conversion) -> None:
    """Save images to one archive, for docker, podman, skopeo, buildah and whit to load.

    A name without a tag means all tags that there are of it. Equal images make equal archives. Images that are converted
    stay as they are in the store.
    """
    import sys
    from pathlib import Path

    from whit.packer.archives.archive import archive_stream, save
    from whit.packer.image.converted import refused_referrers
    from whit.packer.showing.console import put_bytes
    from whit.packer.store.garbage import collect
    from whit.packer.store.store import Store
    from whit.packer.support.errors import UsageError

    if with_referrers and conversion:
        raise refused_referrers()
    if output is None and sys.stdout.isatty():
        raise UsageError("an archive isn't written to a terminal", hint=f"whit save -o FILE {' '.join(names)}")
    store = Store.open()
    with store.adding() if conversion else store.reading() as layout:
        images = _chosen(store, names)
        if conversion:
            images = tuple(_converted(store, layout, image, conversion) for image in images)
        artifacts = _attached(store, layout, images) if with_referrers else ()
        if output is not None:
            save(layout, images, Path(output), artifacts)
        else:
            for piece in archive_stream(layout, images, artifacts):
                put_bytes(piece)
    if conversion:
        collect(store)


def _attached(store: Store, layout: Layout, images: tuple[Chosen, ...]) -> tuple[Descriptor, ...]:
    """What is attached to the images and to what their indexes have, each once, as an archive's index lists it."""
    from whit.packer.archives.archive import tree
    from whit.packer.supply.attaching import all_attached, entry_of

    blobs = (blob for image in images for blob in tree(layout, image.descriptor))
    found = (artifact for blob in blobs for _, artifact in all_attached(store, blob.digest))
    return tuple({artifact.digest: entry_of(artifact) for artifact in found}.values())


def _converted(store: Store, layout: Layout, image: Chosen, conversion: Conversion) -> Chosen:
    from dataclasses import replace

    from whit.packer.archives.converting import convert
    from whit.packer.commands.conversion_options import begun, tell
    from whit.packer.supply.attaching import attached_within

    done = convert(layout, image.descriptor, layout, conversion, begun)
    tell(image.descriptor, done.descriptor, done.left_out, attached_within(store, layout, image.descriptor))
    return replace(image, descriptor=done.descriptor)


def _chosen(store: Store, names: tuple[str, ...]) -> tuple[Chosen, ...]:
    """The images that the words mean, each once with all names that were meant."""
    from whit.packer.archives.archive import Chosen

    found: dict[str, Chosen] = {}
    for name in names:
        for image, references in _meant(store, name):
            known = found.get(image.descriptor.digest, image)
            both = dict.fromkeys((*known.references, *references))
            found[image.descriptor.digest] = Chosen(image.descriptor, tuple(both))
    return tuple(found.values())


def _meant(store: Store, name: str) -> _Meant:
    """(What a name points to, an index with all its images, and the names that it is to have.)"""
    from whit.packer.archives.archive import Chosen
    from whit.packer.image.reference import parse_reference
    from whit.packer.support.errors import UsageError

    if ":" in name.rpartition("/")[2] or "@" in name:
        named = store.resolve(name).reference
        return [(Chosen(store.entry(name), ()), (named,) if named and "@" not in name else ())]
    try:
        wanted = parse_reference(name).familiar_name
    except UsageError:
        wanted = ""
    same = ((item, known) for known, item in store.entries() if known and known.familiar_name == wanted)
    found: _Meant = [(Chosen(item, ()), (known,)) for item, known in same]
    if not found:
        store.resolve(name)
        found = [(Chosen(store.entry(name), ()), ())]
    return found
