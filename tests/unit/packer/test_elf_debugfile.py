"""Debug information in a file of its own: readelf's and pyelftools' view of it, and what is refused."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection, SymbolTableSection

from tests.conftest import lacking
from whit.packer.elf.buildid import SIZE, id_span, identified
from whit.packer.elf.debugfile import debug_file
from whit.packer.elf.file import parse
from whit.packer.elf.strip import pieces, strip
from whit.packer.support.errors import UnsupportedError
from whit.toolchains.model import ROOM

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """static int twice(int n) { return 2 * n; }
int counted[100];
int main(int argc, char **argv) { (void)argv; return twice(argc) + counted[argc]; }
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A program with debug information and room for a build ID."""
    cc = shutil.which("gcc")
    if cc is None:
        lacking("gcc isn't installed; tests/setup.sh peers installs it")
    folder = tmp_path_factory.mktemp("debugged")
    (folder / "a.c").write_text(SOURCE)
    words = [cc, "-g", "-O0", f"-Wl,--build-id={ROOM}", "-o", "a", "a.c"]
    subprocess.run(words, cwd=folder, check=True)
    return (folder / "a").read_bytes()


def stripped(data: bytes) -> bytes:
    return identified(b"".join(pieces(data, strip(data, symbols=True))))


def test_a_build_id_is_a_digest_of_the_program_and_given_once(full: bytes) -> None:
    program = stripped(full)
    span = id_span(parse(program))
    assert span is not None
    assert span[1] - span[0] == SIZE
    assert any(program[slice(*span)])
    assert identified(program) == program
    assert stripped(full) == program
    assert identified(b"\x7fELF") == b"\x7fELF"
    assert identified(b"\0asm") == b"\0asm"


def test_the_file_has_the_program_s_id_its_sections_and_nothing_that_is_loaded(full: bytes, tmp_path: Path) -> None:
    program = stripped(full)
    made = debug_file(program, full)
    elf, whole = ELFFile(io.BytesIO(made.data)), ELFFile(io.BytesIO(full))
    section = elf.get_section_by_name(".note.gnu.build-id")
    assert isinstance(section, NoteSection)
    assert next(section.iter_notes())["n_desc"] == made.build_id.hex()
    assert elf.has_dwarf_info()
    for ours, theirs in zip(elf.iter_sections(), whole.iter_sections(), strict=True):
        assert (ours.name, ours["sh_addr"], ours["sh_size"]) == (theirs.name, theirs["sh_addr"], theirs["sh_size"])
        if theirs["sh_flags"] & 2 and theirs["sh_size"] and ours.name != ".note.gnu.build-id":
            assert ours["sh_type"] == "SHT_NOBITS"
        elif not theirs["sh_flags"] & 2:
            assert ours.data() == theirs.data()
    path = tmp_path / "a.debug"
    path.write_bytes(made.data)
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    twice = next(symbol for symbol in table.iter_symbols() if symbol.name == "twice")
    words: list[str | Path] = ["addr2line", "-e", path, hex(twice["st_value"])]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip().endswith("a.c:1")


def test_of_another_program_nothing_is_taken(full: bytes) -> None:
    program = bytearray(stripped(full))
    text = ELFFile(io.BytesIO(full)).get_section_by_name(".text")
    assert text is not None
    program[text["sh_offset"] + 8] ^= 1
    with pytest.raises(UnsupportedError, match="makes another program"):
        debug_file(bytes(program), full)


def test_without_debug_information_or_an_id_there_is_no_file(full: bytes) -> None:
    program = stripped(full)
    with pytest.raises(UnsupportedError, match="makes no debug information"):
        debug_file(program, program)
    without = program.replace(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", b"\x04\0\0\0\x14\0\0\0\x04\0\0\0GNU\0")
    with pytest.raises(UnsupportedError, match="no build ID"):
        debug_file(without, full)
