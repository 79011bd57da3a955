from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whit.packer.image.compress import BLOCK, gzip_stream
from whit.packer.image.layer import header, tar_stream, write_layer
from whit.packer.image.spec import Entry, EntryKind, HostFile, Inline, LayerSpec
from whit.packer.store.layout import Layout
from whit.packer.support.errors import InvalidFileError, WhitError

if TYPE_CHECKING:
    from pathlib import Path

WHEN = 1_700_000_000


def host_file(path: Path) -> HostFile:
    state = path.stat()
    return HostFile(str(path), state.st_size, (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns))


def file(path: str, data: bytes = b"x") -> Entry:
    return Entry(path, EntryKind.FILE, 0o644, "test", content=Inline(data))


def opened(*entries: Entry) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(b"".join(tar_stream(entries, WHEN))))


def test_entries_are_sorted_behind_their_parents_with_the_image_s_time_and_no_one_s_name() -> None:
    members = opened(
        file("/b"), file("/a-b"), file("/a/c"), Entry("/l", EntryKind.SYMLINK, 0o777, "", target="/b")
    ).getmembers()
    assert [member.name for member in members] == ["a", "a/c", "a-b", "b", "l"]
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(WHEN, 0, "")}
    assert members[0].mode == 0o755
    assert members[-1].linkname == "/b"


@pytest.mark.parametrize(
    "name", ["/" + "n" * 100, "/" + "n" * 101, "/ü", "/" + "d" * 154 + "/" + "n" * 99, "/d" * 60 + "/" + "n" * 90]
)
def test_names_of_any_length_and_alphabet_are_read_back_by_others(name: str) -> None:
    assert opened(file(name)).getnames()[-1] == name.strip("/")


def test_names_that_fit_need_no_extended_header() -> None:
    assert len(header(file("/" + "d" * 154 + "/" + "n" * 99), WHEN)) == 512
    assert len(header(file("/ü"), WHEN)) == 3 * 512


def test_files_from_8_gib_up_are_declared_in_an_extended_header() -> None:
    size = 9 << 30
    entry = Entry("/big", EntryKind.FILE, 0o644, "", content=HostFile("", size, (0, 0, 0, 0)))
    with tarfile.open(fileobj=io.BytesIO(header(entry, WHEN) + bytes(1024))) as tar:
        assert tar.next().size == size  # type: ignore[union-attr]


def test_two_files_at_one_path_are_refused() -> None:
    with pytest.raises(WhitError, match="two files"):
        list(tar_stream((file("/a"), file("/a")), WHEN))
    with pytest.raises(WhitError, match="below it"):
        list(tar_stream((file("/a"), file("/a/b")), WHEN))


def test_both_digests_are_those_of_what_was_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout")
    layout.create()
    program = tmp_path / "program"
    program.write_bytes(os.urandom(3 * BLOCK) + bytes(2 * BLOCK + 17))
    entry = Entry("/program", EntryKind.FILE, 0o555, "", content=host_file(program))
    layer = write_layer(layout, LayerSpec("test", (entry,)), WHEN)
    blob = layout.blob_path(layer.descriptor.digest).read_bytes()
    assert layer.descriptor.digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert layer.descriptor.size == len(blob)
    tar = gzip.decompress(blob)
    assert layer.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(tar)) as read:
        assert read.extractfile("program").read() == program.read_bytes()  # type: ignore[union-attr]


@pytest.mark.parametrize("change", ["grows", "shrinks", "is replaced", "goes"])
def test_a_file_that_changed_since_it_was_decided_on_is_an_error(tmp_path: Path, change: str) -> None:
    layout = Layout(tmp_path / "layout")
    layout.create()
    program = tmp_path / "program"
    program.write_bytes(b"first")
    entry = Entry("/program", EntryKind.FILE, 0o555, "", content=host_file(program))
    program.unlink()
    if change != "goes":
        program.write_bytes({"grows": b"first and more", "shrinks": b"f", "is replaced": b"other"}[change])
    with pytest.raises(InvalidFileError, match="program"):
        write_layer(layout, LayerSpec("test", (entry,)), WHEN)
    assert list(layout.blob_folder.iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=2000), st.lists(st.integers(1, 3 * BLOCK), max_size=6), st.integers(0, 3))
def test_compression_depends_on_the_data_alone(seed: bytes, cuts: list[int], blocks: int) -> None:
    data = (seed * (blocks * BLOCK // max(1, len(seed)) + 1)) + seed
    whole = b"".join(gzip_stream([data]))
    pieces, rest = [], data
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]
    assert b"".join(gzip_stream([*pieces, rest])) == whole
    assert gzip.decompress(whole) == data


def test_one_input_has_one_output_on_every_machine() -> None:
    text = b"".join(b"line %d\n" % number for number in range(200_000))
    noise = b"".join(hashlib.sha256(bytes([number & 255, number >> 8])).digest() for number in range(20_000))
    found = hashlib.sha256(b"".join(gzip_stream([text, noise]))).hexdigest()
    assert found == "f379cf3b79ce2ce0b0dde1419b2f9bd545a33e797a55cf83e9b61ae428504878"


def test_nothing_is_a_valid_gzip_too() -> None:
    assert gzip.decompress(b"".join(gzip_stream([]))) == b""
