"""An image as lint sees it: its configuration, the files that a container finds, and those that lie hidden below. Pure.

Whiteouts: image-spec, layer.md. Paths are looked up as the kernel does it inside the container, links followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.packer.imagespec import RunConfig
    from whit.packer.lint.model import Program
    from whit.packer.lint.traces import Trace
    from whit.packer.oci import ImageConfig
    from whit.packer.platform import Platform

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_MAX_LINKS = 40
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where runtimes look for a program if the image sets no PATH (docker, podman)."""

SHELLS = ("/bin/sh", "/bin/bash", "/bin/ash", "/bin/dash", "/busybox/sh")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One member of a layer. ``path`` is absolute and normal; ``layer`` is the layer's digest.

    ``platform`` is an ELF file's, program or library, None for all else. ``content`` is kept of the few small files
    that rules read (/etc/passwd), and of scripts their beginning.
    """

    path: str
    kind: Kind
    mode: int
    layer: str
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""
    platform: Platform | None = None
    traces: tuple[Trace, ...] = ()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Hidden:
    """A file of a lower layer that a higher one deletes or replaces: its bytes stay in the image."""

    file: ImageFile
    by_layer: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class Image:
    """One image of one platform. ``name`` is as the person gave it; ``files`` by path; ``main`` what it starts."""

    name: str
    config: ImageConfig
    files: Mapping[str, ImageFile] = field(default_factory=dict)
    hidden: tuple[Hidden, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    main: Program | None = None

    @property
    def run(self) -> RunConfig:
        """How its program is run."""
        return self.config.run

    @property
    def command(self) -> tuple[str, ...]:
        """What a container of it executes: entrypoint and arguments."""
        return (*self.run.entrypoint, *self.run.cmd)

    @property
    def with_hidden(self) -> tuple[ImageFile, ...]:
        """Every file that whoever pulls the image gets."""
        return (*self.files.values(), *(hidden.file for hidden in self.hidden))

    def lookup(self, path: str) -> ImageFile | None:
        """The file that a path means inside the container, links followed; None if there is none."""
        links, done, pending = 0, "", [part for part in reversed(path.split("/")) if part not in ("", ".")]
        while pending:
            part = pending.pop()
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            file = self.files.get(f"{done}/{part}")
            if file is not None and file.kind is Kind.SYMLINK:
                links += 1
                if links > _MAX_LINKS:
                    return None
                done = "" if file.target.startswith("/") else done
                pending.extend(step for step in reversed(file.target.split("/")) if step not in ("", "."))
            else:
                done = f"{done}/{part}"
        return self.files.get(done)

    def program(self, name: str) -> ImageFile | None:
        """The file that executing ``name`` starts: by its path, or looked for along PATH (execvpe)."""
        if "/" in name:
            base = self.run.working_dir or "/"
            return self.lookup(name if name.startswith("/") else f"{base}/{name}")
        for folder in _path_of(self.run.env).split(":"):
            found = self.lookup(f"{folder}/{name}")
            if found is not None and found.kind is Kind.FILE:
                return found
        return None

    @property
    def shell(self) -> ImageFile | None:
        """Its shell, if it has one."""
        return next((file for file in map(self.lookup, SHELLS) if file is not None), None)


def _path_of(env: Iterable[str]) -> str:
    return next((entry.partition("=")[2] for entry in env if entry.startswith("PATH=")), DEFAULT_PATH)


def overlay(layers: Iterable[Iterable[ImageFile]]) -> tuple[dict[str, ImageFile], tuple[Hidden, ...]]:
    """The files that a container sees, by path, and the hidden ones. Layers are given lowest first, members in order."""
    tree = _Tree()
    for members in layers:
        tree.own, done = set(), set[str]()
        for file in members:
            folder, _, name = file.path.rpartition("/")
            if not name.startswith(_WHITEOUT):
                tree.put(file)
            elif file.path not in done:
                done.add(file.path)
                if name == _OPAQUE:
                    tree.hide_below(folder, file.layer)
                else:
                    tree.hide(f"{folder}/{name.removeprefix(_WHITEOUT)}", file.layer)
    return tree.files, tuple(tree.hidden)


@dataclass(slots=True)
class _Tree:
    """Files by path while layers are laid over each other; ``own`` are the paths of the layer at hand."""

    files: dict[str, ImageFile] = field(default_factory=dict)
    children: dict[str, set[str]] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    hidden: list[Hidden] = field(default_factory=list)

    def put(self, file: ImageFile) -> None:
        """Add a file; what stood there goes, with what was below it unless both are folders."""
        old = self.files.get(file.path)
        if old is not None and file.path not in self.own and old.kind is Kind.FILE:
            self.hidden.append(Hidden(old, file.layer, replaced=True))
        if file.kind is not Kind.DIRECTORY:
            self.hide_below(file.path, file.layer)
        self.files[file.path] = file
        self.own.add(file.path)
        path = file.path
        while path:
            folder = path.rpartition("/")[0]
            known = self.children.setdefault(folder, set())
            if path in known:
                break
            known.add(path)
            path = folder

    def hide(self, path: str, layer: str) -> None:
        """Take away what lower layers have at a path and below it."""
        self.hide_below(path, layer)
        self._take(path, layer)

    def hide_below(self, folder: str, layer: str) -> None:
        """Take away what lower layers have in a folder."""
        pending = [folder]
        found: list[str] = []
        while pending:
            below = sorted(self.children.get(pending.pop(), ()))
            found += below
            pending += below
        for path in reversed(found):
            self._take(path, layer)

    def _take(self, path: str, layer: str) -> None:
        """A path may be there only by what is in it: archives needn't hold every folder."""
        gone = None if path in self.own else self.files.pop(path, None)
        if gone is not None and gone.kind is Kind.FILE:
            self.hidden.append(Hidden(gone, layer, replaced=False))
        if path not in self.files and not self.children.get(path):
            self.children.pop(path, None)
            self.children.get(path.rpartition("/")[0], set()).discard(path)
