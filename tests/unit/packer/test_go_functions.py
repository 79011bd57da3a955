"""Go's function table: found by its header, and exact about which functions are linked."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from tests.programs.make_elf import CODE, EXECUTE, READ, Elf, Section, Segment, without_sections
from tests.programs.make_go import old_table, table
from whit.packer.elf import gopclntab
from whit.packer.elf.file import parse
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import EvidenceKind, Wanted

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

CLIENT = "net/http.(*Transport).dialConn"
ZONES = "time.LoadLocation"
ASKED = Wanted(functions=frozenset({CLIENT, ZONES, "runtime.main", "time.LoadLocatio", "net/http.no such function"}))


def executable(content: bytes, bits: int = 64, order: str = "<") -> bytes:
    """An executable with a function table, after data that has the table's magic without being one."""
    decoy = struct.pack(f"{order}IBBBB", 0xFFFFFFF1, 0, 0, 1, bits // 8) + b"\xff" * 80
    machine = {(64, "<"): 62, (32, "<"): 3, (64, ">"): 22}[bits, order]
    segments = (Segment(CODE, flags=READ | EXECUTE), Segment(decoy), Segment(content))
    return Elf(segments, bits=bits, order=order, machine=machine).build()


@pytest.mark.parametrize(("bits", "order"), [(64, "<"), (32, "<"), (64, ">")])
@pytest.mark.parametrize("layout", ["1.2", "1.16", "1.18", "1.20"])
def test_every_layout_is_read_whatever_the_machine(layout: str, bits: int, order: str) -> None:
    content = old_table(bits, order) if layout == "1.2" else table(layout, bits, order)

    analysis = analyse(executable(content, bits, order), ASKED)

    assert analysis.language.name == "go"
    assert analysis.functions_known
    assert analysis.functions == {"runtime.main", ZONES}
    assert f"layout of Go {layout}, 3 functions" in analysis.language.evidence[0].detail


def test_the_first_name_counts_and_a_part_of_a_name_does_not() -> None:
    wanted = Wanted(functions=frozenset({"go:buildid", "buildid", "untime.main", "LoadLocation"}))

    assert analyse(executable(table("1.20", 64, "<")), wanted).functions == {"go:buildid"}


def test_a_changed_magic_is_go_whose_functions_are_not_known() -> None:
    hidden = table("1.20", 64, "<", magic=0x12345678)
    elf = Elf(sections=(Section(".gopclntab", hidden),))

    analysis = analyse(elf.build(), ASKED)

    assert analysis.language.name == "go"
    assert not analysis.functions_known
    assert analysis.functions == frozenset()


def test_hashed_names_are_not_taken_for_an_answer() -> None:
    hashed = table("1.20", 64, "<", names=b"xK3_\0aB9\0q7\0")

    analysis = analyse(executable(hashed), ASKED)

    assert (analysis.language.name, analysis.functions_known) == ("go", False)


@pytest.mark.parametrize("content", [b"", b"\xff" * 200, bytes(200), b"\xf1\xff\xff\xff\0\0\1\x08" * 30])
def test_a_section_s_name_alone_makes_no_go(content: bytes) -> None:
    data = Elf(sections=(Section(".gopclntab", content),)).build()

    assert analyse(data, ASKED).language.name == "unknown"


def go(name: str, **options: object) -> bytes:
    return build(name, "go", **options).read_bytes()


@pytest.mark.peer("go")
@pytest.mark.parametrize(
    "options",
    [{}, {"stripped": True}, {"pie": True}, {"stripped": True, "pie": True}],
    ids=["plain", "stripped", "pie", "stripped pie"],
)
def test_functions_survive_stripping_and_relocation(options: dict[str, bool]) -> None:
    client, zones = analyse(go("client", **options), ASKED), analyse(go("zones", **options), ASKED)

    assert client.functions == {CLIENT, "runtime.main"}
    assert zones.functions == {ZONES, "runtime.main"}
    assert client.functions_known
    assert zones.functions_known


OTHERS = ("arm", "386", "riscv64", "ppc64le", "s390x", "loong64")
"""Machines that Go's library is built for first."""


@pytest.mark.peer("go")
@pytest.mark.parametrize("arch", ["amd64", "arm64", *(pytest.param(arch, marks=pytest.mark.slow) for arch in OTHERS)])
def test_the_table_is_found_without_section_headers_on_every_machine(arch: str) -> None:
    data = go("hello", arch=arch, stripped=True)

    with_sections, without = analyse(data, ASKED), analyse(without_sections(data), ASKED)

    assert with_sections.platform.architecture == without.platform.architecture == arch
    assert with_sections.functions == without.functions == {"runtime.main"}
    assert table_of(with_sections) == table_of(without)
    assert with_sections.language.version == without.language.version
    assert with_sections.build == without.build


def table_of(analysis: Analysis) -> int | None:
    return next(e.offset for e in analysis.language.evidence if e.kind is EvidenceKind.FUNCTION)


@pytest.mark.peer("go")
def test_every_function_that_the_go_tool_lists_is_found() -> None:
    program = build("everything", "go")
    listing = subprocess.run(["go", "tool", "nm", program], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=2) for line in listing.splitlines())
    listed = {line[2].removesuffix(".abi0") for line in lines if len(line) == 3 and line[1] in "Tt"}
    # The linker's own labels around the text aren't functions.
    listed -= {"runtime.text", "runtime.etext"}
    elf = parse(program.read_bytes())
    found = gopclntab.find(elf)
    assert found is not None

    linked = gopclntab.linked(elf, found, frozenset(listed))

    assert len(listed) > 5000
    assert not {name for name in listed - linked if not name.startswith(("go:", "type:", "_"))}
