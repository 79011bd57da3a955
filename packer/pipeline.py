"""The whole main way: executable → analysis → resolution → image specification → layers → store."""

from __future__ import annotations

import contextlib
import os
import time

from whit.packer.image import packcache
from whit.packer.image.reference import Reference, reference_from_path
from whit.packer.image.spec import PackOptions
from whit.packer.resolution.choices import DEFAULT, Choices
from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    from whit.packer.executable.file import Opened
    from whit.packer.image.below import Below
    from whit.packer.image.early import EarlyLayer, KnownLayer
    from whit.packer.image.layercache import LayerCache
    from whit.packer.image.oci import Layer
    from whit.packer.image.packcache import Record
    from whit.packer.image.platform import Platform
    from whit.packer.image.spec import ImageSpec
    from whit.packer.resolution.additions import Added
    from whit.packer.store.layout import Follower, Layout
    from whit.packer.store.store import Store, StoredImage

LAST_SECOND = 253402300799
"""The end of the year 9999, in seconds since the epoch: RFC 3339 has no later one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to pack and how. ``others`` are further programs, each with its place in the image; ``base`` an image's name.

    ``platform``: any other is refused.
    """

    path: str
    options: PackOptions
    choices: Choices = DEFAULT
    others: tuple[tuple[str, str | None], ...] = ()
    base: str | None = None
    platform: Platform | None = None


def write(order: Order, layout: Layout, remember_in: Store | None = None, below: Below | None = None) -> Record:
    """Pack an executable into a layout; to name the manifest is the caller's. ``below`` is the base, in that layout too.

    Raises whatever is wrong with the executable, an option or a source; then nothing refers to what was written.
    """
    from whit.packer.executable.file import opened  # noqa: PLC0415 - what is already packed needs none of it

    began = time.time_ns()
    cache = _layer_cache(order.options, remember_in)
    with opened(order.path) as program, _begun(program, order.options, layout, cache) as early:
        from whit.packer.image.assemble import write_image  # noqa: PLC0415 - while the first layer is being compressed
        from whit.packer.image.spec import image_spec  # noqa: PLC0415
        from whit.packer.needs import WANTED  # noqa: PLC0415
        from whit.packer.resolution.additions import gather  # noqa: PLC0415
        from whit.packer.resolution.advice import UNSTARTABLE  # noqa: PLC0415
        from whit.packer.resolution.programs import further, refuse_others, resolved  # noqa: PLC0415

        added = gather(order.choices.additions)
        choices = below.choices(order.choices) if below else order.choices
        choices = choices.without_certificates() if order.options.as_artifact else choices
        executable = program.analyse(WANTED)
        others = further(order.others, order.options)
        refuse_others(order.platform, executable, others)
        resolution = resolved(executable, others, choices, order.options, added.entries)
        layers_of_others = tuple(other.layer for other in others)
        spec = image_spec(
            *(executable.name, executable.file, executable.analysis, resolution),
            *(order.options, added.entries, layers_of_others),
        )
        spec = below.under(spec, order.options) if below else spec
        if order.options.refusal:
            from whit.packer.syscalls.ofimage import with_calls  # noqa: PLC0415 - few ask for it

            spec = with_calls(spec, order.options.refusal, on_base=below is not None, added=order.options.added_calls)
        if order.options.as_artifact:
            from whit.packer.image.artifact import as_artifact  # noqa: PLC0415 - few ask for it

            spec = as_artifact(spec, executable, resolution, order.options)
        recall = cache.recall if cache else lambda _: None
        manifest, layers = write_image(layout, spec, early, below.image if below else None, recall)
    if cache and not spec.artifact:
        cache.remember(spec.layers, layers)
    descriptor = layout.put(manifest.to_json(), manifest.media_type)
    warnings = tuple(advice.text for advice in resolution.advice if advice.about in UNSTARTABLE)
    record = replace(packcache.record_of(spec, descriptor, manifest, layers), warnings=warnings)
    if remember_in:
        key = packcache.cache_key(*_key(order, below))
        loose = None if below or resolution.watched else _amendable(spec, layers, added)
        return packcache.remember(remember_in, key, spec, record, added.folders, resolution.watched, loose, since=began)
    return record


def _amendable(spec: ImageSpec, layers: tuple[Layer, ...], added: Added) -> dict[str, object] | None:
    from whit.packer.image.amending import amendable  # noqa: PLC0415 - only where something is packed

    return amendable(spec, layers, added) if added.entries else None


def _layer_cache(options: PackOptions, store: Store | None) -> LayerCache | None:
    """What is remembered of layers; an output that isn't the store remembers nothing."""
    from whit.packer.image.layercache import LayerCache  # noqa: PLC0415 - only where something is packed

    return LayerCache(store, options.created, options.compression) if store else None


def _begun(
    program: Opened, options: PackOptions, layout: Layout, cache: LayerCache | None
) -> contextlib.AbstractContextManager[EarlyLayer | KnownLayer | None]:
    """The program's layer, begun now if the file may turn out to be a program, unless it is there already."""
    from whit.packer.image.early import KnownLayer, early_layer  # noqa: PLC0415 - only where something is packed
    from whit.packer.image.spec import program_layer  # noqa: PLC0415

    if not program.may_be_executable or options.as_artifact:
        return contextlib.nullcontext()
    spec = program_layer(program.name, program.file, options)
    known = cache.recall(spec) if cache else None
    if known:
        return contextlib.nullcontext(KnownLayer(spec, known))
    return early_layer(layout, spec, options.created, options.compression)


def pack(order: Order, store: Store, references: tuple[Reference, ...], follower: Follower | None = None) -> Record:
    """Pack an executable into the store, or find that it is there already; let the names point to it.

    ``follower`` is told how layers grow that have to be written.
    """
    with store.adding() as plain:
        layout = replace(plain, follower=follower)
        below = below_of(store, order.base, order.platform) if order.base else None
        record = _known(order, store, layout, below) or write(order, layout, remember_in=store, below=below)
        new = store.add(record.manifest, references)
    if new:
        from whit.packer.store.garbage import collect  # noqa: PLC0415 - only where something may have been replaced

        collect(store)
    return record


def _known(order: Order, store: Store, layout: Layout, below: Below | None) -> Record | None:
    """What was packed before, if nothing has changed; or with an added file that has."""
    began = time.time_ns()
    key = packcache.cache_key(*_key(order, below))
    kept = packcache.read(store, key)
    if kept is None:
        return None
    if not kept.changed:
        return kept.record if packcache.is_whole(store, kept.record) else None
    if below or not kept.added:
        return None
    from whit.packer.image.amending import amended  # noqa: PLC0415 - only where something has changed

    return amended(store, key, kept, layout, order.options, order.choices, since=began)


def pack_file(path: str, store: Store, choices: Choices) -> StoredImage:
    """Pack an executable to run it: under a name that its path gives it, so that no other is taken."""
    return pack_to_run(path, store, choices)[0]


def pack_to_run(path: str, store: Store, choices: Choices) -> tuple[StoredImage, Record]:
    """As :func:`pack_file`, with what was packed."""
    name = reference_from_path(os.path.abspath(path))  # noqa: PTH100 - as it was given, links not followed
    record = pack(Order(path, PackOptions(created=source_date_epoch()), choices), store, (name,))
    return store.image(record.manifest, name), record


def below_of(store: Store, name: str, platform: Platform | None) -> Below:
    """The base that a name means. Raises :class:`NotFoundError`."""
    from whit.packer.image.below import Below  # noqa: PLC0415 - only where there is one

    return Below.of(store, name, platform)


def _key(order: Order, below: Below | None) -> tuple[str, PackOptions, Choices, tuple[str, ...]]:
    """The same order in another folder is another one, if its paths are relative."""
    choices, absolute = order.choices, os.path.abspath
    choices = replace(
        choices,
        sysroot=None if choices.sysroot is None else absolute(choices.sysroot),
        additions=tuple(replace(added, source=added.source and absolute(added.source)) for added in choices.additions),
    )
    others = (text for path, target in order.others for text in (absolute(path), target or ""))
    more = (*others, f"base {below.image.digest}" if below else "", f"for {order.platform or ''}")
    return absolute(order.path), order.options, choices, more


def source_date_epoch() -> int:
    """The time that SOURCE_DATE_EPOCH asks for, in seconds since the epoch; 0 if it isn't set (reproducible-builds)."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LAST_SECOND)) and int(text) <= LAST_SECOND):
        raise UsageError(
            f"SOURCE_DATE_EPOCH is {text[:40]!r}, not seconds since 1970",
            hint="as in SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)",
        )
    return int(text)
