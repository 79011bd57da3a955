"""Go's build information: inline and by pointer, with replaced modules and quoted settings."""

from __future__ import annotations

import struct
import subprocess

import pytest

from tests.programs.build import build
from tests.programs.make_elf import DYN, READ, WRITE, Elf, Segment, dynamic_segment, without_sections
from whit.packer.elf.gobuildinfo import parse_modules
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Wanted

SENTINEL = bytes(range(16))
TEXT = "path\tcommand-line\nmod\texample.org/a\tv1.2.3\th1:x=\ndep\texample.org/b\tv0.1.0\th1:y=\nbuild\tGOARCH=amd64\n"
MODULES = SENTINEL + TEXT.encode() + SENTINEL
MAGIC = b"\xff Go buildinf:"
RELA, RELASZ, FLAGS_1, DF_1_PIE = 7, 8, 0x6FFFFFFB, 0x08000000


TEXT_AT, DATA_AT, TABLE_AT = 0x500000, 0x600000, 0x700000


def pointer_form(elf: Elf, *, relocated: bool = False) -> Elf:
    """Go before 1.18: the header's pointers lead to Go strings; relocated, they are zero until the loader runs."""
    pointers = {
        DATA_AT + 16: DATA_AT + 32,
        DATA_AT + 24: DATA_AT + 48,
        DATA_AT + 32: TEXT_AT,
        DATA_AT + 48: TEXT_AT + 8,
    }
    content = bytearray(MAGIC + bytes([8, 0]) + bytes(48))
    struct.pack_into("<Q", content, 40, 8)
    struct.pack_into("<Q", content, 56, len(MODULES))
    for address, value in pointers.items():
        struct.pack_into("<Q", content, address - DATA_AT, 0 if relocated else value)
    table = b"".join(struct.pack("<QQq", address, 8, value) for address, value in pointers.items())
    return elf.with_segments(
        Segment(b"go1.15.3" + MODULES, address=TEXT_AT),
        Segment(bytes(content), flags=READ | WRITE, address=DATA_AT),
        Segment(table if relocated else b"", address=TABLE_AT),
    )


def test_the_inline_form_is_read() -> None:
    content = MAGIC + bytes([8, 2]) + bytes(16) + b"\x08go1.22.1" + bytes([len(MODULES) | 128, 1]) + MODULES
    assert len(MODULES) in range(128, 256)

    analysis = analyse(Elf().with_segments(Segment(content)).build(), Wanted())

    assert (analysis.language.name, analysis.language.version) == ("go", "1.22.1")
    assert (analysis.build.module, analysis.build.module_version) == ("example.org/a", "v1.2.3")


def test_the_pointer_form_is_read() -> None:
    analysis = analyse(pointer_form(Elf()).build(), Wanted())

    assert analysis.language.version == "1.15.3"
    assert analysis.build.main_path == "command-line"
    assert analysis.build.dependencies == (("example.org/b", "v0.1.0"),)
    assert analysis.build.setting("GOARCH") == "amd64"


def test_the_pointer_form_is_read_through_relocations() -> None:
    elf = pointer_form(Elf(type=DYN), relocated=True)
    whole = dynamic_segment(elf, b"\0", (RELA, TABLE_AT), (RELASZ, 4 * 24), (FLAGS_1, DF_1_PIE))

    analysis = analyse(whole.build(), Wanted())

    assert analysis.language.version == "1.15.3"
    assert analysis.build.module == "example.org/a"


@pytest.mark.parametrize(
    "content",
    [
        MAGIC,
        MAGIC + bytes([8, 2]) + bytes(16) + b"\xff" * 10,
        MAGIC + bytes([8, 2]) + bytes(16) + b"\x7fgo1.22",
        MAGIC + bytes([8, 2]) + bytes(16) + b"\x05hello",
        MAGIC + bytes([8, 0]) + b"\xff" * 16,
        MAGIC + bytes([4, 0]) + bytes(16),
        MAGIC + bytes([8, 1]) + bytes(16),
    ],
)
def test_a_broken_header_tells_nothing(content: bytes) -> None:
    analysis = analyse(Elf().with_segments(Segment(content)).build(), Wanted())

    assert (analysis.language.name, analysis.build.module) == ("unknown", None)


def test_a_replaced_module_counts_as_what_replaced_it_unless_that_is_a_folder() -> None:
    text = b"dep\ta\tv1\n=>\tfork\tv2\th1:=\ndep\tb\tv3\n=>\t./b\t(devel)\n=>\n"

    assert parse_modules(text).dependencies == (("fork", "v2"), ("b", "v3"))


def test_settings_may_be_quoted() -> None:
    text = b'build\t-ldflags="-s -w -X a=\\"b\\tc\\""\nbuild\t"odd key"=`raw\\n`\nbuild\tA="open\nbuild\tB=\n'

    assert parse_modules(text).settings == (
        ("-ldflags", '-s -w -X a="b\tc"'),
        ("odd key", "raw\\n"),
        ("A", '"open'),
        ("B", ""),
    )


LIBRARIES = ({"pie": True}, {"arch": "386"})
"""Ways that Go's library is built anew for."""


@pytest.mark.peer("go")
@pytest.mark.parametrize(
    "options",
    [{}, {"stripped": True}, {"arch": "s390x"}, *(pytest.param(way, marks=pytest.mark.slow) for way in LIBRARIES)],
)
def test_it_is_what_the_go_tool_says(options: dict[str, bool | str]) -> None:
    program = build("depends", "go", **options)
    said = subprocess.run(["go", "version", "-m", program], capture_output=True, text=True, check=True).stdout
    head, *lines = said.splitlines()
    rows = [line.split("\t")[1:] for line in lines]

    for data in (program.read_bytes(), without_sections(program.read_bytes())):
        analysis = analyse(data, Wanted())
        assert analysis.language.version == head.rpartition(": go")[2]
        assert [["path", analysis.build.main_path]] == [row for row in rows if row[0] == "path"]
        assert [("mod", analysis.build.module, analysis.build.module_version)] == [
            tuple(row[:3]) for row in rows if row[0] == "mod"
        ]
        assert analysis.build.dependencies == (("example.org/greeting", "v1.2.3"),)
        assert [f"{key}={value}" for key, value in analysis.build.settings] == [
            row[1].replace('"', "") for row in rows if row[0] == "build"
        ]


@pytest.mark.slow
@pytest.mark.peer("go")
@pytest.mark.parametrize("version", ["5", "6", "7"])
def test_the_arm_version_is_the_build_s(version: str) -> None:
    data = build("hello", "go", arch=f"arm/v{version}").read_bytes()

    assert str(analyse(data, Wanted()).platform) == f"linux/arm/v{version}"
