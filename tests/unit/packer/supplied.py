"""What tests of the supply chain share: an image whose every kind of component is made by hand."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from tests.programs.make_elf import Elf, Section, Segment
from whit.packer.image.assemble import write_image
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import Entry, EntryKind, ImageSpec, Inline, LayerSpec, RunConfig

if TYPE_CHECKING:
    from whit.packer.store.store import Store, StoredImage

SENTINEL = bytes(range(16))
STATUS = b"""\
Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl (3.0.11-1)
Version: 3.0.11-1~deb12u2
Description: text
 Package: not-this
Conffiles:
 /etc/x 0123

Package: removed
Status: deinstall ok config-files
Version: 1.0

Package: base-files
Version: 12.4+deb12u5
"""
INSTALLED = b"""\
C:Q1p78yvTLG094tHE1+dToJGbmYzQE=
P:libcrypto3
V:3.1.4-r5
A:x86_64
o:openssl
F:lib

P:musl
V:1.2.4-r2
"""


def go_program(version: bytes = b"go1.22.3") -> bytes:
    """A Go program with two modules; one of them has no version that says anything."""
    text = (
        b"path\texample.org/Cmd\nmod\texample.org/Cmd\tv1.2.3\th1:x=\ndep\tgolang.org/x/text\tv0.3.7\th1:y=\n"
        b"dep\tgithub.com/docker/docker\tv24.0.1+incompatible\th1:z=\ndep\texample.org/own\t(devel)\n"
    )
    modules = SENTINEL + text + SENTINEL
    size = bytes([len(modules) & 0x7F | 0x80, len(modules) >> 7])
    header = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16)
    return Elf().with_segments(Segment(header + bytes([len(version)]) + version + size + modules)).build()


def rust_program() -> bytes:
    """A Rust program built by cargo-auditable."""
    packages = [{"name": "time", "version": "0.1.43"}, {"name": "server", "version": "0.3.1", "root": True}]
    crates = zlib.compress(json.dumps({"packages": packages}).encode())
    comment = Section(".comment", b"rustc version 1.95.0 (59807616e 2026-04-14)\0")
    return Elf(sections=(comment, Section(".dep-v0", crates))).build()


def debian_files() -> dict[str, bytes]:
    """A Debian with two programs."""
    return {
        "/etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
        "/var/lib/dpkg/status": STATUS,
        "/usr/bin/cmd": go_program(),
        "/usr/bin/server": rust_program(),
        "/usr/lib/libssl.so.3": Elf().build(),
    }


def add_image(store: Store, name: str, files: dict[str, bytes]) -> StoredImage:
    """An image of these files."""
    entries = tuple(
        Entry(path, EntryKind.FILE, 0o755 if "/bin/" in path else 0o644, "", content=Inline(data))
        for path, data in sorted(files.items())
    )
    spec = ImageSpec(Platform("linux", "amd64"), (LayerSpec("test", entries),), RunConfig(entrypoint=("/usr/bin/cmd",)))
    with store.adding() as layout:
        manifest, _ = write_image(layout, spec)
        descriptor = layout.put(manifest.to_json(), manifest.media_type)
        store.add(descriptor, (parse_reference(name),))
    return store.resolve(name)
