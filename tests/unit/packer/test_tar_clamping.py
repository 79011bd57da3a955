"""Archives with no time later than a given one: nothing else of them changes, in any dialect, and it can be done again."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import InvalidFileError
from whit.packer.tar import write
from whit.packer.tar.clamping import clamped
from whit.packer.tar.member import Kind, Member
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 1_600_000_000
SECOND = 1_000_000_000
DIALECTS = ("gnu", "oldgnu", "posix", "ustar", "v7")
SPARSE = ("--sparse-version=0.0", "--sparse-version=0.1", "--sparse-version=1.0")


def changed(data: bytes, latest: int = EPOCH, piece: int = 700) -> bytes:
    return b"".join(clamped(iter([data[at : at + piece] for at in range(0, len(data), piece)]), latest))


def read(data: bytes) -> list[tuple[Member, bytes]]:
    tar = TarReader(iter([data]))
    return [(member, b"".join(tar.content())) for member in tar.members()]


def late(members: list[tuple[Member, bytes]], latest: int = EPOCH) -> list[tuple[Member, bytes]]:
    return [(replace(member, mtime_ns=min(member.mtime_ns, latest * SECOND)), data) for member, data in members]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files, links, folders and names of all lengths; some older than the time, some later, one to the nanosecond."""
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "old").write_text("old")
    (tree / "new").write_text("new" * 1000)
    (tree / "sub" / ".wh.gone").touch()
    (tree / "link").symlink_to("new")
    (tree / "hard").hardlink_to(tree / "new")
    os.mkfifo(tree / "fifo")
    os.utime(tree / "old", (EPOCH - 5, EPOCH - 5))
    os.utime(tree / "new", ns=(EPOCH * SECOND + 7, EPOCH * SECOND + 123_456_789))
    return tree


@pytest.mark.parametrize("dialect", DIALECTS)
def test_times_are_clamped_and_all_else_is_as_it_was(tree: Path, dialect: str) -> None:
    if dialect in {"gnu", "oldgnu", "posix"}:
        (tree / ("long" * 50)).write_text("x")
        (tree / "sub" / "ü").symlink_to("y" * 150)
    if dialect == "v7":
        (tree / "fifo").unlink()
    tar = ("tar", "--create", f"--format={dialect}", "--sort=name", "--directory", str(tree), ".")
    made = subprocess.run(tar, check=True, capture_output=True).stdout

    done = changed(made)

    assert read(done) == late(read(made))
    assert changed(done) == done
    assert changed(made, piece=1 << 20) == done


@pytest.mark.parametrize("options", [("--format=gnu",), *(("--format=posix", one) for one in SPARSE)], ids=" ".join)
def test_sparse_files_stay_sparse(tmp_path: Path, options: tuple[str, ...]) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        for at in range(0, 40 << 16, 1 << 17):
            file.seek(at)
            file.write(b"data" * 1024)
    (tmp_path / "next").write_text("after it")
    tar = ("tar", "--create", "--sparse", *options, "--directory", str(tmp_path), "sparse", "next")
    made = subprocess.run(tar, check=True, capture_output=True).stdout

    done = changed(made)

    assert read(done) == late(read(made))
    assert len(done) <= len(made) < 1 << 20


def test_times_of_access_and_change_are_clamped_too(tree: Path) -> None:
    options = ("--pax-option=exthdr.name=%d/PaxHeaders/%f", "--format=posix", "--atime-preserve=replace")
    made = subprocess.run(
        ("tar", "--create", *options, "--directory", str(tree), "new"), check=True, capture_output=True
    ).stdout
    assert b"atime=" in made
    with tarfile.open(fileobj=io.BytesIO(changed(made))) as tar:
        (member,) = tar.getmembers()
    assert member.pax_headers == {"atime": str(EPOCH), "ctime": str(EPOCH)}, "the header says the time itself"
    assert member.mtime == EPOCH


def test_gnu_s_headers_have_them_behind_the_name(tree: Path) -> None:
    tar = ("tar", "--create", "--format=gnu", "--incremental", "--directory", str(tree), "new")
    made = subprocess.run(tar, check=True, capture_output=True).stdout
    block = changed(made)[:512]
    assert {int(block[at : at + 11], 8) for at in (136, 345, 357)} == {EPOCH}


def test_two_archives_that_differ_in_their_times_alone_become_one(tree: Path) -> None:
    tars = []
    for time in (EPOCH * SECOND + 1, (EPOCH + 99) * SECOND):
        for path in (tree, *tree.rglob("*")):
            os.utime(path, ns=(EPOCH * SECOND, time), follow_symlinks=False)
        words = ("--format=posix", "--pax-option=exthdr.name=%f,delete=ctime", "--sort=name", "--directory", str(tree))
        tars.append(subprocess.run(("tar", "--create", *words, "."), check=True, capture_output=True).stdout)
    assert tars[0] != tars[1]
    assert changed(tars[0]) == changed(tars[1])


def test_attributes_owners_and_other_records_stay() -> None:
    info = tarfile.TarInfo("file")
    info.size, info.mtime, info.uid = 4, EPOCH + 10, 3_000_000
    info.uname = "somebody"
    info.pax_headers = {"SCHILY.xattr.user.x": "y", "mtime": f"{EPOCH + 10}.5", "comment": "kept"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"data"))
    with tarfile.open(fileobj=io.BytesIO(changed(buffer.getvalue()))) as tar:
        (member,) = tar.getmembers()
    assert (member.mtime, member.uid, member.uname) == (EPOCH, 3_000_000, "somebody")
    assert member.pax_headers == {"SCHILY.xattr.user.x": "y", "comment": "kept", "uid": "3000000"}


def test_what_is_said_of_all_members_is_clamped() -> None:
    buffer = io.BytesIO()
    common = {"mtime": f"{EPOCH + 10}", "comment": "all"}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers=common) as tar:
        tar.addfile(tarfile.TarInfo("first"))
        own = tarfile.TarInfo("second")
        own.pax_headers = {"mtime": f"{EPOCH + 20}.25"}
        tar.addfile(own)
    done = changed(buffer.getvalue())
    assert [member.mtime_ns for member, _ in read(done)] == [EPOCH * SECOND] * 2
    assert changed(done) == done


@given(
    st.lists(
        st.builds(
            Member,
            name=st.binary(min_size=1, max_size=300).filter(lambda name: not set(b"\0/\n") & set(name)),
            kind=st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.FIFO]),
            mtime_ns=st.integers(0, 1 << 34).map(lambda seconds: seconds * SECOND),
            target=st.just(b"t"),
            xattrs=st.just(()) | st.just((("user.a", b"\0b"),)),
        ),
        max_size=6,
    ),
    st.integers(0, 1 << 34),
    st.integers(1, 2000),
)
def test_whatever_is_in_it(members: list[Member], latest: int, piece: int) -> None:
    data = b"".join(map(write.header, members)) + write.END + b"rest"
    done = changed(data, latest, piece)
    assert read(done) == late(read(data), min(latest, (1 << 33) - 1))
    assert changed(done, latest) == done
    assert done.endswith(b"rest")


@pytest.mark.parametrize("cut", [1, 511, 513, 700])
def test_what_ends_in_the_middle_is_refused(cut: int) -> None:
    data = write.header(Member(b"file", Kind.FILE, size=300)) + bytes(512)
    with pytest.raises(InvalidFileError, match="ends in the middle"):
        changed(data[:cut])


def test_a_damaged_header_is_refused() -> None:
    data = bytearray(write.header(Member(b"file", Kind.FILE)))
    data[0] ^= 1
    with pytest.raises(InvalidFileError, match="checksum"):
        changed(bytes(data))


def test_no_more_headers_than_anybody_needs() -> None:
    info = write.header(Member(b"x", Kind.FILE, xattrs=(("user.a", b"b"),)))[:1024]
    with pytest.raises(InvalidFileError, match="headers without a member"):
        changed(info * 1001)
