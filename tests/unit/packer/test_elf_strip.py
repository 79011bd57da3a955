"""Stripping: what is loaded stays byte for byte, what only debuggers read goes; readelf, lief and the program agree."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import lief
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.programs import make_elf
from tests.programs.build import build
from whit.packer.elf.file import parse
from whit.packer.elf.strip import pieces, stack_flags_at, strip
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted
from whit.packer.support.errors import UnsupportedError, WhitError

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("go", {}),
    ("go", {"arch": "arm64"}),
    ("go", {"arch": "386"}),
    ("go", {"arch": "s390x"}),
    ("rust", {}),
    ("nim", {"flags": ("--debugger:native",)}),
    ("zig", {}),
    ("c-glibc", {"flags": ("-g",)}),
    ("c-glibc", {"flags": ("-g", "-gz=zlib"), "pie": True}),
    ("c-musl", {"flags": ("-g",)}),
    ("c-dynamic", {"flags": ("-g3", "-Wl,--emit-relocs")}),
)
CASES = [pytest.param(*case, marks=[pytest.mark.slow] if "386" in case[1].values() else []) for case in PROGRAMS]
"""Go's library is built first for each machine: that of 386 only where there is time."""
IDS = [f"{language}-{'-'.join(map(str, options.values()))}" for language, options in PROGRAMS]

BASE = build("hello", "c-dynamic", flags=("-g3", "-Wl,--emit-relocs")).read_bytes()
TABLE = int.from_bytes(BASE[40:48], "little")


def stripped(data: bytes, *, symbols: bool = False) -> bytes:
    return b"".join(pieces(data, strip(data, symbols=symbols)))


def sections(path: Path) -> dict[str, str]:
    shown = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True)
    assert not shown.stderr
    return dict(re.findall(r"\[ *\d+\] (\S+)\s+([A-Z_0-9]+)\s", shown.stdout))


def complaints(path: Path) -> int:
    """How many lines readelf has to say against a file, all of which it reads."""
    done = subprocess.run(["readelf", "-aW", path], capture_output=True, text=True, errors="replace", check=False)
    return len(done.stderr.splitlines())


@pytest.mark.parametrize("symbols", [False, True])
@pytest.mark.parametrize(("language", "options"), CASES, ids=IDS)
def test_what_is_loaded_stays_and_debug_sections_go(
    tmp_path: Path, language: str, options: dict[str, Any], symbols: bool
) -> None:
    program = build("hello", language, **options)
    old, new = program.read_bytes(), stripped(program.read_bytes(), symbols=symbols)
    file = tmp_path / "new"
    file.write_bytes(new)
    file.chmod(0o755)

    before, after = sections(program), sections(file)
    gone = {name for name in before if name not in after}
    assert any(name.startswith(".debug_") for name in before)
    others = {name for name in gone if not name.startswith((".debug_", ".rela.debug_"))}
    assert {name for name in others if before[name] != "RELA"} == ({".symtab", ".strtab"} if symbols else set())
    assert not others & {".rela.dyn", ".rela.plt"}
    assert {name: kind for name, kind in before.items() if name not in gone} == after
    assert parse(old).segments == parse(new).segments
    header = 64 if parse(old).bits == 64 else 52
    for start, end in parse(old).loaded_spans:
        assert old[max(start, header) : end] == new[max(start, header) : end]
    assert len(new) < len(old)
    assert complaints(file) <= complaints(program)
    if options.get("arch", "amd64") == "amd64":
        assert output(file) == output(program)


def output(program: Path) -> tuple[int, bytes]:
    done = subprocess.run([program], capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_symbols_still_name_their_sections(tmp_path: Path) -> None:
    program = build("hello", "c-dynamic", flags=("-g3", "-Wl,--emit-relocs"))
    file = tmp_path / "new"
    file.write_bytes(stripped(program.read_bytes()))

    def homes(path: Path) -> dict[str, str]:
        shown = subprocess.run(["nm", "--format=sysv", path], capture_output=True, text=True, check=True).stdout
        rows = [[cell.strip() for cell in line.split("|")] for line in shown.splitlines() if line.count("|") == 6]
        return {row[0]: row[6] for row in rows if not row[6].startswith(".debug")}

    assert homes(file) == homes(program)
    assert homes(file)["main"] == ".text"


def test_lief_reads_the_result(tmp_path: Path) -> None:
    data = build("hello", "go").read_bytes()
    file = tmp_path / "new"
    file.write_bytes(stripped(data))
    read = lief.ELF.parse(str(file))
    assert read is not None
    assert {section.name for section in read.sections} >= {".text", ".gopclntab", ".go.buildinfo", ".symtab"}
    assert len(list(read.symtab_symbols)) > 1000


def test_stripping_what_is_stripped_changes_nothing() -> None:
    data = stripped(build("hello", "c-glibc", flags=("-g",)).read_bytes(), symbols=True)
    plan = strip(data, symbols=True)
    assert plan.removed == ()
    assert b"".join(pieces(data, plan)) == data


def test_the_result_is_as_long_as_was_planned() -> None:
    data = build("hello", "rust").read_bytes()
    assert len(stripped(data)) == strip(data).size


def test_a_file_without_sections_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no section table"):
        strip(make_elf.Elf().build())


def test_sections_that_overlap_do_not_fill_the_disk() -> None:
    large = make_elf.Elf(sections=tuple(make_elf.Section(f".x{number}", b"\0" * 4096) for number in range(40))).build()
    changed = bytearray(large)
    table, (count,) = int.from_bytes(large[40:48], "little"), (int.from_bytes(large[60:62], "little"),)
    first = large[table + 64 + 24 : table + 64 + 32]
    for number in range(1, count - 1):
        at = table + 64 * number
        changed[at + 24 : at + 40] = first + (8192).to_bytes(8, "little")
    with pytest.raises(UnsupportedError, match="overlap"):
        strip(bytes(changed))


def test_a_symbol_table_whose_strings_are_nowhere() -> None:
    symbols = make_elf.Section(".symtab", bytes(48), 2, link=999)
    plan = strip(make_elf.Elf(sections=(symbols,)).build(), symbols=True)
    assert plan.removed == (".symtab",)


def test_names_of_sections_that_call_themselves_relocations_stay() -> None:
    data = bytearray(BASE)
    number = int.from_bytes(data[62:64], "little")
    at = TABLE + 64 * number
    symbols = next(number for number, section in enumerate(parse(BASE).sections) if section.name == ".symtab")
    data[at + 4], data[at + 40] = 4, symbols
    assert ".shstrtab" not in strip(bytes(data), symbols=True).removed


def test_code_that_a_section_calls_symbols_is_not_touched() -> None:
    data = bytearray(BASE)
    text = next(number for number, section in enumerate(parse(BASE).sections) if section.name == ".text")
    data[TABLE + 64 * text + 4] = 2
    new = stripped(bytes(data))
    for start, end in parse(BASE).loaded_spans:
        assert data[max(start, 64) : end] == new[max(start, 64) : end]


def test_the_flag_of_an_executable_stack() -> None:
    data = build("stack", "c-musl", flags=("-Wl,-z,execstack",)).read_bytes()
    at = stack_flags_at(data)
    assert at is not None
    new = b"".join(pieces(data, strip(data), at))
    found = analyse(new, Wanted()).hardening
    assert found is not None
    assert not found.executable_stack
    assert stack_flags_at(new) is None
    assert stack_flags_at(build("stack", "c-musl").read_bytes()) is None


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(BASE) - TABLE + 63), st.integers(0, 255)), max_size=8))
def test_a_damaged_section_table_is_refused_or_stripped_without_touching_what_is_loaded(
    changes: list[tuple[int, int]],
) -> None:
    data = bytearray(BASE)
    for at, value in changes:
        data[at if at < 64 else TABLE + at - 64] = value
    old = bytes(data)
    try:
        new = stripped(old, symbols=True)
        spans = parse(old).loaded_spans
    except WhitError:
        return
    for start, end in spans:
        assert old[max(start, 64) : end] == new[max(start, 64) : end]
