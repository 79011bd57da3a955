"""Hardening: each property both ways on real programs, with readelf and the kernel as judges."""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.programs import make_elf
from tests.programs.build import build
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Hardening, Linkage, Relro, Wanted
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from pathlib import Path

GNU_STACK = 0x6474E551


def hardening_of(data: bytes) -> Hardening:
    found = analyse(data, Wanted()).hardening
    assert found is not None
    return found


def built(name: str, language: str, *flags: str, **options: Any) -> Hardening:
    return hardening_of(build(name, language, flags=flags, **options).read_bytes())


def readelf(path: Path, *options: str) -> str:
    return subprocess.run(["readelf", "-W", *options, path], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("flags", "relro"),
    [
        (("-Wl,-z,norelro",), Relro.NONE),
        (("-Wl,-z,relro,-z,lazy",), Relro.PARTIAL),
        (("-Wl,-z,relro,-z,now",), Relro.FULL),
    ],
)
@pytest.mark.parametrize("language", ["c-dynamic", "c-glibc"])
def test_relro(language: str, flags: tuple[str, ...], relro: Relro) -> None:
    program = build("buffer", language, flags=flags)
    assert hardening_of(program.read_bytes()).relro is relro
    assert ("GNU_RELRO" in readelf(program, "-l")) is (relro is not Relro.NONE)
    if language == "c-dynamic":
        assert bool(re.search(r"BIND_NOW|Flags:.*NOW", readelf(program, "-d"))) is (relro is Relro.FULL)


def test_relro_of_a_static_pie() -> None:
    assert built("buffer", "c-glibc", "-Wl,-z,now", pie=True).relro is Relro.FULL
    assert built("buffer", "c-glibc", "-Wl,-z,norelro", pie=True).relro is Relro.NONE


@pytest.mark.parametrize(("flags", "executable"), [(("-Wl,-z,execstack",), True), (("-Wl,-z,noexecstack",), False)])
def test_the_stack_is_what_the_kernel_makes_it(flags: tuple[str, ...], executable: bool) -> None:
    program = build("stack", "c-musl", flags=flags)
    rights = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()
    found = hardening_of(program.read_bytes())
    assert found.executable_stack is ("x" in rights) is executable
    assert found.stack_marked


def test_without_a_mark_the_kernel_of_x86_64_makes_no_stack_executable(tmp_path: Path) -> None:
    data = without_stack_mark(build("stack", "c-musl", flags=("-Wl,-z,execstack",)).read_bytes())
    program = tmp_path / "unmarked"
    program.write_bytes(data)
    program.chmod(0o755)
    rights = subprocess.run([program], capture_output=True, text=True, check=True).stdout.strip()
    found = hardening_of(data)
    assert not found.stack_marked
    assert found.executable_stack is ("x" in rights) is False


def without_stack_mark(data: bytes) -> bytes:
    changed = bytearray(data)
    (offset,), (count,) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<H", data, 56)
    for at in range(offset, offset + 56 * count, 56):
        if struct.unpack_from("<I", data, at)[0] == GNU_STACK:
            struct.pack_into("<I", changed, at, 0)
    return bytes(changed)


@pytest.mark.parametrize(
    ("machine", "bits", "order", "executable"),
    [
        (3, 32, "<", True),
        (40, 32, "<", True),
        (258, 64, "<", True),
        (62, 64, "<", False),
        (183, 64, "<", False),
        (243, 64, "<", False),
        (21, 64, "<", False),
        (22, 64, ">", False),
    ],
)
def test_what_an_unmarked_stack_is_depends_on_the_machine(
    machine: int, bits: int, order: str, executable: bool
) -> None:
    unmarked = make_elf.Elf(machine=machine, bits=bits, order=order)
    assert hardening_of(unmarked.build()).executable_stack is executable
    marked = unmarked.with_segments(make_elf.Segment(b"", GNU_STACK, make_elf.READ | make_elf.WRITE))
    assert not hardening_of(marked.build()).executable_stack


def test_position_independence() -> None:
    assert built("hello", "c-dynamic", "-pie", "-fPIE").pie
    assert not built("hello", "c-dynamic", "-no-pie").pie
    assert built("hello", "c-glibc", pie=True).pie
    assert not built("hello", "c-glibc").pie


@pytest.mark.parametrize(("flag", "protected"), [("-fstack-protector-all", True), ("-fno-stack-protector", False)])
def test_stack_protector(flag: str, protected: bool) -> None:
    assert built("buffer", "c-dynamic", flag).stack_protector is protected


def test_a_stripped_dynamic_program_still_imports_the_protector() -> None:
    assert built("buffer", "c-dynamic", "-fstack-protector-all", stripped=True).stack_protector is True


def test_nothing_is_said_of_what_cannot_be_told() -> None:
    assert built("buffer", "c-glibc", "-fstack-protector-all").stack_protector is None
    assert built("buffer", "c-glibc", "-fno-stack-protector").stack_protector is None
    assert built("buffer", "c-musl", "-fstack-protector-all").stack_protector is None
    assert built("buffer", "c-musl", "-fno-stack-protector", stripped=True).stack_protector is None
    assert built("hello", "go").stack_protector is None
    assert built("hello", "rust").fortify is None


def test_fortify() -> None:
    assert built("buffer", "c-dynamic", "-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2").fortify is True
    assert built("buffer", "c-dynamic", "-O2", "-U_FORTIFY_SOURCE").fortify is False
    assert built("exit", "c-dynamic", "-O2", "-U_FORTIFY_SOURCE").fortify is None
    assert built("buffer", "c-musl", "-O2", "-U_FORTIFY_SOURCE").fortify is None


@pytest.mark.peer("clang")
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("-fstack-protector-all",), {"stack_protector": True}),
        (("-fno-stack-protector",), {"stack_protector": False}),
        (("-O2", "-D_FORTIFY_SOURCE=2"), {"fortify": True}),
        (("-O2", "-U_FORTIFY_SOURCE"), {"fortify": False}),
        (("-Wl,-z,relro,-z,now", "-pie"), {"relro": Relro.FULL, "pie": True}),
        (("-Wl,-z,norelro", "-no-pie"), {"relro": Relro.NONE, "pie": False}),
        (("-Wl,-z,execstack",), {"executable_stack": True}),
        (("-g",), {"executable_stack": False}),
    ],
)
def test_what_clang_writes(flags: tuple[str, ...], expected: dict[str, object]) -> None:
    found = built("buffer", "c-clang", *flags)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_runpath(tags: str) -> None:
    found = built("hello", "c-dynamic", f"-Wl,{tags},-rpath,/opt/a:$ORIGIN/../lib")
    assert found.runpath == ("/opt/a", "$ORIGIN/../lib")
    assert built("hello", "c-dynamic").runpath == ()


@pytest.mark.parametrize("compressed", ["-gz=none", "-gz=zlib"])
def test_debug_bytes_are_the_sizes_of_its_sections(compressed: str) -> None:
    program = build("hello", "c-dynamic", flags=("-g", compressed))
    sizes = re.findall(r"\] \.z?debug\S*\s+\S+\s+\S+\s+\S+\s+(\S+)", readelf(program, "-S"))
    found = hardening_of(program.read_bytes())
    assert found.debug_bytes == sum(int(size, 16) for size in sizes) > 0


def test_symbols_are_counted_apart() -> None:
    assert built("hello", "c-dynamic").symbol_bytes > 0
    assert built("hello", "c-dynamic", stripped=True).symbol_bytes == 0
    assert built("hello", "c-dynamic", stripped=True).debug_bytes == 0


def test_text_relocations() -> None:
    plain = make_elf.Elf(type=make_elf.DYN)
    marked = make_elf.dynamic_segment(plain, b"\0", (21, 0), (22, 0))
    by_flag = make_elf.dynamic_segment(plain, b"\0", (21, 0), (30, 4))
    without = make_elf.dynamic_segment(plain, b"\0", (21, 0))
    assert [hardening_of(elf.build()).text_relocations for elf in (marked, by_flag, without)] == [True, True, False]


def test_code_that_can_be_written() -> None:
    code = make_elf.Segment(make_elf.CODE, flags=make_elf.READ | make_elf.WRITE | make_elf.EXECUTE)
    assert hardening_of(make_elf.Elf(segments=(code,)).build()).writable_code
    assert not built("hello", "c-glibc").writable_code


def test_go() -> None:
    found = built("hello", "go", stripped=True)
    assert found == Hardening(Relro.NONE, False, False, None, None)
    assert hardening_of(build("hello", "go").read_bytes()).debug_bytes > 100_000


def test_webassembly_has_no_such_thing() -> None:
    assert analyse(build("hello", "wasm-wat").read_bytes(), Wanted()).hardening is None


HELLO = build("hello", "c-dynamic", flags=("-g", "-Wl,-rpath,/opt/a")).read_bytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, len(HELLO) - 1), st.integers(0, 255)), max_size=12), st.integers(0, 8))
def test_damaged_headers_are_survived(changes: list[tuple[int, int]], near: int) -> None:
    data = bytearray(HELLO)
    for at, value in changes:
        data[at % (1024 << near) % len(data)] = value
    try:
        found = analyse(bytes(data), Wanted())
    except WhitError:
        return
    assert found.hardening is not None
    assert 0 <= found.hardening.debug_bytes <= len(data)
    assert found.linkage in Linkage
