"""What an ELF executable is: platform, linkage, interpreter, libraries, build-id, and what is no program."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.programs.build import build
from tests.programs.make_elf import (
    CODE,
    CORE,
    DYN,
    EXECUTE,
    INTERP,
    NOTE,
    READ,
    REL,
    Elf,
    Section,
    Segment,
    dynamic_segment,
    note,
)
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Linkage, Wanted
from whit.packer.support.errors import InvalidFileError, UnsupportedError, WhitError

NOTHING = Wanted()
NEEDED, SONAME, DEBUG, FLAGS_1 = 1, 14, 21, 0x6FFFFFFB
PIE = (FLAGS_1, 0x08000000)
LIBC = (NEEDED, 1)
STRINGS = b"\0libc.so.6\0libm.so.6\0liba.so.1\0"
LOADER = Segment(b"/lib64/ld-linux-x86-64.so.2\0", INTERP)
LOADABLE = Elf(type=DYN)


@pytest.mark.parametrize(
    ("machine", "bits", "order", "architecture"),
    [
        (62, 64, "<", "linux/amd64"),
        (183, 64, "<", "linux/arm64"),
        (243, 64, "<", "linux/riscv64"),
        (21, 64, "<", "linux/ppc64le"),
        (22, 64, ">", "linux/s390x"),
        (3, 32, "<", "linux/386"),
        (258, 64, "<", "linux/loong64"),
    ],
)
def test_the_machine_becomes_an_oci_platform(machine: int, bits: int, order: str, architecture: str) -> None:
    data = Elf(machine=machine, bits=bits, order=order).build()

    assert str(analyse(data, NOTHING).platform) == architecture


@pytest.mark.parametrize(
    ("machine", "bits", "order", "words"),
    [
        (8, 64, "<", "MIPS"),
        (62, 32, "<", "x32"),
        (183, 64, ">", "big-endian"),
        (21, 64, ">", "big-endian 64-bit PowerPC"),
        (0xBEEF, 64, "<", "ELF machine 48879"),
    ],
)
def test_other_machines_are_named_and_refused(machine: int, bits: int, order: str, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words) as caught:
        analyse(Elf(machine=machine, bits=bits, order=order).build(), NOTHING)

    assert "amd64" in (caught.value.hint or "")


def attributes(architecture: int) -> bytes:
    """ARM build attributes: a CPU's name, its architecture, and a tag that comes after it."""
    pairs = b"\x05Cortex-A7\0" + bytes([6, architecture]) + b"\x08\x01"
    file = b"\x01" + (len(pairs) + 5).to_bytes(4, "little") + pairs
    return b"A" + (len(file) + 10).to_bytes(4, "little") + b"aeabi\0" + file


@pytest.mark.parametrize(
    ("content", "flags", "variant"),
    [
        (attributes(10), 0x5000200, "v7"),
        (attributes(6), 0x5000400, "v6"),
        (attributes(4), 0x5000200, "v5"),
        (attributes(14), 0x5000400, "v7"),
        (b"", 0x5000400, "v7"),
        (b"", 0x5000200, "v6"),
        (b"A\xff\xff", 0x5000400, "v7"),
        (b"Axxxxaeabi\0\x01xxxx\x05endless", 0x5000200, "v6"),
    ],
)
def test_the_arm_variant_comes_from_the_attributes_or_else_from_the_float_abi(
    content: bytes, flags: int, variant: str
) -> None:
    sections = (Section(".ARM.attributes", content, 0x70000003),) if content else ()
    data = Elf(machine=40, bits=32, flags=flags, sections=sections).build()

    assert analyse(data, NOTHING).platform.variant == variant


def test_an_executable_without_interpreter_and_libraries_is_static() -> None:
    analysis = analyse(Elf().build(), NOTHING)

    assert analysis.linkage is Linkage.STATIC
    assert (analysis.interpreter, analysis.libraries) == (None, ())


@pytest.mark.parametrize(
    ("elf", "linkage"),
    [
        (dynamic_segment(LOADABLE, STRINGS, PIE), Linkage.STATIC_PIE),
        (dynamic_segment(LOADABLE, STRINGS, (DEBUG, 0)), Linkage.STATIC_PIE),
        (dynamic_segment(LOADABLE, STRINGS), Linkage.STATIC_PIE),
        (LOADABLE, Linkage.STATIC_PIE),
        (dynamic_segment(LOADABLE, STRINGS, PIE, LIBC), Linkage.DYNAMIC),
        (dynamic_segment(LOADABLE.with_segments(LOADER), STRINGS, LIBC), Linkage.DYNAMIC),
        (dynamic_segment(Elf().with_segments(LOADER), STRINGS, LIBC, (NEEDED, 11)), Linkage.DYNAMIC),
        (dynamic_segment(LOADABLE.with_segments(LOADER), STRINGS, PIE, (SONAME, 21)), Linkage.DYNAMIC),
    ],
    ids=["pie", "DT_DEBUG", "unmarked", "bare", "no interpreter", "old pie", "exec", "pie with a soname"],
)
def test_a_position_independent_program_is_told_from_a_library(elf: Elf, linkage: Linkage) -> None:
    assert analyse(elf.build(), NOTHING).linkage is linkage


@pytest.mark.parametrize(
    "elf",
    [
        dynamic_segment(LOADABLE, STRINGS, (SONAME, 21)),
        dynamic_segment(LOADABLE, STRINGS, LIBC),
        dynamic_segment(LOADABLE.with_segments(LOADER), STRINGS, (SONAME, 21)),
        replace(LOADABLE, entry=0),
    ],
    ids=["soname", "needed", "libc itself", "no entry"],
)
def test_a_shared_library_is_refused(elf: Elf) -> None:
    with pytest.raises(UnsupportedError, match="a shared library"):
        analyse(elf.build(), NOTHING)


def test_interpreter_and_libraries_are_given_in_the_file_s_order() -> None:
    elf = dynamic_segment(LOADABLE.with_segments(LOADER), STRINGS, (NEEDED, 11), LIBC, PIE)

    analysis = analyse(elf.build(), NOTHING)

    assert analysis.interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert analysis.libraries == ("libm.so.6", "libc.so.6")


@pytest.mark.parametrize("content", [b"\0", b"x", b"/lib/ld.so", b"/" * 5000 + b"\0"])
def test_an_interpreter_that_the_kernel_refuses_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidFileError, match="interpreter"):
        analyse(Elf().with_segments(Segment(content, INTERP)).build(), NOTHING)


def test_a_library_named_outside_the_string_table_is_refused() -> None:
    with pytest.raises(InvalidFileError, match="outside its string table"):
        analyse(dynamic_segment(LOADABLE, STRINGS, PIE, (NEEDED, 1 << 40)).build(), NOTHING)


def test_the_build_id_is_read_from_the_notes() -> None:
    notes = note("GNU", 1, bytes(16)) + note("GNU", 3, bytes(range(20)))

    analysis = analyse(Elf().with_segments(Segment(notes, NOTE)).build(), NOTHING)

    assert analysis.build.build_id == bytes(range(20)).hex()


@pytest.mark.parametrize(
    ("elf", "words"),
    [
        (Elf(type=REL), r"an object file \(.o\)"),
        (Elf(type=REL, sections=(Section(".modinfo", b"x"),)), "a Linux kernel module"),
        (Elf(type=CORE), "a core dump"),
        (Elf(type=77), "not a valid ELF file: type 77"),
        (Elf(()), "nothing to load"),
        (Elf((Segment(CODE),)), "without code"),
        (Elf((Segment(b"", flags=READ | EXECUTE, memory_size=10),)), "without code"),
        (Elf(entry=0x10), "entry point 0x10 lies in no executable segment"),
        (Elf((Segment(CODE, flags=READ | EXECUTE, memory_size=8),)), "larger in the file than in memory"),
        (Elf((Segment(CODE, flags=READ | EXECUTE, address=0xFFFFFFFF81000000),)), "an operating system kernel"),
        (Elf(abi=9), "an executable for FreeBSD"),
        (Elf().with_segments(Segment(note("OpenBSD", 1, bytes(4)), NOTE)), "an executable for OpenBSD"),
    ],
)
def test_what_is_no_linux_program_is_named(elf: Elf, words: str) -> None:
    with pytest.raises(WhitError, match=words):
        analyse(elf.build(), NOTHING)


def test_a_file_cut_within_a_segment_says_where() -> None:
    whole = Elf().build()

    with pytest.raises(InvalidFileError, match=f"truncated ELF file: .* ends at byte {len(whole)}, the file has"):
        analyse(whole[:-1], NOTHING)


@pytest.mark.peer("gcc")
def test_what_gcc_makes_is_told_apart() -> None:
    linkages = {
        "static": analyse(build("hello", "c-glibc").read_bytes(), NOTHING).linkage,
        "static-pie": analyse(build("hello", "c-glibc", pie=True).read_bytes(), NOTHING).linkage,
        "dynamic": analyse(build("hello", "c-dynamic").read_bytes(), NOTHING).linkage,
    }

    assert linkages == {name: Linkage(name) for name in linkages}
    for language, words in (("c-shared", "a shared library"), ("c-object", "an object file")):
        with pytest.raises(UnsupportedError, match=re.escape(words)):
            analyse(build("library", language).read_bytes(), NOTHING)


@pytest.mark.peer("gcc")
def test_linked_functions_are_known_by_exact_name_until_stripped() -> None:
    wanted = Wanted(functions=frozenset({"main", "puts", "mai", "dlmopen_of_nothing"}))

    whole = analyse(build("hello", "c-glibc").read_bytes(), wanted)
    stripped = analyse(build("hello", "c-glibc", stripped=True).read_bytes(), wanted)

    assert (whole.stripped, whole.functions_known) == (False, True)
    assert whole.functions == {"main", "puts"}
    assert (stripped.stripped, stripped.functions_known) == (True, False)
    assert stripped.functions == frozenset()


def test_strings_are_found_in_loaded_data_only() -> None:
    text = Segment(b"..../etc/ssl/cert.pem....")
    elf = replace(Elf().with_segments(text), sections=(Section(".comment", b"/etc/passwd-and-more"),))
    wanted = Wanted(strings=frozenset({b"/etc/ssl/cert.pem", b"/etc/ssl", b"/etc/passwd-and-more", b"/etc/group"}))

    analysis = analyse(elf.build(), wanted)

    place = elf.offsets[1] + 4
    assert analysis.strings == ((b"/etc/ssl", place), (b"/etc/ssl/cert.pem", place))
    assert analysis.has_string(b"/etc/ssl")
    assert not analysis.has_string(b"/etc/group")
