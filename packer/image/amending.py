"""An image that was packed before, of which only files that a person added have changed: their layer is made anew.

Beside a static program a file that is no executable has no part in anything but its layer, and what names that: the
configuration's ``diff_ids`` and the manifest. So all else is taken over, without the program being looked at. The digests are
those that packing it all again would give; where it can't be known that they are, it is packed all again.
"""

from __future__ import annotations

import os

from whit.packer.image import packcache
from whit.packer.image.layer import write_layer
from whit.packer.image.oci import parse_config, parse_manifest
from whit.packer.image.packcache import ImageFile
from whit.packer.image.spec import Entry, EntryKind, HostFile, LayerSpec
from whit.packer.resolution import additions
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.packer.image.oci import ImageConfig, Layer, Manifest
    from whit.packer.image.packcache import Kept, Record
    from whit.packer.image.spec import ImageSpec, PackOptions
    from whit.packer.resolution.additions import Added
    from whit.packer.resolution.choices import Choices
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import Store
    from whit.packer.support.jsondoc import Doc

_MOST = 2000
"""Files and folders of a layer that are written down: of more, packing all again is little more work."""

_ELF = b"\x7fELF"
_ROW = (str, str, int, int, int, str, str)


@dataclass(frozen=True, slots=True)
class _Was:
    """The layer when it was made: which one it is, its tar's size, its entries as :func:`_row` has them."""

    number: int
    size: int
    rows: tuple[tuple[str, str, int, int, int, str, str], ...]
    loose: frozenset[bytes]


def amendable(spec: ImageSpec, layers: tuple[Layer, ...], added: Added) -> dict[str, object] | None:
    """What has to be known of an image of a static program to make its layer of added files anew; None if that can't be.

    Paths whose change leads to nothing else are ``loose``.
    """
    number = next(
        (number for number, layer in enumerate(spec.layers) if added.entries and added.entries[-1] in layer.entries),
        None,
    )
    if number is None or spec.artifact or len(spec.layers[number].entries) > _MOST:
        return None
    files = [entry.content for entry in added.entries if isinstance(entry.content, HostFile)]
    if any(map(_may_be_executable, files)):
        return None
    others = {
        entry.content.path
        for layer in (*spec.layers[:number], *spec.layers[number + 1 :])
        for entry in layer.entries
        if isinstance(entry.content, HostFile)
    }
    own = {file.path for file in files}
    loose = own | {os.path.dirname(path) for path in own} | set(added.folders)  # noqa: PTH120 - texts, as they were given
    loose -= others | {os.path.dirname(path) for path in others}  # noqa: PTH120
    return _document(number, layers[number].tar_size, spec.layers[number], map(os.fsencode, loose))


def amended(
    store: Store, key: str, kept: Kept, layout: Layout, options: PackOptions, choices: Choices, *, since: int
) -> Record | None:
    """The image with its added files as they are now, written into the layout; None where it has to be packed again.

    ``since``, in nanoseconds since the epoch, is when that began. Raises as :func:`additions.gather` and :func:`write_layer`.
    """
    changed, was, found = kept.changed, _was(kept.added), _documents(layout, kept)
    if was is None or found is None or not changed <= was.loose:
        return None
    added = additions.gather(choices.additions)
    spec = _layer(was, added)
    if spec is None:
        return None
    files = [entry.content for entry in spec.entries if isinstance(entry.content, HostFile)]
    if any(_may_be_executable(file) for file in files if os.fsencode(file.path) in changed):
        return None
    number, (manifest, config) = was.number, found
    spec = replace(spec, created_by=config.history[number].created_by)
    layer = write_layer(layout, spec, options.created, compression=options.compression)
    config = replace(config, diff_ids=_with(config.diff_ids, number, layer.diff_id))
    described = layout.put(config.to_json(), manifest.config.media_type)
    manifest = replace(manifest, config=described, layers=_with(manifest.layers, number, layer.descriptor))
    record = _record(kept.record, manifest, spec, layout, layer.tar_size - was.size)
    guards = packcache.states(files, added.folders, since)
    if guards is not None:
        document = _document(number, layer.tar_size, spec, was.loose)
        packcache.keep(store, key, record, {**kept.guards, **guards}, document)
    return record


def _record(old: Record, manifest: Manifest, spec: LayerSpec, layout: Layout, grown: int) -> Record:
    """What is known of the image now; ``grown`` by so many bytes."""
    sizes = {entry.path: entry.size for entry in spec.entries if entry.kind is EntryKind.FILE}
    descriptor = layout.put(manifest.to_json(), manifest.media_type)
    return replace(
        old,
        manifest=descriptor,
        files=tuple(ImageFile(*file[:3], sizes.get(file.path, file.size), file.reason) for file in old.files),
        unpacked=old.unpacked + grown,
        size=descriptor.size + sum(blob.size for blob in manifest.blobs),
    )


def _document(number: int, size: int, layer: LayerSpec, loose: Iterable[bytes]) -> dict[str, object]:
    return {
        "layer": number,
        "size": size,
        "entries": [_row(entry) for entry in layer.entries],
        "loose": sorted(path.hex() for path in loose),
    }


def _was(doc: Doc | None) -> _Was | None:
    """What :func:`_document` made, read again; None for one that is damaged."""
    if doc is None:
        return None
    try:
        return _Was(
            doc.count("layer"),
            doc.count("size"),
            doc.rows("entries", *_ROW),
            frozenset(map(bytes.fromhex, doc.texts("loose"))),
        )
    except (InvalidFileError, ValueError):
        return None


def _layer(was: _Was, added: Added) -> LayerSpec | None:
    """The layer as it was, with the added files as they are now; None where those aren't the same in all but content."""
    now = {entry.path: entry for entry in added.entries}
    entries = []
    for row in was.rows:
        path, kind, mode, uid, gid, reason, _ = row
        entry = now.pop(path, None)
        if entry is None and kind == EntryKind.DIRECTORY:
            entry = Entry(path, EntryKind.DIRECTORY, mode, reason, uid, gid)
        if entry is None or _row(entry) != row:
            return None
        entries.append(entry)
    return None if now else LayerSpec("", tuple(entries))


def _row(entry: Entry) -> tuple[str, str, int, int, int, str, str]:
    """All of an entry but its content."""
    return entry.path, str(entry.kind), entry.mode, entry.uid, entry.gid, entry.reason, entry.target or ""


def _documents(layout: Layout, kept: Kept) -> tuple[Manifest, ImageConfig] | None:
    """The image's documents, if all is there, and if they say no more than is read of them."""
    try:
        data = layout.read(kept.record.manifest)
        manifest = parse_manifest(data)
        document = layout.read(manifest.config)
        config = parse_config(document)
    except (OSError, InvalidFileError, StoreError):
        return None
    is_whole = all(map(layout.has, manifest.layers))
    return (manifest, config) if is_whole and manifest.to_json() == data and config.to_json() == document else None


def _with(values: Iterable[object], number: int, value: object) -> tuple:  # type: ignore[type-arg]
    return tuple(value if each == number else old for each, old in enumerate(values))


def _may_be_executable(file: HostFile) -> bool:
    """Whether it begins as what brings libraries along; one that can't be read is told of by who writes the layer."""
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        return os.read(descriptor, len(_ELF)) == _ELF
    finally:
        os.close(descriptor)
