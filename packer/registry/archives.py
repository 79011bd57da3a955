"""An image in an archive, read where it lies: an OCI layout in a tar, or what ``docker save`` and its like write."""

from __future__ import annotations

import json
import tarfile
from typing import IO, TYPE_CHECKING

from whit.packer.errors import InvalidFileError, NotFoundError, UnsupportedError
from whit.packer.oci import (
    CONFIG,
    LAYER_TAR,
    MANIFEST,
    MAX_DOCUMENT,
    Descriptor,
    Manifest,
    digest_of,
    parse_config,
    parse_index,
)
from whit.packer.registry.names import find_named, is_among
from whit.packer.registry.repository import Document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_MEMBERS = 100_000
_CHUNK = 1 << 20


class ArchiveSource:
    """One image of an archive; ``name`` says which where there are several."""

    def __init__(self, file: IO[bytes], path: Path, name: str) -> None:
        self._file, self._path, self._name = file, path, name
        self._members = _members(file, path)
        self._made: dict[str, bytes] = {}
        self._places: dict[str, str] = {}

    def root(self) -> Document:
        """The archive's own manifest, or, for docker's older form, one that is made of it: its layers as they are."""
        if "index.json" in self._members:
            index = parse_index(self._read("index.json"), str(self._path))
            return self.document(find_named(index.manifests, self._name, str(self._path)))
        if "manifest.json" in self._members:
            return self._from_docker()
        raise InvalidFileError(
            f"{self._path} is no archive of an image", hint="it has neither index.json nor manifest.json"
        )

    def document(self, descriptor: Descriptor) -> Document:
        """A document, its digest checked."""
        made = self._made.get(descriptor.digest)
        data = made if made is not None else self._read(self._place(descriptor))
        if digest_of(data) != descriptor.digest:
            raise InvalidFileError(f"{self._path}: {descriptor.digest} is damaged: its bytes are others")
        return Document(descriptor, data)

    def blob(self, blob: Descriptor, start: int = 0) -> Iterator[bytes]:
        """A blob's bytes; the digest is checked by who takes them."""
        made = self._made.get(blob.digest)
        if made is not None:
            yield made[start:]
            return
        offset, size = self._found(self._place(blob))
        with self._path.open("rb", buffering=0) as file:  # of its own: several are read at once
            file.seek(offset + start)
            left = size - start
            while left > 0 and (chunk := file.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk

    def _place(self, descriptor: Descriptor) -> str:
        return self._places.get(descriptor.digest) or f"blobs/sha256/{descriptor.hex}"

    def _found(self, name: str) -> tuple[int, int]:
        place = self._members.get(name)
        if place is None:
            raise InvalidFileError(f"{self._path} lacks {name}", hint="was it written to its end?")
        return place

    def _read(self, name: str) -> bytes:
        offset, size = self._found(name)
        if size > MAX_DOCUMENT:
            raise InvalidFileError(f"{self._path}: {name} has {size} bytes; documents have at most {MAX_DOCUMENT}")
        self._file.seek(offset)
        return self._file.read(size)

    def _from_docker(self) -> Document:
        """Docker's manifest.json (moby, image/spec): configuration and layers by name, layers not compressed."""
        try:
            entries = json.loads(self._read("manifest.json"))
            known = [(entry["Config"], entry["Layers"], entry.get("RepoTags") or []) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidFileError(f"{self._path}: manifest.json is not docker's") from None
        chosen = [entry for entry in known if not self._name or is_among(entry[2], self._name)]
        if len(chosen) != 1:
            names = ", ".join(str(tag) for entry in known for tag in entry[2])
            raise NotFoundError(
                f"{self._path} has {'no' if self._name else 'more than one'} image {self._name}".rstrip(),
                hint=f"name one of them: {names}" if names else None,
            )
        config, layers, _ = chosen[0]
        data = self._read(str(config))
        diff_ids = parse_config(data, f"{self._path}: configuration").diff_ids
        if len(diff_ids) != len(layers):
            raise InvalidFileError(f"{self._path}: {len(layers)} layers, and {len(diff_ids)} diff_ids")
        blobs = tuple(self._layer(str(name), diff_id) for name, diff_id in zip(layers, diff_ids, strict=True))
        configuration = Descriptor(CONFIG, digest_of(data), len(data))
        manifest = Manifest(configuration, blobs).to_json()
        self._made = {configuration.digest: data}
        return Document(Descriptor(MANIFEST, digest_of(manifest), len(manifest)), manifest)

    def _layer(self, name: str, diff_id: str) -> Descriptor:
        offset, size = self._found(name)
        self._file.seek(offset)
        if self._file.read(2) == b"\x1f\x8b":
            raise UnsupportedError(
                f"{self._path} has compressed layers without an index.json", hint="write it as oci-archive"
            )
        self._places[diff_id] = name
        return Descriptor(LAYER_TAR, diff_id, size)


def _members(file: IO[bytes], path: Path) -> dict[str, tuple[int, int]]:
    """Where the archive's files are: name → (offset, size). Links, which docker's older archives have, are followed once."""
    found: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for count, member in enumerate(archive):
                if count > MAX_MEMBERS:
                    raise InvalidFileError(f"{path} has more than {MAX_MEMBERS} files")
                name = member.name.removeprefix("./")
                if member.isreg() and not member.issparse():
                    found[name] = (member.offset_data, member.size)
                elif member.issym() or member.islnk():
                    folder = name.rpartition("/")[0] if member.issym() else ""
                    links[name] = _joined(folder, member.linkname)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise InvalidFileError(
            f"{path} is not a tar archive: {error}", hint="one that is compressed is to be unpacked first: gunzip"
        ) from None
    for name, target in links.items():
        if target in found:
            found[name] = found[target]
    return found


def _joined(folder: str, target: str) -> str:
    parts = folder.split("/") if folder else []
    for part in target.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return "/".join(parts)
