"""Whatever a file claims, reading it ends soon, in an analysis or in one clear line; never in anything else."""

from __future__ import annotations

import struct
import tracemalloc
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.programs.build import build
from tests.programs.make_elf import CODE, DYNAMIC, EXECUTE, NOTE, READ, Elf, Section, Segment, dynamic_segment, note
from tests.programs.make_wasm import COMPONENT, MODULE, custom, name, number, producers, section, vector
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted
from whit.packer.support.errors import WhitError

WANTED = Wanted(frozenset({"main", "runtime.main", "puts"}), frozenset({b"/etc/passwd", b"/tmp", b"TMPDIR"}))
MEMORY_LIMIT = 16 << 20
"""Beyond the file itself."""

FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def judged(data: bytes) -> None:
    """Analyse; anything but an analysis or one of whit's own errors fails the test."""
    try:
        analyse(data, WANTED)
    except WhitError as error:
        message = error.message
    else:
        return
    assert message
    assert "\n" not in message


@cache
def corpus() -> tuple[bytes, ...]:
    """Small files of every kind that is read: real programs, and what no compiler here makes."""
    dynamic = dynamic_segment(Elf(type=3), b"\0libc.so.6\0", (1, 1), (14, 1), (0x6FFFFFFB, 0x08000000))
    noted = Elf().with_segments(Segment(note("GNU", 3, bytes(20)) + note("Go", 4, b"abc"), NOTE))
    arm = Elf(
        bits=32,
        machine=40,
        sections=(Section(".ARM.attributes", b"A\x1a\0\0\0aeabi\0\x01\x10\0\0\0\x06\x0a\x08\x01", 0x70000003),),
    )
    module = (
        MODULE
        + section(2, vector(name("wasi_snapshot_preview1") + name("fd_write") + b"\0\0"))
        + section(5, b"\x01\x01\x01\x02")
    )
    module += producers(language=("Rust", "2021")) + section(7, vector(name("_start") + b"\0\0")) + custom("name")
    component = COMPONENT + section(1, module) + section(10, vector(b"\0" + name("wasi:cli/run@0.2.0") + b"\x05\x00"))
    return (dynamic.build(), noted.build(), arm.build(), module, component)


@FEW
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", MODULE, COMPONENT, b"#!"]),
)
def test_arbitrary_bytes_are_judged(tail: bytes, head: bytes) -> None:
    judged(head + tail)


@FEW
@given(st.data())
def test_changed_bytes_are_judged(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(corpus())))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(file) - 1), st.integers(0, 255)), max_size=6)):
        file[place] = value

    judged(bytes(file))


def test_every_truncation_is_judged() -> None:
    for file in corpus():
        for size in range(len(file)):
            judged(file[:size])


@pytest.mark.peer("musl-gcc", "go")
@settings(FEW, max_examples=60)
@given(st.data())
def test_changed_headers_and_tables_of_real_programs_are_judged(data: st.DataObject) -> None:
    whole = data.draw(
        st.sampled_from([build("hello", "c-musl").read_bytes(), build("hello", "c-dynamic").read_bytes()])
    )
    table = struct.unpack_from("<Q", whole, 40)[0]
    file = bytearray(whole)
    places = st.one_of(st.integers(0, 1500), st.integers(table, len(file) - 1))
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=6)):
        file[place] = value

    judged(bytes(file))


@pytest.mark.peer("go")
@settings(FEW, max_examples=20)
@given(st.data())
def test_changed_tables_of_a_go_program_are_judged(data: st.DataObject) -> None:
    whole = build("hello", "go", stripped=True).read_bytes()
    offsets = [evidence.offset or 0 for evidence in analyse(whole, WANTED).language.evidence]
    file = bytearray(whole)
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), min_size=1, max_size=6)):
        file[data.draw(st.sampled_from(offsets)) + place] = value

    judged(bytes(file))


MIB = 1 << 20


def hostile_go_table() -> bytes:
    """A header whose table of names is all of a large segment of NULs."""
    size = 8 * MIB
    words = (1, 1, 0, 72, size - 64, size - 56, size - 48, size - 40)
    return struct.pack("<IBBBB8Q", 0xFFFFFFF1, 0, 0, 1, 8, *words) + bytes(size - 72)


def many_headers() -> bytes:
    """As many magics as fit, none with a sane header behind it."""
    return (struct.pack("<IBBBB", 0xFFFFFFF1, 0, 0, 1, 8) + b"\xff\x20Go buildinf:" + bytes(10)) * (2 * MIB // 32)


@pytest.mark.parametrize(
    "file",
    [
        Elf((Segment(CODE, flags=READ | EXECUTE), *[Segment(bytes(2 * MIB), NOTE)] * 3)).build(),
        Elf().with_segments(Segment(struct.pack("<QQ", 1, 1) * (MIB // 8), DYNAMIC)).build(),
        dynamic_segment(Elf(), b"\0" + b"x" * 4000 + b"\0", *[(1, 1)] * 20_000).build(),
        Elf().with_segments(Segment(hostile_go_table())).build(),
        Elf().with_segments(Segment(many_headers())).build(),
        Elf().with_segments(Segment(b"\xff Go buildinf:" * (2 * MIB // 14))).build(),
        Elf().with_segments(Segment(b"/tmp/etc/passwdTMPDIR" * (2 * MIB // 21))).build(),
        Elf(sections=(Section(".symtab", bytes(2 * MIB), 2, link=1), Section(".strtab", b"x" * MIB, 3))).build(),
        Elf(sections=tuple(Section("s" * 200, b"") for _ in range(8000))).build(),
        Elf(tuple([Segment(CODE, flags=READ | EXECUTE)] * 1170)).build(),
        MODULE + section(2, number(MIB) + bytes(MIB)),
        MODULE + section(7, vector(*[name("") + b"\0\0"] * 90_000)),
        MODULE + custom("producers", vector(*[name("language") + vector(name("x") + name(""))] * 60_000)),
        COMPONENT + section(1, MODULE + custom("x") * 5000) * 15,
    ],
    ids=lambda file: f"{len(file)} bytes",
)
def test_hostile_files_cost_little_memory(file: bytes) -> None:
    tracemalloc.start()
    try:
        judged(file)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MEMORY_LIMIT + len(file)
