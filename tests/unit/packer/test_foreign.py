"""Files that are no Linux executable are named, each with what to do."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(content: bytes) -> WhitError:
    with pytest.raises(WhitError) as caught:
        analyse(content, Wanted())
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def archive(write: type[tarfile.TarFile | zipfile.ZipFile], *names: str) -> bytes:
    file = io.BytesIO()
    if write is zipfile.ZipFile:
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr(zipfile.ZipInfo("name"), "content")
    else:
        with tarfile.open(fileobj=file, mode="w") as packed_tar:
            for name in names or ("name",):
                packed_tar.addfile(tarfile.TarInfo(name))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"MZ" + bytes(100), "a Windows executable"),
        (b"MZ" + bytes(0x200) + b"HdrS", "a Linux kernel image"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), r"a macOS executable \(Mach-O\)"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02" + bytes(100), r"a macOS executable \(universal"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34" + bytes(100), "a Java class"),
        (b"!<arch>\n/    ", "a static library"),
        (b"!<arch>\ndebian-binary   ", "a Debian package"),
        (b"\xa7\x0d\x0d\x0a" + bytes(12), "compiled Python"),
        (b"BC\xc0\xde\x35\x14", "LLVM bitcode"),
        (gzip.compress(b"x", mtime=0), "a file compressed by gzip"),
        (b"\x1f\x8bno gzip", "a file compressed by gzip"),
        (lzma.compress(b"x"), "an xz archive"),
        (archive(zipfile.ZipFile), "a ZIP archive"),
        (archive(tarfile.TarFile), "a tar archive, not"),
        (gzip.compress(archive(tarfile.TarFile), mtime=0), "a tar archive compressed by gzip"),
        (b"\x28\xb5\x2f\xfd\x00", "a Zstandard archive"),
        (bytes(4096), "zeros only"),
        ("package main // größer\n".encode(), "a text file"),
        ("ä".encode() * 40_000, "a text file"),
        (b"\x01\x02\x03\xff\xfe", "neither ELF nor WebAssembly"),
        (b"\x7fEL", "neither ELF nor WebAssembly"),
    ],
)
def test_the_kind_of_file_is_named(content: bytes, words: str) -> None:
    with pytest.raises(WhitError, match=words):
        raise refused(content)


@pytest.mark.parametrize(
    "member", ["oci-layout", "./index.json", "manifest.json", "blobs/sha256/0", f"{64 * '0'}/layer.tar"]
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_archive_of_an_image_is_told_from_others(member: str, compress: Callable[[bytes], bytes]) -> None:
    error = refused(compress(archive(tarfile.TarFile, "first", member)))
    assert error.message == "an archive of an image, not a Linux executable"
    assert error.hint is not None
    assert "docker load" in error.hint


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (b"!<arch>\ndebian-binary   ", "dpkg -x FILE FOLDER"),
        (gzip.compress(b"x", mtime=0), "gunzip FILE"),
    ],
)
def test_how_to_unpack_it_is_told(content: bytes, command: str) -> None:
    assert refused(content).hint == f"unpack it first, with {command}, and give the executable inside"


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        (b"#!/bin/sh\necho", "/bin/sh"),
        (b"#! /usr/bin/perl -w\n", "/usr/bin/perl"),
        (b"#!/usr/bin/env python3\n", "/usr/bin/env python3"),
        (b"#!/usr/bin/env -S deno run\n", "/usr/bin/env deno"),
        (b"#!\n", "no interpreter"),
        (b"#!/bin/\x1b[31mred\n", r"/bin/\?\[31mred"),
    ],
)
def test_a_script_s_interpreter_is_named(line: bytes, interpreter: str) -> None:
    with pytest.raises(WhitError, match=f"^a script for {interpreter}, not an executable$"):
        raise refused(line)


@pytest.mark.parametrize(
    ("line", "program"),
    [
        (b"#!/bin/bash -e\n", "/bin/bash"),
        (b"#!/usr/bin/env -S python3 -u\n", "$(command -v python3)"),
        (b"#!/bin/$(reboot)\n", "'/bin/$(reboot)'"),
    ],
)
def test_a_script_is_packed_beside_its_interpreter(line: bytes, program: str) -> None:
    with pytest.raises(WhitError) as refused:
        analyse(line, Wanted())
    assert f"whit pack {program} --add SCRIPT:/SCRIPT -- /SCRIPT" in str(refused.value.hint)


def test_a_script_with_windows_line_ends_says_so() -> None:
    error = refused(b"#!/bin/sh\r\necho hello\r\n")

    assert "CRLF" in error.message
    assert "dos2unix" in (error.hint or "")
