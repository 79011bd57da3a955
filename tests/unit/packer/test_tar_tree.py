"""Trees of files as tars: what GNU's and Python's readers, and our own, find in them."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.store.unpack import Unpacker
from whit.packer.support.errors import InvalidFileError
from whit.packer.tar import write as tarwrite
from whit.packer.tar.member import Kind, Member
from whit.packer.tar.read import TarReader
from whit.packer.tar.tree import TreeReader

NAMES = st.binary(min_size=1, max_size=200).filter(lambda name: not set(name) & {0, 0x2F} and name not in {b".", b".."})


def tar(folder: Path, reader: TreeReader | None = None, name: bytes = b"top") -> bytes:
    descriptor = os.open(folder, os.O_PATH)
    try:
        return b"".join((reader or TreeReader()).tar(descriptor, name))
    finally:
        os.close(descriptor)


@given(
    name=NAMES,
    kind=st.sampled_from([Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, Kind.FIFO]),
    ids=st.tuples(st.integers(0, 2**32 - 2), st.integers(0, 2**32 - 2)),
    seconds=st.integers(0, 2**40),
    target=NAMES,
)
def test_what_is_written_as_a_header_is_read_as_the_same_member(
    name: bytes, kind: Kind, ids: tuple[int, int], seconds: int, target: bytes
) -> None:
    link = target if kind is Kind.SYMLINK else b""
    member = Member(name, kind, 0o4751, *ids, 0, seconds * 10**9, link)
    (found,) = TarReader(iter([tarwrite.header(member) + tarwrite.END])).members()
    wanted = name + b"/" if kind is Kind.DIRECTORY else name
    assert (found.name, found.kind, found.mode, found.uid, found.gid) == (wanted, kind, 0o4751, *ids)
    assert (found.mtime_ns, found.target) == (seconds * 10**9, link)


def test_a_tree_comes_out_of_its_tar_as_it_was(tmp_path: Path) -> None:
    tree, copy, again = (tmp_path / name for name in ("tree", "copy", "again"))
    (tree / "deep" / ("long" * 60)).mkdir(parents=True)
    (tree / "deep" / "file").write_bytes(b"x" * 300_000)
    os.link(tree / "deep" / "file", tree / "linked")
    (tree / "link").symlink_to("deep/" + "y" * 150)
    Path(os.fsdecode(os.fsencode(tree) + b"/\xff\xfe")).write_text("odd\n")
    os.mkfifo(tree / "pipe")
    (tree / "deep").chmod(0o700)
    os.utime(tree / "deep", (5, 5))
    for place in (copy, again):
        place.mkdir()
    data = tar(tree, name=b".")
    with Unpacker(copy, is_layer=False) as unpacker:
        unpacker.layer(TarReader(iter([data])))
        unpacker.finish()
    assert tar(copy, name=b".") == data, "equal trees are equal tars"
    assert (copy / "linked").stat().st_ino == (copy / "deep" / "file").stat().st_ino
    subprocess.run(["tar", "-xf", "-", "-C", again], input=data, check=True)
    assert tar(again, name=b".") == data, "GNU tar reads it, too"


def test_owners_and_times_can_be_bounded(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    uid, gid = os.geteuid() + 7, os.getegid() + 8
    with tarfile.open(
        fileobj=io.BytesIO(tar(tmp_path, TreeReader(lambda user, group: (user + 7, group + 8), latest=9)))
    ) as found:
        members = found.getmembers()
    assert [(member.name, member.uid, member.gid, member.mtime) for member in members] == [
        ("top", uid, gid, 9),
        ("top/file", uid, gid, 9),
    ]


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    data = tar(tmp_path / "tree")
    assert b"secret\n" not in data
    with tarfile.open(fileobj=io.BytesIO(data)) as found:
        assert found.getmember("top/link").issym()


def test_a_tree_that_is_too_deep_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(300):
        Path("d").mkdir()
        os.chdir("d")
    with pytest.raises(InvalidFileError, match="levels deep"):
        tar(tmp_path)


@pytest.mark.root
def test_what_overlayfs_says_of_files_that_are_gone_becomes_whiteouts(tmp_path: Path) -> None:
    os.mknod(tmp_path / "gone", 0o020000, os.makedev(0, 0))
    (tmp_path / "new").mkdir()
    os.setxattr(tmp_path / "new", "trusted.overlay.opaque", b"y")
    os.mknod(tmp_path / "device", 0o020600, os.makedev(1, 3))
    with tarfile.open(fileobj=io.BytesIO(tar(tmp_path, TreeReader(is_layer=True), b""))) as found:
        assert found.getnames() == ["device", ".wh.gone", "new", "new/.wh..wh..opq"]
        assert (found.getmember("device").devmajor, found.getmember("device").devminor) == (1, 3)


def test_unpacked_beside_what_is_there_nothing_takes_another_kind_s_place(tmp_path: Path) -> None:
    tree, place = tmp_path / "tree", tmp_path / "place"
    for folder in (tree / "a", place):
        folder.mkdir(parents=True)
    for there in ("file", "link"):
        (place / "a").symlink_to("/etc") if there == "link" else (place / "a").touch()
        with pytest.raises(InvalidFileError, match="is in its place"), Unpacker(place, is_layer=False) as unpacker:
            unpacker.layer(TarReader(iter([tar(tree, name=b".")])))
        (place / "a").unlink()
