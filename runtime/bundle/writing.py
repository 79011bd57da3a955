"""Image + options → a bundle: one executable file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.tar.member import Kind
from whit.runtime.bundle.document import Contents, document, page
from whit.runtime.bundle.form import Head, Mark, Place, encode_head, find_mark, launcher_sum
from whit.runtime.bundle.keeping import CACHE, is_better_kept
from whit.runtime.bundle.output import executable_file
from whit.runtime.bundle.plans import own_calls, plans_of
from whit.runtime.bundle.signing import SIZE, signature
from whit.runtime.bundle.sums import add, in_pages
from whit.runtime.bundle.tree import contents_of, entries_of, files_of, with_places
from whit.runtime.encode import encode
from whit.runtime.engine.machineinfo import whit_version
from whit.runtime.launch import find_launcher
from whit.runtime.machine import architecture
from whit.runtime.plan import command_line
from whit.runtime.prepare import mount_points

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.packer.store.rootfs import MountPoint
    from whit.packer.store.store import Store
    from whit.packer.supply.keys import PrivateKey
    from whit.runtime.bundle.form import Entry
    from whit.runtime.bundle.tree import Source
    from whit.runtime.model import LaunchPlan
    from whit.runtime.options import RunOptions
    from whit.runtime.prepare import Prepared

_ALIGNMENT = 64
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundled:
    """What was written: the file's size and digest, how many bytes of it are the image's files, how many those are, its settings."""

    path: str
    size: int
    digest: str
    image: str
    files: int
    files_size: int
    is_signed: bool
    settings: tuple[str, ...]


class _Output:
    """Contents behind each other, each where a line of the processor's cache begins; what is there already isn't written again."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.known: dict[str, Place] = {}
        self.digests: dict[Place, str] = {}

    def put(self, pieces: Iterable[bytes]) -> Place:
        """Write a content."""
        self.file.write(bytes(-self.file.tell() % _ALIGNMENT))
        at, total, hashed, size = self.file.tell(), 0, hashlib.sha256(), 0
        for piece in in_pages(pieces):
            self.file.write(piece)
            total, size = add(total, piece), size + len(piece)
            hashed.update(piece)
        digest = f"sha256:{hashed.hexdigest()}"
        known = self.known.setdefault(digest, Place(at, size, total))
        if known.at != at:
            self.file.seek(at)
            self.file.truncate()
        # An empty one begins where the next one does.
        self.digests[known] = digest
        return known


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be bundled: an image that is ready, its options, the launcher's settings (NAME=VALUE), a key to sign with.

    ``may_be_kept``: nobody has said where its files are to be, and many are kept unpacked where it is started.
    """

    ready: Prepared
    options: RunOptions
    defaults: tuple[str, ...] = ()
    key: PrivateKey | None = None
    may_be_kept: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    entries: tuple[Entry, ...]
    digests: dict[Place, str]


def write_bundle(target: Path, order: Order, store: Store) -> Bundled:
    """Write a bundle.

    Raises :class:`UnsupportedError` for what a bundle can't run, and whatever reading an image and writing a file raises.
    """
    ready, machine = order.ready, architecture()
    if ready.program.wasm:
        raise UnsupportedError(
            "a bundle has no engine for WebAssembly", hint="run it by 'whit run', or bundle a native program"
        )
    if ready.image.platform.architecture != machine:
        raise UnsupportedError(
            f"the image is for {ready.image.platform}, and a bundle's launcher for linux/{machine}",
            hint="make it on a machine of that kind",
        )
    plans, words = plans_of(ready.program, order.options, machine, ready.executable)
    launcher = find_launcher().read_bytes()
    mark_at = find_mark(launcher)
    with executable_file(target) as file:
        file.write(launcher)
        output = _Output(file)
        entries = _write_files(output, ready, order.options, store)
        if order.may_be_kept and is_better_kept(entries):
            order = replace(order, defaults=(*order.defaults, CACHE))
        contents = _contents(order, plans, words, launcher, _Found(tuple(entries), output.digests))
        shown, told = output.put([page(contents)]), output.put([document(contents)])
        head = Head(tuple(map(encode, plans)), _bytes(order.defaults), words, contents.entries, shown, told)
        _finish(file, head, (mark_at, launcher), has_signature=order.key is not None)
        if order.key:
            body = _file_digest(file)
            file.write(signature(contents.name, body.removeprefix("sha256:"), contents.image, order.key))
        digest, size = _file_digest(file), file.tell()
    is_signed = order.key is not None
    files = head.files_count, head.files_size
    return Bundled(str(target), size, digest, contents.image, *files, is_signed, order.defaults)


def _bytes(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    found = tuple(text.encode("utf-8", "surrogateescape") for text in texts)
    if any(b"\0" in text for text in found):
        raise InvalidFileError("a setting holds a NUL", hint="no path, name or variable may hold one")
    return found


def _write_files(output: _Output, ready: Prepared, options: RunOptions, store: Store) -> list[Entry]:
    """All contents that a container would see, and the entries that lead to them."""
    points: tuple[MountPoint, ...] = mount_points(replace(options, volumes=()), ())
    with store.reading() as layout:
        files = files_of(layout, ready.image)
        wanted = {seen.source for seen in files.values() if seen.kind is Kind.FILE}
        places: dict[Source, Place] = {}
        for source, pieces in contents_of(layout, ready.image, wanted):
            places[source] = output.put(pieces)
    own = {point.content: output.put([point.content]) for point in points if not point.is_directory}
    return with_places(entries_of(files, places), points, own)


def _contents(order: Order, plans: tuple[LaunchPlan, ...], words: int, launcher: bytes, found: _Found) -> Contents:
    ready = order.ready
    reference = ready.image.reference
    return Contents(
        name=ready.program.name if reference is None or reference.domain == "localhost" else reference.familiar,
        image=ready.image.digest,
        platform=str(ready.image.platform),
        version=whit_version(),
        launcher=(len(launcher), f"sha256:{hashlib.sha256(launcher).hexdigest()}"),
        command=command_line(order.options, ready.program),
        entrypoint_words=words,
        defaults=order.defaults,
        sandbox=None if order.options.sandbox is None else str(order.options.sandbox),
        calls=own_calls(ready.program, order.options),
        exposed_ports=ready.image.config.run.exposed_ports,
        plans=plans,
        entries=found.entries,
        digests=found.digests,
    )


def _finish(file: IO[bytes], head: Head, launcher: tuple[int, bytes], *, has_signature: bool) -> None:
    """Write the head, and the mark that leads to it. A signature is to stand behind the head."""
    mark_at, own = launcher
    file.write(bytes(-file.tell() % _ALIGNMENT))
    at = file.tell()
    end = at + len(encode_head(head))
    place = Place(end, SIZE) if has_signature else Place()
    data = encode_head(replace(head, signature=place))
    file.write(data)
    mark = Mark(mark_at, len(own), end + place.size, Place(at, len(data), add(0, data)), launcher_sum(own, mark_at))
    file.seek(mark_at)
    file.write(mark.encode())


def _file_digest(file: IO[bytes]) -> str:
    hashed = hashlib.sha256()
    file.seek(0)
    while piece := file.read(_PIECE):
        hashed.update(piece)
    return f"sha256:{hashed.hexdigest()}"
