"""Constants in calls of Go's functions: what a program can be seen to run, open, ask for and listen on."""

from __future__ import annotations

import os
import struct
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.peers import find_peer
from tests.programs.build import build
from tests.programs.make_elf import EXECUTE, READ, Elf, Segment, without_sections
from tests.unit.packer.analyses import go
from whit.packer.elf import goconstants, gopclntab
from whit.packer.elf.file import parse
from whit.packer.executable.analyse import analyse
from whit.packer.executable.analysis import Analysis, Argument
from whit.packer.needs import DETAILS, WANTED, judge_all
from whit.packer.needs.model import Grade
from whit.packer.needs.observed import Observed, observe

if TYPE_CHECKING:
    from pathlib import Path

SEEN = Observed(
    listens=("127.0.0.1:9000", ":8080"),
    health=("/healthz", "/readyz"),
    reads=("/etc/app/config.yaml", "/etc/app/more.yaml"),
    writes=("/var/log/app.log", "/var/cache/app", "/var/lib/app/new", "/var/lib/app/db"),
    variables=("APP_EDITOR", "APP_MODE"),
)


def calls(**options: Any) -> Analysis:
    return analyse(build("calls", "go", **options).read_bytes(), DETAILS)


@pytest.mark.peer("go")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"stripped": True},
        pytest.param({"stripped": True, "pie": True}, marks=pytest.mark.slow),
        pytest.param({"arch": "arm64"}, marks=pytest.mark.slow),
        pytest.param({"stripped": True, "arch": "arm64"}, marks=pytest.mark.slow),
    ],
    ids=["symbols", "stripped", "pie", "arm64", "stripped arm64"],
)
def test_constants_are_read_out_of_calls(options: dict[str, Any]) -> None:
    analysis = calls(**options)
    [runs] = [need for need in judge_all(analysis) if need.name == "exec"]
    [zones] = [need for need in judge_all(analysis) if need.name == "zones"]

    assert observe(analysis) == SEEN
    assert runs.reason == "runs other programs: git, kubectl, /usr/bin/env"
    assert {need.grade for need in (runs, zones)} == {Grade.CALLED}
    assert zones.evidence[0].detail == 'time.LoadLocation("Europe/Berlin") in main.main'


@pytest.mark.peer("go")
def test_constants_are_read_without_section_headers_too() -> None:
    data = build("calls", "go", stripped=True).read_bytes()

    assert observe(analyse(without_sections(data), DETAILS)) == SEEN


@pytest.mark.peer("go")
def test_verdicts_are_the_same_without_constants_which_cost_time() -> None:
    data = build("calls", "go", stripped=True).read_bytes()
    quick, slow = analyse(data, WANTED), analyse(data, DETAILS)

    assert quick.arguments == ()
    assert [need.verdict for need in judge_all(quick)] == [need.verdict for need in judge_all(slow)]
    assert quick.functions == slow.functions


@pytest.mark.peer("go")
def test_a_table_in_which_every_function_has_the_same_name_tells_nothing_of_calls() -> None:
    data = bytearray(build("calls", "go", stripped=True).read_bytes())
    table = gopclntab.find(parse(bytes(data)))
    assert table
    count, *_, functions = struct.unpack_from("<8Q", data, table.offset + 8)
    first = table.offset + functions
    name = data.find(b"\0os.Getenv\0", *table.names) + 1 - table.names[0]
    for number in range(count):
        record = first + struct.unpack_from("<I", data, first + 8 * number + 4)[0]
        struct.pack_into("<i", data, record + 4, name)

    assert analyse(bytes(data), DETAILS).arguments == ()


def strings(machine: int, code: bytes, text: bytes, *, on_stack: bool = False) -> tuple[str, ...]:
    """What is handed to the call after ``code``, whose {0} … are places of the text, relative to the next instruction."""
    elf = Elf((Segment(code + bytes(16), flags=READ | EXECUTE), Segment(text)), machine=machine)
    parsed = parse(elf.build())
    read = goconstants.reader(parsed, on_stack=on_stack)
    assert read is not None
    return tuple(constant.text for constant in read(elf.offsets[0] + len(code)))


def lea(register: bytes, elf_distance: int) -> bytes:
    return b"\x48\x8d" + register + struct.pack("<i", elf_distance)


def test_arguments_on_the_stack_as_before_go_1_17() -> None:
    store, length = b"\x48\x89\x04\x24", b"\x48\xc7\x44\x24\x08\x03\0\0\0"
    code = lea(b"\x05", len(store + length) + 16 + _padding(7 + len(store + length) + 16)) + store + length

    assert strings(62, code, b"git", on_stack=True) == ("git",)
    assert strings(62, code, b"git", on_stack=False) == ()


def _padding(size: int) -> int:
    return -size % 16


def test_what_an_earlier_call_left_in_registers_is_no_argument() -> None:
    number, call = b"\xbb\x03\0\0\0", b"\xe8\0\0\0\0"
    code = lea(b"\x05", len(number + call) + 16 + _padding(7 + len(number + call) + 16)) + number + call

    assert strings(62, code, b"git") == ()
    assert strings(62, code[:-5] + b"\x90" * 5, b"git") == ("git",)


@pytest.mark.parametrize("capacity", [1, 2])
@pytest.mark.parametrize(
    ("slot", "next_slot"), [(b"\x44\x24\x30", b"\x44\x24\x38"), (b"\x84\x24\x30\1\0\0", b"\x84\x24\x38\1\0\0")]
)
def test_a_slice_that_was_made_for_the_call_holds_strings(slot: bytes, next_slot: bytes, capacity: int) -> None:
    # given: mov [rsp + slot], rax; mov [rsp + slot + 8], 5; lea rbx, [rsp + slot]; mov ecx, 1; mov edi, capacity
    into = bytes((slot[0] + 0x18,)) + slot[1:]
    text = b"\x48\x89" + slot + b"\x48\xc7" + next_slot + b"\5\0\0\0" + b"\x48\x8d" + into
    slices = text + b"\xb9\1\0\0\0" + b"\xbf" + struct.pack("<I", capacity)
    code = lea(b"\x05", len(slices) + 16 + _padding(7 + len(slices) + 16)) + slices

    # then it is one of a constant, if it is as long as it can get
    assert strings(62, code, b":9090") == ((":9090",) if capacity == 1 else ())


GIN = """package gin

import "net/http"

type Engine struct{ handler http.Handler }

func New() *Engine { return &Engine{http.NewServeMux()} }

func (e *Engine) Run(addr ...string) (err error) {
	defer func() { println(err) }()
	return http.ListenAndServe(addr[0], e.handler)
}
"""


@pytest.mark.peer("go")
@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_gin_s_address_stands_in_a_slice(tmp_path: Path, arch: str) -> None:
    # Given a program of gin's form
    (tmp_path / "gin").mkdir()
    (tmp_path / "gin" / "go.mod").write_text("module github.com/gin-gonic/gin\n\ngo 1.21\n")
    (tmp_path / "gin" / "gin.go").write_text(GIN)
    (tmp_path / "go.mod").write_text(
        "module example.org/x\n\ngo 1.21\n\nrequire github.com/gin-gonic/gin v1.0.0\n\n"
        "replace github.com/gin-gonic/gin => ./gin\n"
    )
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "github.com/gin-gonic/gin"\n\nfunc main() { gin.New().Run(":9090") }\n'
    )
    environment = {"CGO_ENABLED": "0", "GOARCH": arch, "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    line = (str(find_peer("go")), "build", "-trimpath", "-o", "x", ".")
    subprocess.run(line, cwd=tmp_path, env={**os.environ, **environment}, check=True)

    assert observe(analyse((tmp_path / "x").read_bytes(), DETAILS)).listens == (":9090",)


@pytest.mark.parametrize("text", [b"\xff\xfe\xfd", b"a\nb", b"a\0b"])
def test_bytes_that_aren_t_text_are_no_string(text: bytes) -> None:
    number = b"\xbb\x03\0\0\0"
    code = lea(b"\x05", len(number) + 16 + _padding(7 + len(number) + 16)) + number

    assert strings(62, code, text) == ()


@pytest.mark.parametrize(
    ("word", "number"),
    [(0xB24007E1, 3), (0xB27F07E1, 6), (0xB24003E1, 1), (0xB2400FE1, 15), (0xB27F0BE1, 14), (0xB27C03E1, 16)],
)
def test_arm64_s_numbers_that_are_bitmasks(word: int, number: int) -> None:
    setup = goconstants._arm64_setup(parse(Elf().build()), struct.pack("<I", word), 0)

    assert setup.numbers == {1: number}


def seen(*arguments: Argument) -> Observed:
    return observe(go(arguments=arguments))


def test_only_flags_that_say_where_to_listen_are_addresses() -> None:
    def flag(offset: int, *words: str) -> tuple[Argument, ...]:
        return tuple(Argument("flag.(*FlagSet).String", word, offset, "main.main") for word in words)

    arguments = (
        *flag(1, "listen-address", ":9090", "help"),
        *flag(2, "label", ":1", "help"),
        *flag(3, "addr", "", "help"),
    )

    assert seen(*arguments).listens == (":9090",)


def test_port_0_and_names_of_networks_are_no_addresses() -> None:
    assert seen(*(Argument("net.Listen", word, 1, "", 2) for word in ("tcp", "localhost:0", "[::1]:53"))).listens == (
        "[::1]:53",
    )


def test_what_libraries_ask_for_is_left_out() -> None:
    own, other = (
        Argument("os.Getenv", "MINE", 1, "main.run"),
        Argument("os.Getenv", "AWS_REGION", 2, "github.com/a/b.c"),
    )

    assert seen(own, other).variables == ("MINE",)
