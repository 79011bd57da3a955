"""An image's layers → its inventory: every file hashed, every program analysed, in one pass and bounded memory."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

from whit.packer.executable.analyse import ELF_MAGIC, WASM_MAGIC
from whit.packer.executable.analysis import Wanted
from whit.packer.image.overlaying import overlay
from whit.packer.store.rootfs import layer_tar
from whit.packer.store.unpack import split_name
from whit.packer.supply import distro
from whit.packer.supply.components import File, Inventory, Subject, take_inventory
from whit.packer.support.errors import InvalidFileError, WhitError
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.reference import Reference
    from whit.packer.store.layout import Layout
    from whit.packer.store.store import StoredImage
    from whit.packer.tar.member import Member

_MOST = 1_000_000
_HEAD = 4
_TELLING = Wanted()
"""Nothing is looked for but what a program says of itself."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One member of a layer, with what was found out while it passed."""

    path: str
    kind: Kind
    layer: str
    mode: int
    size: int = 0
    sha256: str = ""
    sha1: str = ""


@dataclass(slots=True)
class _Facts:
    """What is known of contents by their digest: the same file in two layers is looked at once."""

    analyses: dict[str, Analysis] = field(default_factory=dict)
    databases: dict[str, bytes] = field(default_factory=dict)
    by_path: dict[str, _Seen] = field(default_factory=dict)


def inventory_of(layout: Layout, image: StoredImage, reference: Reference | None = None) -> Inventory:
    """What an image of a layout is made of. Raises what reading a damaged or hostile image raises."""
    facts = _Facts()
    pairs = zip(image.manifest.layers, image.config.diff_ids, strict=True)
    layers = [
        list(_members(TarReader(layer_tar(layout, layer, diff_id)), layer.digest, facts)) for layer, diff_id in pairs
    ]
    seen = [file for file in overlay(layers)[0].values() if file.kind is Kind.FILE and file.sha256]
    return take_inventory(
        subject_of(image, reference),
        (File(file.path, file.size, file.sha256, file.sha1, bool(file.mode & 0o111)) for file in seen),
        {file.path: facts.analyses[file.sha256] for file in seen if file.sha256 in facts.analyses},
        {file.path: facts.databases[file.sha256] for file in seen if distro.wanted(file.path)},
    )


def subject_of(image: StoredImage, reference: Reference | None) -> Subject:
    """The image itself, by a name of it."""
    named = reference or image.reference
    if named is None:
        return Subject(image.digest, "image", image.platform)
    return Subject(image.digest, named.path.rpartition("/")[2], image.platform)


def _members(tar: TarReader, layer: str, facts: _Facts) -> Iterator[_Seen]:
    """One layer's members; a hard link is the file that it leads to."""
    for number, member in enumerate(tar.members()):
        if number >= _MOST:
            raise InvalidFileError(f"a layer holds more than {_MOST} files")
        path = "/" + "/".join(part.decode("utf-8", "surrogateescape") for part in split_name(member.name))
        if member.kind is Kind.HARD_LINK:
            target = "/" + "/".join(part.decode("utf-8", "surrogateescape") for part in split_name(member.target))
            origin = facts.by_path.get(target)
            seen = replace(origin, path=path, layer=layer) if origin else _Seen(path, member.kind, layer, member.mode)
        elif member.kind is Kind.FILE:
            seen = _file(tar, member, path, layer, facts)
        else:
            seen = _Seen(path, member.kind, layer, member.mode)
        if path != "/":
            facts.by_path[path] = seen
            yield seen


def _file(tar: TarReader, member: Member, path: str, layer: str, facts: _Facts) -> _Seen:
    """Hash a file; keep it aside meanwhile if it may be a program."""
    sha256, sha1, size = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), 0
    kept = bytearray()
    is_database = distro.wanted(path)
    aside: IO[bytes] | None = None
    try:
        for piece in tar.content():
            sha256.update(piece)
            sha1.update(piece)
            if not size and bytes(piece[:_HEAD]) in (ELF_MAGIC, WASM_MAGIC):
                aside = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
            if aside:
                aside.write(piece)
            size += len(piece)
            if is_database and size <= distro.MAX_DATABASE:
                kept += piece
        digest = sha256.hexdigest()
        if aside and digest not in facts.analyses:
            _analyse(aside, digest, facts)
    finally:
        if aside:
            aside.close()
    if is_database:
        facts.databases[digest] = bytes(kept)
    return _Seen(path, member.kind, layer, member.mode, size, digest, sha1.hexdigest())


def _analyse(file: IO[bytes], digest: str, facts: _Facts) -> None:
    """Note what a program says of itself; what is none after all, or is damaged, is a file as any other."""
    import mmap  # noqa: PLC0415 - most files are no programs

    from whit.packer.executable.analyse import analyse  # noqa: PLC0415

    file.flush()
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            facts.analyses[digest] = analyse(data, _TELLING)
        except WhitError:
            return
