"""What tests of Dockerfiles share: a base image without a registry, contexts, and what an image comes to, file by file."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.kept import Engine
from whit.packer.store.store import Store

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from whit.packer.image.spec import RunConfig

BUSYBOX = Path("/bin/busybox")
APPLETS = [
    "sh",
    "cat",
    "ls",
    "cp",
    "mv",
    "rm",
    "mkdir",
    "rmdir",
    "ln",
    "chmod",
    "chown",
    "touch",
    "id",
    "env",
    "echo",
    "test",
    "stat",
    "find",
    "sort",
    "tr",
    "sed",
    "grep",
    "mknod",
    "mkfifo",
    "sleep",
    "true",
    "false",
    "sha256sum",
    "wc",
    "head",
    "tar",
    "readlink",
    "mount",
    "unlink",
    "printf",
    "ip",
    "kill",
    "ps",
]
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1001:\nstaff:x:50:app\n"
NOT_COMPARED = ("dev", "proc", "sys", "etc/hosts", "etc/hostname", "etc/resolv.conf", ".dockerenv", "etc/mtab")
"""What builders and engines leave in an image of what they mount over it."""

LONG = 10_000
"""Bytes of a file from which on its digest is enough."""

Seen = dict[str, tuple[object, ...]]


def base_tar(file: Path) -> Path:
    """A root file system as a tar: busybox, users, a link to a folder, and files to change."""
    with tarfile.open(file, "w") as tar:

        def add(
            name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, mode: int = 0o755, target: str = ""
        ) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.size, info.linkname = kind, mode, len(data), target
            info.mtime = 1_600_000_000
            tar.addfile(info, io.BytesIO(data))

        for folder in ("bin", "etc", "usr", "usr/lib", "root", "data", "data/old"):
            add(folder, kind=tarfile.DIRTYPE)
        add("tmp", kind=tarfile.DIRTYPE, mode=0o1777)
        add("bin/busybox", BUSYBOX.read_bytes())
        for applet in APPLETS:
            add(f"bin/{applet}", kind=tarfile.SYMTYPE, target="busybox")
        add("lib", kind=tarfile.SYMTYPE, target="usr/lib")
        add("etc/passwd", PASSWD.encode(), mode=0o644)
        add("etc/group", GROUP.encode(), mode=0o644)
        add("data/old/kept", b"kept\n", mode=0o644)
        add("data/old/gone", b"gone\n", mode=0o644)
        add("data/file", b"file\n", mode=0o644)
    return file


def write_context(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """A context's files, modes as a person's umask of 022 gives them; ``NAME@MODE`` and ``NAME -> TARGET`` say more."""
    for written, data in files.items():
        name, _, mode = written.partition("@")
        name, arrow, target = name.partition(" -> ")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if arrow:
            path.symlink_to(target)
        elif name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(data.encode() if isinstance(data, str) else data)
            path.chmod(int(mode or "644", 8))
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
    return folder


def seen(data: bytes) -> Seen:
    """A tar's members: kind, mode, owner, what is in it or where it leads; times are left out."""
    found: Seen = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar.getmembers():
            name = member.name.strip("/").removeprefix("./")
            if not name or name in NOT_COMPARED or name.startswith(("dev/", "proc/", "sys/")):
                continue
            origin = tar.getmember(member.linkname) if member.islnk() else member
            content = tar.extractfile(origin).read() if origin.isreg() else b""  # type: ignore[union-attr]
            kind = tarfile.REGTYPE if member.islnk() else member.type
            target = member.linkname if member.issym() else ""
            if len(content) > LONG:
                content = hashlib.sha256(content).digest()
            found[name] = (kind, oct(origin.mode & 0o7777), origin.uid, origin.gid, target, content)
    return found


@dataclass(frozen=True, slots=True)
class Builder:
    """whit, building into a store of the test's own."""

    engine: Engine
    scratch: Path

    def __call__(self, context: Path, *words: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``whit build``."""
        return self.engine.run("build", *words, context, stdin=stdin, timeout=120)

    def built(self, context: Path, *words: str | Path) -> str:
        """What a build that goes well has told."""
        done = self(context, *words)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def files(self, context: Path, *words: str | Path) -> Seen:
        """All files of what is built."""
        out = self.scratch / f"{os.urandom(4).hex()}.tar"
        self.built(context, "-q", "-o", f"type=tar,dest={out}", *words)
        return seen(out.read_bytes())

    def config(self, name: str) -> RunConfig:
        """How an image is run."""
        return Store(self.engine.root).resolve(name).config.run


def make_builder(whit: Path, folder: Path) -> Builder:
    """A builder whose store has the image ``base``."""
    engine = Engine(whit, folder / "root")
    engine("import", base_tar(folder / "base.tar"), "base")
    return Builder(engine, folder)
