"""``--compression``, ``--format``, ``--rewrite-timestamps``: what ``copy``, ``push`` and ``save`` may make of an image on its way."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.converted import Conversion
    from whit.packer.image.oci import Descriptor

_COMPRESSIONS = ("keep", "gzip", "zstd", "none", "uncompressed")
_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--compression",), {"type": click.Choice(_COMPRESSIONS), "default": "keep", "show_default": True, "help": "How layers are to be compressed; 'uncompressed' is 'none'."}),
    (("--format", "form"), {"type": click.Choice(["oci", "docker"]), "help": "Whose media types manifests get: OCI's, or docker's schema 2.  [default: as they are]"}),
    (("--rewrite-timestamps",), {"is_flag": True, "help": "No time in layers and configuration is later than --source-date-epoch."}),
    (("--source-date-epoch", "--timestamp"), {"type": click.IntRange(0), "metavar": "SECONDS", "help": "For --rewrite-timestamps.  [default: $SOURCE_DATE_EPOCH, else 0]"}),
)  # fmt: skip


def conversion_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these; it is called with ``conversion`` instead."""

    @functools.wraps(function)
    def with_conversion(
        *words: object,
        compression: str,
        form: str | None,
        rewrite_timestamps: bool,
        source_date_epoch: int | None,
        **others: object,
    ) -> object:
        latest = _latest(source_date_epoch, is_wished=rewrite_timestamps)
        return function(*words, conversion=_conversion(compression, form, latest), **others)

    for names, settings in reversed(_OPTIONS):
        with_conversion = click.option(*names, **settings)(with_conversion)
    return with_conversion


def _latest(given: int | None, *, is_wished: bool) -> int | None:
    from whit.packer.pipeline import LAST_SECOND, source_date_epoch
    from whit.packer.support.errors import UsageError

    if not is_wished:
        if given is not None:
            raise UsageError("--source-date-epoch is for --rewrite-timestamps", hint="add that, or leave this out")
        return None
    return source_date_epoch() if given is None else min(given, LAST_SECOND)


def _conversion(compression: str, form: str | None, latest: int | None) -> Conversion:
    from whit.packer.image.converted import Conversion, Form
    from whit.packer.image.spec import Compression

    wanted = None if compression == "keep" else Compression("none" if compression == "uncompressed" else compression)
    return Conversion(wanted, Form(form) if form else None, latest)


def begun(layer: Descriptor) -> None:
    """Say which layer is being converted, to who watches."""
    from whit.packer.showing.console import human_size, progress

    progress(f"converting {short_id(layer.hex)} ({human_size(layer.size)})")


def tell(
    before: Descriptor, after: Descriptor, left_out: tuple[Descriptor, ...], stayed: tuple[Descriptor, ...]
) -> None:
    """Say what an image hasn't got any more that has another digest now; ``stayed`` is known to be attached to the former."""
    from whit.packer.showing.console import end_progress, warn

    end_progress()
    if stayed and before.digest != after.digest:
        kinds = ", ".join(sorted({one.artifact_type or one.media_type for one in stayed}))
        warn(f"{before.digest} is {after.digest} now: what is attached to the former doesn't hold for it: {kinds}")
    if left_out:
        what = "an attestation" if len(left_out) == 1 else f"{len(left_out)} attestations"
        warn(f"{what} of the index told of images as they were, and was left out")
