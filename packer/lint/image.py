"""An image as lint sees it: its configuration, the files that a container finds, and those that lie hidden below. Pure.

Paths are looked up as the kernel does it inside the container, links followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.tar.member import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.overlaying import Hidden
    from whit.packer.image.platform import Platform
    from whit.packer.image.spec import RunConfig
    from whit.packer.lint.model import Program
    from whit.packer.lint.traces import Trace

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
class Image:
    """One image of one platform. ``name`` is as the person gave it; ``files`` by path; ``main`` what it starts.

    ``is_module``: it is an artifact that holds a module and can't say how it is to be run.
    """

    name: str
    config: ImageConfig
    files: Mapping[str, ImageFile] = field(default_factory=dict)
    hidden: tuple[Hidden[ImageFile], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    main: Program | None = None
    is_module: bool = False

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
