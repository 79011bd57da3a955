"""Layers that were written before: if the same files would go in by the same rules, blob and digests are known.

    ROOT/cache/layers/KEY.json      KEY is a hash of the layer's entries, its files' states, and whit's own code

So a program that is unchanged isn't compressed again because a file beside it has changed. A record is trusted only while its blob
is there and every file has the device, inode, size and times that it had; a damaged record is no record.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.image.oci import Descriptor, Layer, check_digest
from whit.packer.image.packcache import code_key, file_state, is_settled
from whit.packer.image.spec import Compression, HostFile
from whit.packer.support import durable
from whit.packer.support.errors import InvalidFileError, StoreError
from whit.packer.support.jsondoc import canonical_json, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.image.spec import Entry, LayerSpec
    from whit.packer.store.store import Store

_LIMIT = 64 << 10
_WORTH, _MANY = 1 << 20, 100
"""Bytes of a host's files, and how many files, from which on remembering a layer is quicker than writing it again."""


class LayerCache:
    """What a store remembers of layers that are made with one time and one compression."""

    def __init__(self, store: Store, created: int, compression: Compression) -> None:
        self.store = store
        self.created = created
        self.compression = compression
        self._code = code_key()
        self._recalled: set[str] = set()

    def recall(self, spec: LayerSpec) -> Layer | None:
        """The layer, if it is there."""
        path = self._path(spec)
        if path is None:
            return None
        try:
            doc = parse_object(path.read_bytes(), "layer cache", _LIMIT)
            digest, diff_id = (check_digest(doc.text(name), "layer cache") for name in ("digest", "diff_id"))
            layer = Layer(Descriptor(doc.text("media_type"), digest, doc.count("size")), diff_id, doc.count("tar_size"))
        except (OSError, InvalidFileError, StoreError):
            return None
        if not self.store.layout.has(layer.descriptor):
            return None
        self._recalled.add(digest)
        return layer

    def remember(self, specs: Iterable[LayerSpec], layers: Iterable[Layer]) -> None:
        """Keep what has just been written, unless a file may change without a trace. Failing to is no failure."""
        for spec, layer in zip(specs, layers, strict=True):
            path = None if layer.descriptor.digest in self._recalled else self._path(spec)
            if path is None or path.exists():
                continue
            document = {
                "media_type": layer.descriptor.media_type,
                "digest": layer.descriptor.digest,
                "size": layer.descriptor.size,
                "diff_id": layer.diff_id,
                "tar_size": layer.tar_size,
            }
            with contextlib.suppress(OSError):
                durable.private_folder(path.parent)
                durable.write_record(path, canonical_json(document))

    def _path(self, spec: LayerSpec) -> Path | None:
        """Where its record is or would be; None for a layer that isn't worth one, or whose files aren't settled."""
        files = [entry.content for entry in spec.entries if isinstance(entry.content, HostFile)]
        if sum(file.size for file in files) < _WORTH and len(files) < _MANY:
            return None
        states = [file_state(os.fsencode(file.path)) for file in files]
        if not all(is_settled(state, file) for state, file in zip(states, files, strict=True)):
            return None
        document = {
            "entries": [_entry(entry) for entry in spec.entries],
            "states": [list(state) for state in states],
            "created": self.created,
            "compression": self.compression,
            "code": self._code,
        }
        return self.store.cache_folder / "layers" / f"{sha256(canonical_json(document)).hexdigest()}.json"


def _entry(entry: Entry) -> dict[str, object]:
    """An entry's own words; a file's content is among the states, other content by its digest."""
    known = {name: getattr(entry, name) for name in entry.__match_args__}
    content = entry.content
    known["content"] = None if content is None or isinstance(content, HostFile) else sha256(content.data).hexdigest()
    return {name: os.fsencode(value).hex() if isinstance(value, str) else value for name, value in known.items()}
