"""A bundle's form: Python and the launcher sum up, read and understand the same."""

from __future__ import annotations

import contextlib
import ctypes
import random
import stat
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_bundle import ENTRIES, SETTINGS, main
from tests.peers import PROJECT
from whit.packer.executable.bundled import BLANK, MARK
from whit.packer.store.rootfs import MountPoint
from whit.packer.support.errors import InvalidFileError, LaunchError, UsageError
from whit.packer.tar.member import Kind, Member
from whit.runtime.bundle.form import (
    ENTRY,
    Entry,
    Head,
    Mark,
    Place,
    decode_head,
    decode_mark,
    encode_head,
    find_mark,
    launcher_sum,
)
from whit.runtime.bundle.form import HEAD as HEAD_FORM
from whit.runtime.bundle.sums import PAGE as PAGE_SIZE
from whit.runtime.bundle.sums import PRIME, add, in_pages
from whit.runtime.bundle.tree import Seen, entries_of, with_places
from whit.runtime.limits import parse_cpus, parse_memory, parse_pids
from whit.runtime.opcodes import c_header

if TYPE_CHECKING:
    from collections.abc import Callable

LAUNCHER = PROJECT / "runtime" / "launcher"
WARNINGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SILENT = "int bundle_complain(const char *h, ...) { (void)h; return 125; } int bundle_damaged(int e, const char *w) { (void)e; (void)w; return 125; }"
PAGE, DOCUMENT = Place(100, 200, 3), Place(300, 50, 4)
HEAD = Head((b"plan", b"", b"other", b"x"), SETTINGS, 2, ENTRIES, PAGE, DOCUMENT, Place(400, 4096))


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """bundle_file.c and bundle_wishes.c as a shared library."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "ops.h").write_text(c_header())
    (folder / "silent.c").write_text(
        f"int bundle_complain(const char *, ...); int bundle_damaged(int, const char *); {SILENT}"
    )
    sources = [
        folder / "silent.c",
        *(LAUNCHER / name for name in ("bundle_file.c", "bundle_sum.c", "bundle_wishes.c", "plan.c", "util.c")),
    ]
    library = folder / "bundle.so"
    subprocess.run(
        ["gcc", *WARNINGS, "-shared", "-fPIC", f"-I{folder}", f"-I{LAUNCHER}", "-o", library, *sources], check=True
    )
    loaded = ctypes.CDLL(str(library))
    loaded.bundle_sum.restype = ctypes.c_uint64
    loaded.bundle_sum.argtypes = (ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t)
    return loaded


# ---- sums ----


def plain(data: bytes) -> int:
    """The sum as its definition says it."""
    total = 0
    for start in range(0, len(data), PAGE_SIZE):
        page = data[start : start + PAGE_SIZE].ljust(PAGE_SIZE, b"\0")
        for column in range(8):
            words = [page[line * 64 + column * 8 :][:8] for line in range(64)]
            weighed = ((129 - 2 * line) * int.from_bytes(word, sys.byteorder) for line, word in enumerate(words))
            total = (total << 64) + sum(weighed) % (1 << 64)
    return total % PRIME


@settings(deadline=None, max_examples=30)
@given(data=st.binary(max_size=3 * PAGE_SIZE), cuts=st.lists(st.integers(0, 9000), max_size=4))
def test_a_sum_is_that_of_one_large_number_however_it_comes(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert b"".join(in_pages(pieces)) == data
    total = 0
    for piece in in_pages(pieces):
        total = add(total, piece)
    assert total == add(0, data) == plain(data)


@pytest.mark.peer("gcc")
@settings(deadline=None)
@given(total=st.integers(0, PRIME - 1), data=st.binary(max_size=2 * PAGE_SIZE + 500))
def test_the_launcher_sums_up_as_python_does(c: ctypes.CDLL, total: int, data: bytes) -> None:
    assert c.bundle_sum(total, data, len(data)) == add(total, data)


@given(data=st.binary(min_size=1, max_size=200), at=st.integers(0), bit=st.integers(0, 7))
def test_no_changed_bit_is_missed(data: bytes, at: int, bit: int) -> None:
    at %= len(data)
    changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
    assert add(0, changed) != add(0, data)


@pytest.mark.parametrize("size", [64, 512, PAGE_SIZE])
def test_parts_that_have_changed_places_are_noticed(size: int) -> None:
    data = random.Random(size).randbytes(4 * PAGE_SIZE)
    for start in range(0, len(data) - 2 * size, 4 * size):
        one, other = data[start : start + size], data[start + size : start + 2 * size]
        assert add(0, data[:start] + other + one + data[start + 2 * size :]) != add(0, data)


# ---- head and mark ----


def test_what_is_written_is_read_again() -> None:
    assert decode_head(encode_head(HEAD), "x.run") == HEAD


def sames(*entries: Entry) -> list[int]:
    head = encode_head(Head((b"",) * 4, (), 0, entries, Place(), Place()))
    start = HEAD_FORM.unpack_from(head)[4]
    return [ENTRY.unpack_from(head, start + number * ENTRY.size)[5] for number in range(len(entries))]


def test_equal_files_are_said_to_be_and_only_those() -> None:
    content = Place(64, 10, 7)
    file = Entry(b"b", stat.S_IFREG | 0o644, 1, 2, 3, content=content)
    others = (
        replace(file, path=b"c", mode=stat.S_IFREG | 0o600),
        replace(file, path=b"d", uid=9),
        replace(file, path=b"e", mtime=9),
        replace(file, path=b"f", content=Place(128, 10, 7)),
        Entry(b"g", stat.S_IFDIR | 0o755),
        Entry(b"h", stat.S_IFDIR | 0o755),
        Entry(b"i", stat.S_IFREG | 0o644, 1, 2, 3, target=b"b"),
    )
    assert sames(Entry(b"a", stat.S_IFDIR | 0o755), file, *others, replace(file, path=b"z")) == [0] * 9 + [2]


@pytest.mark.peer("gcc")
@pytest.mark.parametrize("same", [2, 3, 4, 0xFFFFFFFF])
def test_a_file_that_is_said_to_equal_another_kind_or_one_behind_it_is_refused(c: ctypes.CDLL, same: int) -> None:
    file = Entry(b"a", stat.S_IFREG | 0o644, content=Place(64, 10, 7))
    entries = (file, Entry(b"b", stat.S_IFDIR | 0o755), replace(file, path=b"c"), replace(file, path=b"d"))
    head = bytearray(encode_head(Head((b"",) * 4, (), 0, entries, Place(), Place())))
    assert accepts(c, bytes(head), 10_000)
    place = HEAD_FORM.unpack_from(head)[4] + 2 * ENTRY.size + 5 * 4
    assert int.from_bytes(head[place : place + 4], sys.byteorder) == 1
    head[place : place + 4] = same.to_bytes(4, sys.byteorder)
    assert not accepts(c, bytes(head), 10_000)


@given(at=st.integers(0), byte=st.integers(0, 255))
def test_a_head_that_points_anywhere_is_read_or_refused(at: int, byte: int) -> None:
    data = bytearray(encode_head(HEAD))
    data[at % len(data)] = byte
    with contextlib.suppress(InvalidFileError):
        decode_head(bytes(data), "x.run")


def accepts(c: ctypes.CDLL, data: bytes, file_size: int) -> bool:
    buffer = ctypes.create_string_buffer(data, len(data) or 1)
    bundle = (ctypes.c_uint64 * 64)()
    return int(c.bundle_check(bundle, buffer, ctypes.c_size_t(len(data)), ctypes.c_uint64(file_size))) == 0


@pytest.mark.peer("gcc")
def test_the_launcher_takes_what_python_writes(c: ctypes.CDLL) -> None:
    assert accepts(c, encode_head(HEAD), 10_000)
    # but no file that reaches beyond the end
    assert not accepts(c, encode_head(HEAD), 9000)
    assert not accepts(c, encode_head(HEAD)[:-200], 10_000)


@pytest.mark.peer("gcc")
@pytest.mark.parametrize(
    "entry",
    [
        *(
            Entry(path, stat.S_IFDIR | 0o755)
            for path in (b"", b"/a", b"a//b", b"..", b"a/../b", b"./a", b"a/.", b"a/", b"a" * 4096)
        ),
        Entry(b"a", stat.S_IFLNK | 0o777),
        Entry(b"a", stat.S_IFREG | 0o644, target=b"../etc/passwd"),
        Entry(b"a", stat.S_IFREG | 0o644, target=b"/etc/passwd"),
        Entry(b"a", stat.S_IFCHR | 0o644),
        Entry(b"a", stat.S_IFREG | 0o644, content=Place(9999, 2)),
        Entry(b"a", stat.S_IFREG | 0o644, content=Place(1, (1 << 64) - 1)),
        Entry(b"a", 0o644),
    ],
)
def test_an_entry_that_leads_out_is_refused(c: ctypes.CDLL, entry: Entry) -> None:
    head = Head((b"",) * 4, (), 0, (entry,), Place(), Place())
    assert not accepts(c, encode_head(head), 10_000)


def test_a_launcher_has_one_mark_and_a_bundle_is_none() -> None:
    launcher = b"before" + BLANK + b"behind"
    assert find_mark(launcher) == 6
    mark = Mark(6, len(launcher), 999, Place(500, 10, 1), launcher_sum(launcher, 6))
    made = launcher[:6] + mark.encode() + launcher[6 + MARK.size :]
    assert decode_mark(made, "x") == mark
    for other in (made, BLANK + BLANK, b"nothing"):
        with pytest.raises(LaunchError):
            find_mark(other)
    # a bundle's that is cut in its mark reads as zero from there on
    cut = [made[:end] + bytes(len(made) - end) for end in range(6, 6 + MARK.size - 8)]
    for other in (launcher, b"nothing", b"", made[: 6 + 40], *cut):
        with pytest.raises(InvalidFileError):
            decode_mark(other, "x")


def test_the_installed_launcher_has_a_mark() -> None:
    find_mark((PROJECT / ".venv" / "bin" / "whit").read_bytes())


# ---- what a person asks for ----

SIZES = ("64m", "1.5g", "256k", "255k", "300000", "64M", "64mb", "64MiB", "1t", "0.5g", "64x", "", "m", "1.", ".5g", "-1m", "1 m", "9999999t", "64ib", "3gb")  # fmt: skip
CPUS = ("0.5", "2", "0.01", "0.001", "0", "64", "1e3", "", "-1", ".5", "1.", "0.123456", "9999999999999")
PIDS = ("1", "max", "4096", "0", "-1", "4194304", "4194305", "", "1.5")


def _python(parse: Callable[[str], int | None], text: str) -> int | None:
    try:
        return parse(text) or 0
    except UsageError:
        return None


@pytest.mark.peer("gcc")
@pytest.mark.parametrize(
    ("name", "parse", "texts"),
    [("parse_size", parse_memory, SIZES), ("parse_cpus", parse_cpus, CPUS), ("parse_pids", parse_pids, PIDS)],
)
def test_limits_are_understood_as_whit_run_does(
    c: ctypes.CDLL, name: str, parse: Callable[[str], int | None], texts: tuple[str, ...]
) -> None:
    for text in texts:
        found = ctypes.c_uint64()
        error = getattr(c, name)(text.encode(), ctypes.byref(found))
        assert (None if error else found.value) == _python(parse, text), text


# ---- files ----


def seen(path: str, kind: Kind, source: int = 0, **member: int | bytes) -> Seen:
    return Seen(path, kind, "sha256:x", Member(path.encode(), kind, **member), (0, source))  # type: ignore[arg-type]


def test_folders_come_before_what_is_in_them_and_of_two_names_one_is_the_file() -> None:
    files = {
        item.path: item
        for item in (
            seen("/b/c", Kind.FILE, 1, mode=0o755),
            seen("/a", Kind.FILE, 1, mode=0o755),
            seen("/b-", Kind.SYMLINK, 2, target=b"a"),
        )
    }
    entries = entries_of(files, {(0, 1): Place(64, 5, 9)})
    assert [(entry.path, entry.target) for entry in entries] == [
        (b"a", b""),
        (b"b", b""),
        (b"b/c", b"a"),
        (b"b-", b"a"),
    ]
    assert entries[0].content == Place(64, 5, 9)


def test_places_are_added_where_nothing_is_and_not_behind_links() -> None:
    entries = [Entry(b"etc", stat.S_IFLNK | 0o777, target=b"usr/etc"), Entry(b"proc", stat.S_IFDIR | 0o555)]
    points = [MountPoint("/proc"), MountPoint("/a/b"), MountPoint("/etc/hosts", is_directory=False, content=b"x")]
    found = with_places(entries, points, {b"x": Place(1, 1, 1)})
    assert [entry.path for entry in found] == [b"a", b"a/b", b"etc", b"proc"]
    assert found[3].mode == stat.S_IFDIR | 0o555


@pytest.mark.peer("clang")
def test_the_fuzzer_is_built_and_finds_nothing_in_what_it_begins_with() -> None:
    assert main(0) == 0
