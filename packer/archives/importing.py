"""``whit import``: a root file system as a tar → an image of one layer, which is that tar as it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.archives.loading import told_of, uncompressed
from whit.packer.buildfile.dockerfile.changing import changed
from whit.packer.image.layer import write_tar
from whit.packer.image.oci import CONFIG, History, ImageConfig, Manifest
from whit.packer.image.spec import RunConfig
from whit.packer.pipeline import source_date_epoch
from whit.packer.store.garbage import collect
from whit.packer.store.unpack import split_name
from whit.packer.support.ahead import used_beside
from whit.packer.support.times import rfc3339
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the image is to have beside its files."""

    platform: Platform
    reference: Reference | None = None
    message: str = ""
    changes: tuple[str, ...] = ()


def import_tar(store: Store, chunks: Iterator[bytes], what: str, wishes: Wishes) -> str:
    """Make the image and name it; its ID. The tar may be compressed; ``what`` names it in errors.

    Raises :class:`InvalidFileError` for what no layer may hold, :class:`UsageError`, :class:`StoreError`.
    """
    run = changed(RunConfig(), wishes.changes)
    now = source_date_epoch() or int(time.time())
    created = rfc3339(now)
    with store.adding() as layout:
        with told_of(what):
            layer = write_tar(layout, used_beside(uncompressed(chunks, what), _check))
        step = History(f"whit import {what}", created, comment=wishes.message)
        config = ImageConfig(wishes.platform, run, (layer.diff_id,), (step,), created)
        manifest = Manifest(layout.put(config.to_json(), CONFIG), (layer.descriptor,))
        store.keep(layout.put(manifest.to_json(), manifest.media_type), wishes.reference)
    store.happened(manifest.config.digest, "import", wishes.reference.familiar if wishes.reference else "")
    collect(store)
    return manifest.config.digest


def _check(chunks: Iterator[bytes]) -> None:
    """Raise :class:`InvalidFileError` where they are no tar that can be unpacked."""
    for member in TarReader(chunks).members():
        split_name(member.name)
