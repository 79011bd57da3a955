"""Archives of other writers: sparse files, extended attributes, devices, old and rare dialects."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from whit.packer.store.unpack import Unpacker
from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.packer.tar import write
from whit.packer.tar.member import Kind, Member
from whit.packer.tar.read import MAX_EXTENSIONS, TarReader
from whit.packer.tar.tree import TreeReader

if TYPE_CHECKING:
    from pathlib import Path

SPARSE = (
    ("--format=gnu",),
    ("--format=pax", "--sparse-version=0.0"),
    ("--format=pax", "--sparse-version=0.1"),
    ("--format=pax", "--sparse-version=1.0"),
)
MANY = 60


def reader(data: bytes, piece: int = 700) -> TarReader:
    return TarReader(iter([data[at : at + piece] for at in range(0, len(data), piece)]))


def pax_member(records: dict[str, str], data: bytes = b"", name: str = "file") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.pax_headers = len(data), records
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("options", SPARSE, ids=" ".join)
def test_sparse_files_of_gnu_tar_are_read_and_stay_sparse(tmp_path: Path, options: tuple[str, ...]) -> None:
    whole = bytearray(MANY << 16)
    for at in range(0, len(whole), 1 << 17):
        whole[at : at + 4096] = os.urandom(4096)
    source = tmp_path / "source"
    source.mkdir()
    with (source / "sparse").open("wb") as file:
        for at in range(0, len(whole), 1 << 17):
            file.seek(at)
            file.write(whole[at : at + 4096])
        file.truncate(len(whole))
    (source / "next").write_text("after it")
    tar = ("tar", "--create", "--sparse", *options, "--directory", str(source), "sparse", "next")
    made = subprocess.run(tar, check=True, capture_output=True).stdout

    tars = reader(made)
    read = {member.name: (member.size, b"".join(tars.content())) for member in tars.members()}

    assert len(made) < len(whole)
    assert read == {b"sparse": (len(whole), bytes(whole)), b"next": (8, b"after it")}
    copy = tmp_path / "copy"
    copy.mkdir()
    with Unpacker(copy) as unpacker:
        unpacker.layer(reader(made))
        unpacker.finish()
    assert (copy / "sparse").read_bytes() == whole
    assert (copy / "sparse").stat().st_blocks * 512 < len(whole) // 2


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.size": "10", "GNU.sparse.map": "8,4"},
        {"GNU.sparse.size": "99", "GNU.sparse.map": "4,2,0,2"},
        {"GNU.sparse.size": "99", "GNU.sparse.map": "0,2"},
        {"GNU.sparse.size": "99", "GNU.sparse.map": "0,2,4"},
        {"GNU.sparse.size": "99", "GNU.sparse.map": "0,x"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
    ],
    ids=str,
)
def test_a_sparse_file_whose_table_lies_is_refused(records: dict[str, str]) -> None:
    with pytest.raises(InvalidFileError):
        list(reader(pax_member(records, b"abcd")).members())


def test_extended_attributes_are_read_as_gnu_tar_and_libarchive_write_them() -> None:
    records = {"SCHILY.xattr.user.one": "1", "LIBARCHIVE.xattr.user.t%77o": "Mg", "LIBARCHIVE.xattr.user.one": "OQ=="}

    (member,) = reader(pax_member(records)).members()

    assert member.xattrs == (("user.one", b"1"), ("user.two", b"2"))


def test_what_an_image_keeps_of_them_goes_through_a_tree_and_back(tmp_path: Path) -> None:
    tree, copy = tmp_path / "tree", tmp_path / "copy"
    (tree / "folder").mkdir(parents=True)
    copy.mkdir()
    (tree / "file").write_text("x")
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    try:
        os.setxattr(tree / "file", "user.note", b"a\0\n")
        os.setxattr(tree / "folder", "user.note", b"f")
    except OSError as error:
        lacking(f"the file system of {tmp_path} has no extended attributes: {error.strerror}")
    for name in ("trusted.other", "user.overlay.opaque"):
        if os.geteuid() == 0:
            os.setxattr(tree / "file", name, b"y")
    if os.geteuid() == 0:
        os.setxattr(tree / "file", "security.capability", capability)
    descriptor = os.open(tree, os.O_PATH)
    data = b"".join(TreeReader().tar(descriptor, b""))
    os.close(descriptor)

    with Unpacker(copy) as unpacker:
        unpacker.layer(reader(data))
        unpacker.finish()

    found = {name: os.getxattr(copy / "file", name) for name in os.listxattr(copy / "file") if "selinux" not in name}
    wanted = {"user.note": b"a\0\n"} | ({"security.capability": capability} if os.geteuid() == 0 else {})
    assert found == wanted
    assert os.getxattr(copy / "folder", "user.note") == b"f"


def test_devices_keep_their_numbers_and_are_not_made(tmp_path: Path) -> None:
    members = [Member(b"c", Kind.CHARACTER_DEVICE, device=(1, 3)), Member(b"b", Kind.BLOCK_DEVICE, device=(8, 17))]
    data = b"".join(map(write.header, members)) + write.END

    assert [(member.kind, member.device) for member in reader(data).members()] == [
        (Kind.CHARACTER_DEVICE, (1, 3)),
        (Kind.BLOCK_DEVICE, (8, 17)),
    ]
    with Unpacker(tmp_path) as unpacker:
        unpacker.layer(reader(data))
        unpacker.finish()
    assert list(tmp_path.iterdir()) == []


def _with_sum(block: bytearray) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_a_header_of_before_ustar_and_one_of_star_are_read() -> None:
    old = bytearray(write.header(Member(b"old", Kind.FILE, mtime_ns=5_000_000_000)))
    old[257:512] = bytes(255)
    star = bytearray(write.header(Member(b"name", Kind.FILE)))
    star[345:351] = b"prefix"
    star[476:488] = b"00000000017 "
    star[508:512] = b"tar\0"

    names = [member.name for member in reader(_with_sum(old) + _with_sum(star) + write.END).members()]

    assert names == [b"old", b"prefix/name"]


def test_another_volume_and_headers_without_end_are_refused() -> None:
    volume = bytearray(write.header(Member(b"rest", Kind.FILE)))
    volume[156:157] = b"M"
    with pytest.raises(UnsupportedError, match="another volume"):
        list(reader(_with_sum(volume)).members())

    common = bytearray(write.header(Member(b"g", Kind.FILE)))
    common[156:157] = b"g"
    with pytest.raises(InvalidFileError, match="headers without a member"):
        list(reader(_with_sum(common) * (MAX_EXTENSIONS + 1)).members())


def test_an_empty_value_takes_a_record_for_all_members_back() -> None:
    info = tarfile.TarInfo("file")
    info.pax_headers = {"mtime": ""}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "all"}) as tar:
        tar.addfile(info)

    (member,) = reader(buffer.getvalue()).members()

    assert (member.name, member.mtime_ns) == (b"file", 0)
