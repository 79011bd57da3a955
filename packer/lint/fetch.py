"""The thin edge between names and what rules judge: maps executables, reads images' layers one member at a time.

An image is one of the store, an OCI layout in a folder, or an archive, OCI's or docker's.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

from whit.packer.archives.archived import unpack_archive
from whit.packer.archives.loading import told_of, uncompressed
from whit.packer.executable.analyse import ELF_MAGIC, WASM_MAGIC, analyse
from whit.packer.image.oci import REF_NAME
from whit.packer.image.overlaying import overlay
from whit.packer.lint import WANTED
from whit.packer.lint.image import Image, ImageFile
from whit.packer.lint.model import Program
from whit.packer.lint.traces import TraceKind, traces_in, traces_in_elf, traces_in_wasm
from whit.packer.needs import judge_all
from whit.packer.store.layout import LAYOUT_FILE, Layout
from whit.packer.store.store import for_platform
from whit.packer.store.targets import names_file
from whit.packer.store.unpack import absolute_path
from whit.packer.support.errors import InvalidFileError, UsageError, WhitError
from whit.packer.tar.member import Kind
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from whit.packer.executable.analysis import Analysis
    from whit.packer.executable.file import Opened
    from whit.packer.image.oci import Descriptor
    from whit.packer.image.platform import Platform
    from whit.packer.lint.traces import Trace
    from whit.packer.store.store import StoredImage
    from whit.packer.support.search import Data
    from whit.packer.tar.member import Member

    Layouts = Callable[[str], AbstractContextManager[Layout | None]]
    """A path → the layout that it means, for a block, as :func:`layout_of` finds it; the runtime knows bundles, too."""

T = TypeVar("T")

_KEPT = frozenset({"/etc/passwd", "/etc/group"})
_MAX_KEPT = 1 << 20
_EXECUTABLE, _FIRST_LINE = 0o111, 256
"""Of a script its first line is kept, as far as the kernel reads it (BINPRM_BUF_SIZE)."""

_IN_MEMORY = 4 << 20
"""Bytes of a layer's file up to which it is looked at in memory; larger ones go through a file on disk."""

_MAX_MEMBERS = 1_000_000
_PIECE = 1 << 20
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0")
"""How gzip's, zstd's, bzip2's and xz' files begin."""


def program_of(opened: Opened) -> Program:
    """An executable on the host. Raises as :meth:`Opened.analyse` does."""
    executable = opened.analyse(WANTED)
    with mmap.mmap(opened.descriptor, opened.file.size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as data:
        traces = traces_of(data)
    return Program(opened.path, executable.analysis, judge_all(executable.analysis), traces)


def judged(path: str, data: Data) -> Program:
    """An executable that is in memory or mapped already."""
    analysis = analyse(data, WANTED)
    return Program(path, analysis, judge_all(analysis), traces_of(data))


def traces_of(data: Data) -> tuple[Trace, ...]:
    """What was left in a file, whatever it is; paths of builders only where it is an executable."""
    if data[:4] == WASM_MAGIC:
        return traces_in_wasm(data)
    if data[:4] != ELF_MAGIC:
        return traces_in(data)
    from whit.packer.elf.file import parse  # noqa: PLC0415 - only for what is one
    from whit.packer.elf.gopclntab import find  # noqa: PLC0415

    try:
        elf = parse(data)
    except InvalidFileError:
        return traces_in(data)
    section, table = elf.section(".gopclntab"), find(elf)
    names = table.names if table else None
    return traces_in_elf(elf, section.span if section else names)


def is_archive(path: Path) -> bool:
    """Whether a file is a tar archive, compressed or not, by its magic."""
    with contextlib.suppress(OSError, WhitError), path.open("rb") as file:
        beginning = file.read(264)
        if beginning.startswith(_COMPRESSED):
            file.seek(0)
            pieces = uncompressed(_pieces(file), str(path))
            beginning = b""
            while len(beginning) < 264 and (piece := next(pieces, b"")):  # noqa: PLR2004 - behind ustar's magic
                beginning += piece
        return beginning[257:262] == b"ustar"
    return False


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_PIECE), b"")


@contextlib.contextmanager
def layout_of(target: str) -> Iterator[Layout | None]:
    """The OCI layout that a path means: a folder, or an archive, unpacked for the block. None if it is neither."""
    path = Path(target)
    if path.is_dir() and (names_file(target) or (path / LAYOUT_FILE).exists()):
        layout = Layout(path.absolute(), private=False)
        if not (path / LAYOUT_FILE).exists():
            hint = "give an executable, an image's name, a layout's folder or an archive"
            raise InvalidFileError(f"{target}: a folder, and not an OCI image layout", hint=hint)
        layout.check_version()
        yield layout
    elif path.is_file() and is_archive(path):
        with path.open("rb") as file, tempfile.TemporaryDirectory(prefix="whit-lint-") as folder:
            with told_of(target):
                layout = unpack_archive(uncompressed(_pieces(file), target), target, Path(folder)).layout
            yield layout
    else:
        yield None


def only_image(layout: Layout, target: str) -> Descriptor:
    """The one image of a layout, of several platforms this machine's. Raises UsageError if there are several or none."""
    manifests = {item.digest: item for item in layout.index().manifests if item.artifact_type is None}
    platforms = {str(item.platform) for item in manifests.values() if item.platform}
    names = {item.annotation(REF_NAME) for item in manifests.values()}
    if len(manifests) > 1 and len(platforms) == len(manifests) and len(names) == 1:
        return for_platform(tuple(manifests.values()), target, None)
    if len(manifests) != 1:
        raise UsageError(
            f"{target} holds {len(manifests)} images, and one is read at a time",
            hint="write it to a layout of its own: whit pack -o FOLDER/, skopeo copy",
        )
    return next(iter(manifests.values()))


def image_of(name: str, stored: StoredImage, layout: Layout) -> Image:
    """An image with all its files. Raises what reading a damaged or hostile one raises."""
    reader = _Reader(layout, stored)
    layers = [list(reader.layer(number)) for number in range(len(stored.manifest.layers))]
    files, hidden = overlay(layers)
    manifest = stored.manifest
    image = Image(name, stored.config, files, hidden, manifest.annotations, is_module=manifest.holds_module)
    file = image.program(image.command[0]) if image.command else None
    if file is None or file.kind is not Kind.FILE:
        return image
    looked = reader.programs.get((file.path, file.layer)) or reader.again(file, _program)
    if looked is None:
        return image
    analysis, traces = looked
    shell = image.shell is not None
    main = Program(file.path, analysis, judge_all(analysis), traces, file.layer, image.run, shell)
    return replace(image, main=main)


def look_again(stored: StoredImage, layout: Layout, file: ImageFile, look: Callable[[Data], T]) -> T | None:
    """What ``look`` finds in the content of one of an image's files."""
    return _Reader(layout, stored).again(file, look)


@dataclass(slots=True)
class _Reader:
    """Goes through an image's layers; ``programs`` are those seen on the way that it may turn out to start."""

    layout: Layout
    stored: StoredImage
    programs: dict[tuple[str, str], tuple[Analysis, tuple[Trace, ...]]] = field(default_factory=dict)
    known: dict[str, ImageFile] = field(default_factory=dict)
    left: int = _MAX_MEMBERS

    @property
    def sought(self) -> str:
        """The name of what the image starts."""
        run = self.stored.config.run
        return next(iter((*run.entrypoint, *run.cmd)), "").rpartition("/")[2]

    def tar(self, number: int) -> TarReader:
        """One layer's archive."""
        from whit.packer.store.rootfs import layer_tar  # noqa: PLC0415 - brings the decompressor

        descriptor, diff_id = self.stored.manifest.layers[number], self.stored.config.diff_ids[number]
        return TarReader(layer_tar(self.layout, descriptor, diff_id))

    def layer(self, number: int) -> Iterator[ImageFile]:
        """One layer's members, in order; a hard link is the file that it leads to."""
        tar, digest = self.tar(number), self.stored.manifest.layers[number].digest
        for member in tar.members():
            self.left -= 1
            if self.left < 0:
                raise InvalidFileError(f"the image holds more than {_MAX_MEMBERS} files")
            file = _file(member, digest)
            if file.kind is Kind.HARD_LINK:
                origin = self.known.get(absolute_path(member.target))
                file = replace(origin, path=file.path, layer=digest, size=0) if origin else file
            elif file.kind is Kind.FILE and file.size:
                with _content(tar, file.size) as data:
                    file = self._looked_into(file, data)
            self.known[file.path] = file
            yield file

    def again(self, file: ImageFile, look: Callable[[Data], T]) -> T | None:
        """Look for one file's content once more, now that it is known to be the program."""
        digests = [descriptor.digest for descriptor in self.stored.manifest.layers]
        tar = self.tar(digests.index(file.layer))
        for member in tar.members():
            if absolute_path(member.name) == file.path and member.kind is Kind.FILE and member.size:
                with _content(tar, member.size) as data:
                    return look(data)
        return None

    def _looked_into(self, file: ImageFile, data: Data) -> ImageFile:
        if file.path.rpartition("/")[2] == self.sought and (program := _program(data)):
            self.programs[file.path, file.layer] = program
        secrets = tuple(trace for trace in traces_of(data) if trace.kind is not TraceKind.HOME)
        kept = data[:] if file.path in _KEPT and file.size <= _MAX_KEPT else None
        if file.mode & _EXECUTABLE and data[:2] == b"#!":
            kept = data[:_FIRST_LINE]
        return replace(file, platform=_platform(data), traces=secrets, content=kept)


def _file(member: Member, layer: str) -> ImageFile:
    return ImageFile(
        path=absolute_path(member.name),
        kind=member.kind,
        mode=member.mode,
        layer=layer,
        uid=member.uid,
        gid=member.gid,
        size=member.size,
        target=os.fsdecode(member.target),
    )


@contextlib.contextmanager
def _content(tar: TarReader, size: int) -> Iterator[Data]:
    """A member's content: in memory, or mapped from a file without a name if it is large."""
    if size <= _IN_MEMORY:
        yield b"".join(tar.content())
        return
    with tempfile.TemporaryFile() as file:
        for piece in tar.content():
            file.write(piece)
        file.flush()
        with mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) as data:
            yield data


def _program(data: Data) -> tuple[Analysis, tuple[Trace, ...]] | None:
    """What is known of the program that an image starts; None if whit doesn't know its kind (a script, say)."""
    try:
        analysis = analyse(data, WANTED)
    except WhitError:
        return None
    return analysis, tuple(trace for trace in traces_of(data) if trace.kind is TraceKind.HOME)


def _platform(data: Data) -> Platform | None:
    """An ELF file's platform; None for object files, and for what isn't ELF or is for no machine that images are for."""
    if data[:4] != ELF_MAGIC:
        return None
    from whit.packer.elf import machine  # noqa: PLC0415 - only for what is one
    from whit.packer.elf.file import FileType, parse  # noqa: PLC0415

    try:
        elf = parse(data)
        architecture = machine.architecture(elf)
    except WhitError:
        return None
    return machine.platform(elf, architecture, None) if elf.type in (FileType.EXEC, FileType.DYN) else None
