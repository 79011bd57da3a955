"""Whose the bytes of a program are: what tables tell, what is pointed to, and what a stripped program's panics tell."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs.build import build
from whit.packer.elf.dwarfunits import content, units
from whit.packer.elf.file import ElfFile, FileType, Section, Segment, SegmentFlag, SegmentType, parse
from whit.packer.elf.unwinding import unwound
from whit.packer.executable.file import opened
from whit.packer.needs import DETAILS
from whit.packer.report.claims import Claims, dealt
from whit.packer.report.filebytes import sizes_of
from whit.packer.report.naming import placing
from whit.packer.report.owners import owners, totals, unowned
from whit.packer.report.panics import crate_of, guessed
from whit.packer.report.references import references

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.report.tree import Sizes

SPANS = st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda span: (span[0], span[0] + span[1], f"f{span[0]}"))


def sizes(path: Path) -> Sizes:
    with opened(str(path)) as file:
        analysis = file.analyse(DETAILS).analysis
        return file.look(lambda data: sizes_of(data, analysis))


@given(st.lists(SPANS), st.lists(st.tuples(st.integers(0, 400), st.sampled_from("abc"))), st.integers(0, 300))
def test_no_byte_is_claimed_twice_whatever_overlaps(
    known: list[tuple[int, int, str]], referred: list[tuple[int, str]], start: int
) -> None:
    claims = Claims(known)
    for address, owner in referred:
        claims.refer(address, (owner,))
    pieces = list(claims.pieces(start, start + 100))
    assert all(size > 0 for _, size in pieces)
    assert sum(size for _, size in pieces) <= 100


@given(st.lists(SPANS), st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["a", "b", ""]))))
def test_many_addresses_have_the_owners_that_each_has(
    known: list[tuple[int, int, str]], referred: list[tuple[int, str]]
) -> None:
    claims = Claims(known)
    for address, owner in referred:
        claims.refer(address, (owner,) if owner else ())
    addresses = range(0, 500, 3)
    assert list(claims.owners(addresses)) == [claims.owner(address) for address in addresses]


def test_what_is_pointed_to_reaches_to_the_next_claim_and_a_name_comes_first() -> None:
    claims = Claims([(10, 20, "named")])
    for address, owner in ((2, "a"), (2, "b"), (15, "c"), (30, "b")):
        claims.refer(address, (owner,))
    assert list(claims.pieces(0, 40)) == [(("a",), 8), ("named", 10), (("b",), 10)]
    assert claims.owner(12) == "named"
    assert claims.owner(4) == ("a",)
    assert claims.owner(25) is None  # what is pointed to in the named piece ends with it
    assert claims.owner(1) is None


def test_what_somebody_unknown_points_to_is_nobody_elses() -> None:
    claims = Claims([])
    for address, owner in ((0, ("a",)), (10, ()), (20, ()), (20, ("b",))):
        claims.refer(address, owner)
    assert list(claims.pieces(0, 30)) == [(("a",), 10), ((), 10), (("b",), 10)]
    assert claims.owner(12) is None


@given(st.dictionaries(st.integers(-5, 40), st.sampled_from([("a",), ("b",), ()])), st.integers(0, 30))
def test_a_table_is_dealt_out_whole_from_its_first_piece_on(starts: dict[int, tuple[str, ...]], size: int) -> None:
    named = {start: owner or ("c",) for start, owner in starts.items()}
    inside = [start for start in named if 0 <= start < size]
    assert sum(bytes_ for bytes_, _ in dealt(named, size)) == (size - min(inside) if inside else 0)
    assert all(owner for _, owner in dealt(starts, size))


@pytest.mark.parametrize("name", ["exit-go", "exit-c-musl", "hello-rust"])
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=8))
@settings(max_examples=15, deadline=None)
def test_a_damaged_file_loses_no_byte(name: str, changes: list[tuple[float, bytes]]) -> None:
    path = build(*name.split("-", 1))
    with opened(str(path)) as file:
        analysis = file.analyse(DETAILS).analysis
    data = bytearray(path.read_bytes())
    table = int.from_bytes(data[40:48], "little")
    for where, new in changes:  # among the section headers, where damage tells most
        at = table + int(where * (len(data) - table))
        data[at : at + len(new)] = new[: len(data) - at]
    found = sizes_of(bytes(data), analysis)
    assert sum(found.values()) == len(data)
    assert all(size >= 0 for size in found.values())


@pytest.mark.parametrize("stripped", [False, True])
def test_gos_function_table_and_constants_are_shared_out_to_packages(stripped: bool) -> None:
    path = build("exit", "go", stripped=stripped)
    found = sizes(path)
    assert sum(found.values()) == path.stat().st_size
    loaded = dict.fromkeys(("code", "Go's function table", "constants", "data"), 0)
    owned = dict(loaded)
    for where, size in found.items():
        if where[0] in loaded:
            loaded[where[0]] += size
            owned[where[0]] += size if len(where) > 2 else 0
    for kind, size in loaded.items():
        assert owned[kind] > 0.95 * size, kind
    largest = owners(found, 2)[0]
    assert largest.path == ("(standard library)", "runtime")
    assert largest.code > largest.data > 0
    assert largest.tables > 0


def test_owners_add_up_to_what_is_owned() -> None:
    found = sizes(build("exit", "go"))
    assert sum(totals(found).values()) == sum(found.values()) - unowned(found)


@pytest.mark.parametrize("language", ["c-musl", "rust", "nim"])
def test_the_unwinders_table_is_read_as_pyelftools_reads_it(language: str) -> None:
    path = build("hello" if language != "c-musl" else "exit", language)
    with path.open("rb") as file:
        info = ELFFile(file).get_dwarf_info()
        entries: list[Any] = info.EH_CFI_entries() if info.has_EH_CFI() else []
        theirs = sorted(
            (entry["initial_location"], entry["initial_location"] + entry["address_range"], entry["length"] + 4)
            for entry in entries
            if type(entry).__name__ == "FDE"
        )
    ours = sorted((one.start, one.end, one.size) for one in unwound(parse(path.read_bytes())))
    assert ours == theirs


@pytest.mark.parametrize(("name", "language"), [("exit", "go"), ("hello", "rust"), ("hello", "zig")])
def test_debug_informations_units_are_read_as_pyelftools_reads_them(name: str, language: str) -> None:
    path = build(name, language)
    with path.open("rb") as file:
        theirs = [
            (unit.cu_offset, unit.size, unit.get_top_DIE().attributes["DW_AT_name"].value.decode())
            for unit in ELFFile(file).get_dwarf_info().iter_CUs()
        ]
    ours = [(unit.offset, unit.size, unit.name) for unit in units(parse(path.read_bytes()))]
    assert ours == theirs


def test_debug_information_is_shared_out_by_its_units() -> None:
    found = sizes(build("hello", "rust"))
    crates = {where[1] for where in found if where[0] == "debug information" and where[-1] == ".debug_info"}
    assert {"std", "core", "alloc"} <= crates
    found = sizes(build("exit", "go"))
    assert ("debug information", "(standard library)", "runtime", ".debug_info") in found


@given(st.binary(max_size=120), st.binary(max_size=60))
def test_no_debug_information_breaks_the_reading_of_units(info: bytes, abbreviations: bytes) -> None:
    data = info + abbreviations
    sections = (
        Section(".debug_info", 1, 0, 0, 0, len(info), 0),
        Section(".debug_abbrev", 1, 0, 0, len(info), len(abbreviations), 0),
    )
    list(units(ElfFile(data, 64, "<", 0, FileType.DYN, 62, 0, 0, (), sections)))


@pytest.mark.parametrize("size", [5, 1 << 60])
def test_a_section_that_lies_about_its_size_is_taken_as_absent(size: int) -> None:
    pressed = struct.pack("<IIQQ", 1, 0, size, 1) + zlib.compress(b"x" * 1000)
    section = Section(".debug_info", 1, 0x800, 0, 0, len(pressed), 0)
    elf = ElfFile(pressed, 64, "<", 0, FileType.DYN, 62, 0, 0, (), (section,))
    assert content(elf, section) in (None, b"x" * 5)


@pytest.mark.parametrize(
    ("language", "name", "path"),
    [
        ("nim", "alloc__system_4770", ("system", "alloc")),
        ("nim", "addInt__stdZprivateZdigitsutils_u164", ("std/private/digitsutils", "addInt")),
        ("nim", "memcpy", ("(C and assembler)", "memcpy")),
        ("zig", "fs.path.join", ("fs", "fs.path.join")),
        ("zig", "memcpy", ("(C and assembler)", "memcpy")),
        ("c++", "_ZN4absl7StatusC2Ev", ("absl", "_ZN4absl7StatusC2Ev")),
        ("c++", "_ZNSt6vectorIiED2Ev", ("std", "_ZNSt6vectorIiED2Ev")),
        ("c++", "_ZTVN4absl6StatusE", ("absl", "_ZTVN4absl6StatusE")),
        ("c++", "_Z4mainv", ("(no namespace)", "_Z4mainv")),
    ],
)
def test_names_of_other_languages_tell_the_owner(language: str, name: str, path: tuple[str, ...]) -> None:
    with opened(str(build("exit", "c-musl"))) as file:
        analysis = file.analyse(DETAILS).analysis
    placed = placing(replace(analysis, language=replace(analysis.language, name=language)))
    assert placed(name) == path


@pytest.mark.parametrize(
    ("path", "crate"),
    [
        ("/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/aho-corasick-1.1.5/src/dfa.rs", "aho_corasick"),
        ("/rustc/0ef1bc386059596dada8fb65b50425aab2ea637a/library/alloc/src/raw_vec/mod.rs", "alloc"),
        ("/rust/deps/gimli-0.32.3/src/read/line.rs", "gimli"),
        ("crates/ruff_linter/src/rules/mod.rs", "ruff_linter"),
        ("/git/checkouts/salsa-e6f3bb7c2a062968/05a9af7/src/zalsa.rs", "salsa"),
        ("src/main.rs", ""),
        ("", ""),
    ],
)
def test_a_source_files_path_tells_its_crate(path: str, crate: str) -> None:
    assert crate_of(path) == crate


def program(code: bytes, data: bytes) -> ElfFile:
    """A file of two segments: data at 0x2000, code at 0x1000."""
    whole = data.ljust(0x1000, b"\0") + code.ljust(0x100, b"\0")
    segments = (
        Segment(SegmentType.LOAD, SegmentFlag.READ, 0, 0x2000, len(data), len(data)),
        Segment(SegmentType.LOAD, SegmentFlag.READ | SegmentFlag.EXECUTE, 0x1000, 0x1000, 0x100, 0x100),
    )
    return ElfFile(whole, 64, "<", 0, FileType.DYN, 62, 0, 0x1000, segments, ())


def place(names: bytes, wanted: bytes) -> bytes:
    """A place in the source: the word for the name's address is the loader's."""
    assert wanted in names
    return struct.pack("<QQII", 0, len(wanted), 7, 3)


def test_a_function_is_of_the_crate_whose_places_it_points_to_and_so_are_those_between_two_of_one() -> None:
    names = [b"/x/hyper-1.2.0/src/a.rs", b"/rustc/00/library/core/src/b.rs", b"/x/tokio-1.0.0/src/c.rs"]
    text = b"".join(names)
    data = b"".join(place(text, name) for name in names) + text
    starts = [0x2000 + 72 + text.index(name) for name in names]
    words = {0x2000 + 24 * at: start for at, start in enumerate(starts)}
    functions = [(0x1000 + 16 * at, 0x1010 + 16 * at) for at in range(6)]
    pointed = [
        (0x1004, 0x2000),
        (0x1014, 0x2018),
        (0x1024, 0x2000),
        (0x1028, 0x2018),
        (0x1034, 0x2018),
        (0x1044, 0x2030),
    ]
    told = {start: owner for start, _, owner in guessed(program(b"", data), functions, pointed, words)}
    assert told == {0x1000: ("hyper",), 0x1010: ("hyper",), 0x1020: ("hyper",), 0x1040: ("tokio",)}


@given(st.binary(max_size=200), st.dictionaries(st.integers(0x2000, 0x20FF), st.integers(0, 0x3000), max_size=5))
def test_no_data_breaks_the_reading_of_places(data: bytes, words: dict[int, int]) -> None:
    list(guessed(program(b"", data), [(0x1000, 0x1010)], [(0x1000, 0x2000)], words))


def test_code_that_names_an_address_of_data_is_found() -> None:
    lea = b"\x48\x8d\x05" + struct.pack("<i", 0x2010 - 0x1007)
    load = b"\x0f\x28\x0d" + struct.pack("<i", 0x2020 - 0x100E)
    elsewhere = b"\x48\x8d\x05" + struct.pack("<i", 0x7000)
    found = dict(references(program(lea + load + elsewhere, bytes(64))))
    assert set(found.values()) == {0x2010, 0x2020}
    assert all(0x1000 <= site < 0x1010 for site in found)
