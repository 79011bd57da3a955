"""Libraries are as untrusted as executables: whatever stands there, the search ends, soon and with a word."""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs.make_elf import DYN, DYNAMIC, INTERP, Elf, Segment, dynamic_segment, note
from whit.packer.closure.closing import close, start
from whit.packer.closure.model import Failure
from whit.packer.closure.read import Reader, facts
from whit.packer.elf.dynamic import Tag
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted
from whit.packer.resolution.model import Closure, Program
from whit.packer.store.filetree import HostTree, MemoryTree, sysroot
from whit.packer.support.errors import InvalidFileError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.closure.walk import Walk

LOADER = "/lib64/ld-linux-x86-64.so.2"
FOLDER = "/lib/x86_64-linux-gnu"
NOTE_SEGMENT = 4


def made(*needs: str, soname: str = "", kind: int = DYN, dlopens: bytes = b"", **paths: str) -> bytes:
    """A library, or with kind EXEC a program, that needs others; ``paths`` may be ``rpath`` and ``runpath``."""
    strings, entries = b"\0", []
    tags = [*((Tag.NEEDED, name) for name in needs), *((Tag[key.upper()], text) for key, text in paths.items())]
    for tag, text in [*tags, *([(Tag.SONAME, soname)] if soname else [])]:
        entries.append((int(tag), len(strings)))
        strings += os.fsencode(text) + b"\0"
    elf = Elf(type=kind)
    if kind != DYN:
        elf = elf.with_segments(Segment(LOADER.encode() + b"\0", INTERP))
    if dlopens:
        elf = elf.with_segments(Segment(note("FDO", 0x407C0C0A, dlopens), NOTE_SEGMENT))
    return dynamic_segment(elf, strings, *entries).build()


def program(*needs: str, **paths: str) -> bytes:
    return made(*needs, kind=2, dlopens=b"", **paths)


def searched(files: dict[str, bytes], links: dict[str, str] | None = None) -> Walk:
    """The search for ``/app``, which is among the files, with a loader beside it."""
    tree = MemoryTree({LOADER: made(soname="ld-linux-x86-64.so.2"), **files}, links or {})
    file = tree.file("/app")
    assert file is not None
    walk = start(LOADER, Program(file, "/app"), tree, tree, Reader(tree))
    assert not isinstance(walk, Failure)
    return walk


def closed(files: dict[str, bytes]) -> Closure:
    tree = MemoryTree({LOADER: made(soname="ld-linux-x86-64.so.2"), **files})
    file = tree.file("/app")
    assert file is not None
    return close(analyse(files["/app"], Wanted()), Program(file, "/app"), tree, tree)


def test_libraries_that_need_each_other_and_themselves_end() -> None:
    walk = searched(
        {
            "/app": program("a.so"),
            f"{FOLDER}/a.so": made("b.so", "a.so", soname="a.so"),
            f"{FOLDER}/b.so": made("a.so", "b.so", soname="b.so"),
        }
    )
    assert [item.path for item in walk.loaded[2:]] == [f"{FOLDER}/a.so", f"{FOLDER}/b.so"]
    assert not walk.failures


def test_more_libraries_than_any_program_has_are_refused() -> None:
    names = [f"lib{number}.so" for number in range(3000)]
    files = {f"{FOLDER}/{name}": made(following) for name, following in itertools.pairwise(names)}
    with pytest.raises(UnsupportedError, match="more than 2048"):
        searched({"/app": program(names[0]), **files})


def test_a_search_path_of_thousands_of_folders_ends() -> None:
    path = ":".join(f"/{number}" for number in range(300))
    needs = [f"lib{number}.so" for number in range(100)]
    begin = time.monotonic()
    walk = searched({"/app": program(*needs, runpath=path)})
    assert len(walk.failures) == len(needs)
    assert time.monotonic() - begin < 10


def test_a_search_path_longer_than_any_other_is_refused() -> None:
    path = ":".join(f"/{number}" for number in range(9000))
    with pytest.raises(UnsupportedError, match="too many places"):
        searched({"/app": program(*(f"lib{number}.so" for number in range(1000)), runpath=path)})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"not an ELF file", "it isn't an ELF file"),
        (made()[:40], "truncated"),
        (made("x.so")[:300], "truncated"),
        (Elf(type=1).build(), "it is no shared library"),
    ],
    ids=["empty", "text", "header cut", "dynamic section cut", "object file"],
)
def test_a_file_that_the_loader_would_stop_at_is_named(content: bytes, said: str) -> None:
    walk = searched({"/app": program("a.so"), f"{FOLDER}/a.so": content, "/usr/lib/a.so": made()})
    [failure] = walk.failures
    assert failure.why.startswith(f"the loader stops at {FOLDER}/a.so")
    assert said in failure.why


@given(st.binary(max_size=64), st.integers(0, 700))
def test_no_damage_harms(noise: bytes, place: int) -> None:
    whole = made("a.so", "b.so", soname="c.so", runpath="/x:$ORIGIN", dlopens=b'[{"soname": ["d.so"]}]')
    with contextlib.suppress(InvalidFileError):
        facts(whole[:place] + noise + whole[place + len(noise) :])


def test_a_version_table_in_a_circle_ends() -> None:
    elf = Elf(type=DYN)
    table = struct.pack("<HHIII", 1, 65535, 0, 16, 16) + struct.pack("<IHHII", 0, 0, 0, 0, 0)
    with_table = elf.with_segments(Segment(table * 4))
    entries = ((int(Tag.VERNEED), with_table.address(1)), (int(Tag.VERNEEDNUM), 0xFFFFFFFF))
    begin = time.monotonic()
    facts(dynamic_segment(with_table, b"\0", *entries).build())
    assert time.monotonic() - begin < 2


def test_a_string_table_without_an_end_costs_neither_time_nor_memory() -> None:
    names = Segment(b"a" * (8 << 20))
    symbols = Segment(b"".join(struct.pack("<IBBHQQ", number * 80, 0, 0, 0, 0, 0) for number in range(1, 100_000)))
    elf = Elf(type=DYN).with_segments(symbols, names)
    entries = ((int(Tag.SYMTAB), elf.address(1)), (int(Tag.STRTAB), elf.address(2)))
    table = b"".join(struct.pack("<QQ", tag, value) for tag, value in (*entries, (0, 0)))
    begin = time.monotonic()
    assert facts(elf.with_segments(Segment(table, DYNAMIC)).build()).imports == frozenset()
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "text",
    [
        b"[",
        b"{}",
        b"[[]]",
        b'[{"soname": "x"}]',
        b'[{"soname": [7]}]',
        b'[{"soname": [""]}]',
        b"[" * 5000,
        b"\xff\xfe",
        b"null",
    ],
)
def test_a_broken_note_says_nothing(text: bytes) -> None:
    assert facts(made(dlopens=text)).dlopens == ()


def test_what_is_no_regular_file_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER.lstrip("/")
    folder.mkdir(parents=True)
    (tmp_path / "lib64").mkdir()
    (tmp_path / LOADER.lstrip("/")).write_bytes(made(soname="ld-linux-x86-64.so.2"))
    os.mkfifo(folder / "pipe.so")
    (folder / "folder.so").mkdir()
    (folder / "nowhere.so").symlink_to("/etc/passwd")
    (folder / "itself.so").symlink_to("itself.so")
    with (folder / "huge.so").open("wb") as sparse:
        sparse.truncate(4 << 30)
    (tmp_path / "app").write_bytes(program("pipe.so", "folder.so", "nowhere.so", "itself.so", "huge.so"))
    tree = sysroot(str(tmp_path))
    file = tree.file("/app")
    assert file is not None
    walk = start(LOADER, Program(file, "/app"), HostTree(), tree, Reader(tree))
    assert not isinstance(walk, Failure)
    whys = {failure.name: failure.why for failure in walk.failures}
    assert whys.keys() == {"pipe.so", "folder.so", "nowhere.so", "itself.so", "huge.so"}
    assert [name for name, why in whys.items() if why] == ["huge.so"]


def test_origin_doesn_t_lead_out_of_another_system(tmp_path: Path) -> None:
    (tmp_path / "outside.so").write_bytes(made())
    root = tmp_path / "root"
    (root / "lib64").mkdir(parents=True)
    (root / LOADER.lstrip("/")).write_bytes(made(soname="ld-linux-x86-64.so.2"))
    up = "/".join([".."] * 30)
    (root / "app").write_bytes(program("outside.so", runpath=f"$ORIGIN/..:$ORIGIN/{up}{tmp_path}:/..{tmp_path}"))
    tree = sysroot(str(root))
    file = tree.file("/app")
    assert file is not None
    walk = start(LOADER, Program(file, "/app"), HostTree(), tree, Reader(tree))
    assert not isinstance(walk, Failure)
    assert [failure.name for failure in walk.failures] == ["outside.so"]


def test_a_library_can_t_take_the_place_of_an_image_s_own_files() -> None:
    found = closed(
        {
            "/app": program("passwd", "app", "libc.so.6", runpath="$ORIGIN/etc:$ORIGIN/x"),
            "/etc/passwd": made(),
            "/x/app": made(),
            f"{FOLDER}/libc.so.6": made(soname="libc.so.6"),
        }
    )
    assert found.missing == ()
    places = {library.path: library.image_path for library in found.libraries}
    assert places["//etc/passwd"] == f"{FOLDER}/passwd"
    assert len(set(places.values()) | {"/app"}) == len(places) + 1


def test_a_library_whose_path_only_the_runtime_can_fill_is_missing() -> None:
    found = closed({"/app": program("/proc/a.so"), "/proc/a.so": made()})
    [lack] = found.missing
    assert (lack.what, lack.needed_by) == ("a place for /proc/a.so", "/app")
    assert "an image has something else" in lack.cure
    assert "--path" in lack.cure


def test_a_library_s_name_is_bytes() -> None:
    # Given a library whose name isn't UTF-8, where the loader looks for it
    name = os.fsdecode(b"lib\xff.so")
    walk = searched({"/app": program(name), f"{FOLDER}/{name}": made(soname=name)})
    assert [item.path for item in walk.loaded[2:]] == [f"{FOLDER}/{name}"]
    # then it is found, but no image can hold it
    [lack] = closed({"/app": program(name), f"{FOLDER}/{name}": made(soname=name)}).missing
    assert lack.what == f"a place for {FOLDER}/{name}"
    assert "isn't valid UTF-8, and an image can't hold it" in lack.cure


@pytest.mark.parametrize(
    ("interpreter", "said"),
    [
        ("/lib/ld-uClibc.so.0", "uClibc"),
        ("/system/bin/linker64", "bionic"),
        ("/libexec/ld-elf.so.1", "BSD"),
        ("/opt/own-loader", "another"),
        ("lib/ld-linux-x86-64.so.2", "isn't absolute"),
    ],
)
def test_other_loaders_are_told_apart(interpreter: str, said: str) -> None:
    elf = dynamic_segment(Elf().with_segments(Segment(interpreter.encode() + b"\0", INTERP)), b"\0")
    data = elf.build()
    tree = MemoryTree({"/app": data})
    file = tree.file("/app")
    assert file is not None
    [lack] = close(analyse(data, Wanted()), Program(file, "/app"), tree, tree).missing
    assert lack.what == interpreter
    assert said in lack.cure
