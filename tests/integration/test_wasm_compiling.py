"""What a file, a disk and others can do to the compiler and to what it has made: each ends with one line, and the next run is right."""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.kept import Engine, until
from tests.programs.build import build
from tests.programs.make_wasm import MODULE, name, number, section, vector

pytestmark = pytest.mark.usefixtures("wasm_engine")

OURS = 125
NOTHING = b"\0\x0b"
"""The body of a function without locals that does nothing."""


def module(*bodies: bytes) -> bytes:
    """A module of functions without parameters, the first one _start."""
    kinds = section(1, vector(b"\x60\0\0"))
    functions = section(3, number(len(bodies)) + bytes(len(bodies)))
    exports = section(7, vector(name("_start") + b"\0\0"))
    return MODULE + kinds + functions + exports + section(10, vector(*(number(len(one)) + one for one in bodies)))


def loops(count: int, variables: int = 2000) -> bytes:
    """A function whose loops keep all of its many variables alive, which takes a compiler long."""
    adding = b"".join(b"\x20" + number(at) + b"\x41\1\x6a\x21" + number(at) for at in range(variables))
    return b"\1" + number(variables) + b"\x7f" + (b"\x03\x40" + adding + b"\x20\0\x0d\0\x0b") * count + b"\x0b"


def written(folder: Path, data: bytes, file: str = "bomb.wasm") -> Path:
    path = folder / file
    path.write_bytes(data)
    return path


@pytest.fixture
def cached(whit: Path, tmp_path: Path, wasm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A whit with a store and a cache of its own."""
    monkeypatch.setenv("WHIT_CACHE", str(wasm_cache))
    return Engine(whit, tmp_path / "root")


def limited(engine: Engine, *words: str) -> Engine:
    """The same, with a limit of prlimit(1)'s."""
    return Engine(engine.program, engine.root, ("prlimit", *words))


def line_of(ran: subprocess.CompletedProcess[str]) -> str:
    """What is said, which is one line and perhaps a hint."""
    first, *others = ran.stderr.splitlines()
    assert (ran.returncode, all(line.startswith("hint: ") for line in others)) == (OURS, True), ran.stderr
    return first


def code_in(cache: Path) -> list[Path]:
    return [path for path in (cache / "code").iterdir() if not path.name.startswith(".")]


def ends(engine: Engine, program: Path, code: int) -> bool:
    return engine.run("run", "--network", "none", program, "exit", str(code)).returncode == code


@pytest.mark.parametrize(
    "data",
    [
        module(*[NOTHING] * 20_000),
        module(b"\0" + b"\x41\1\x41\2\x6a\x1a" * 200_000 + b"\x0b"),
        module(b"\0" + b"\x02\x40" * 50_000 + b"\x0b" * 50_000 + b"\x0b"),
    ],
    ids=["many", "long", "deep"],
)
def test_many_long_and_deep_functions_are_compiled_and_run(cached: Engine, tmp_path: Path, data: bytes) -> None:
    ran = cached.run("run", "--network", "none", written(tmp_path, data))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_function_longer_than_any_is_refused(cached: Engine, tmp_path: Path) -> None:
    huge = written(tmp_path, module(b"\0" + b"\x41\1\x41\2\x6a\x1a" * 1_400_000 + b"\x0b"))
    assert "/bomb.wasm: this can't be compiled: " in line_of(cached.run("run", "--network", "none", huge))


def test_compiling_ends_at_its_time(cached: Engine, tmp_path: Path, wasm_cache: Path) -> None:
    """Given a file that takes a compiler minutes, when its time is over, then that is told, and nothing of it is left."""
    ran = limited(cached, "--cpu=3").run("run", "--network", "none", written(tmp_path, module(loops(300))))
    assert line_of(ran) == "whit: /bomb.wasm: compiling it takes more CPU time than whit gives it (6 GiB, 3 s)"
    assert code_in(wasm_cache) == []


def test_compiling_ends_at_its_memory(cached: Engine, tmp_path: Path, wasm_cache: Path) -> None:
    bomb = written(tmp_path, module(*[NOTHING] * 90_000))
    ran = limited(cached, "--as=400000000").run("run", "--network", "none", bomb)
    assert line_of(ran) == "whit: /bomb.wasm: compiling it takes more memory than whit gives it (381 MiB, 600 s)"
    assert code_in(wasm_cache) == []


def test_a_person_gives_it_less_or_more_by_variables(
    cached: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given little CPU time by a variable, when that is over, then the hint names the variable; with more it runs."""
    bomb = written(tmp_path, module(loops(300)))
    monkeypatch.setenv("WHIT_WASM_SECONDS", "2")
    ran = cached.run("run", "--network", "none", bomb)
    assert "than whit gives it (6 GiB, 2 s)" in line_of(ran)
    assert "WHIT_WASM_SECONDS=4 in the environment gives it more" in ran.stderr
    monkeypatch.setenv("WHIT_WASM_MEMORY", "400m")
    monkeypatch.setenv("WHIT_WASM_SECONDS", "600")
    large = written(tmp_path, module(*[NOTHING] * 90_000), "large.wasm")
    assert "than whit gives it (400 MiB, 600 s)" in line_of(cached.run("run", "--network", "none", large))
    monkeypatch.delenv("WHIT_WASM_MEMORY")
    assert cached.run("run", "--network", "none", large).returncode == 0


def test_a_terminal_is_told_that_it_is_compiling_and_for_how_long_it_may(
    cached: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHIT_WASM_SECONDS", "30")
    words = [cached.program, "run", "--network", "none", written(tmp_path, module(loops(300)))]
    terminal = AtTerminal(words, cached.environment)
    try:
        terminal.wait_for("compiling /bomb.wasm … ")
        terminal.wait_for(" s of 30 s of CPU time")
        terminal.type("\x03")
        assert terminal.end() == 130
    finally:
        terminal.close()


def test_the_compiler_ends_with_whoever_started_it(cached: Engine, tmp_path: Path) -> None:
    """Given a compiler at work, when whit is killed, then it doesn't go on."""
    words: list[str | Path] = [cached.program, "run", "--network", "none", written(tmp_path, module(loops(300)))]
    with subprocess.Popen(words, env=cached.environment, stderr=subprocess.DEVNULL) as whit:
        children = Path(f"/proc/{whit.pid}/task/{whit.pid}/children")
        until(lambda: "wasm.compiling" in _command(children), "the compiler")
        compiler = children.read_text().split()[0]
        whit.kill()
    until(lambda: not Path(f"/proc/{compiler}").exists(), "the compiler's end")


def _command(children: Path) -> str:
    return "".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in children.read_text().split())


@pytest.mark.root
def test_a_full_disk_is_told_and_leaves_nothing(cached: Engine, wasm_cache: Path) -> None:
    """Given a cache on a disk of 64 kB, when a program's code doesn't fit, then that is told; with space it runs."""
    program = build("wasi", "wasm-c", flags=("-g",))
    script = f'mkdir {wasm_cache}/code && mount -t tmpfs -o size=64k,mode=700 none {wasm_cache}/code && "$@"; code=$?; ls {wasm_cache}/code; exit $code'
    full = Engine(cached.program, cached.root, ("unshare", "-m", "sh", "-c", script, "sh"))
    ran = full.run("run", "--network", "none", program, "exit", "3")
    assert line_of(ran) == "whit: the code of /wasi can't be kept: No space left on device"
    assert ran.stdout == ""
    assert ends(cached, program, 3)


def test_code_that_was_cut_short_or_is_no_code_is_compiled_again(cached: Engine, wasm_cache: Path) -> None:
    program = build("wasi", "wasm-c", flags=("-g",))
    assert ends(cached, program, 3)
    for spoil in (b"", b"\x7fELF", os.urandom(5000)):
        (code,) = code_in(wasm_cache)
        code.write_bytes(spoil)
        assert ends(cached, program, 4)


def test_code_of_another_engine_is_told_in_a_line(cached: Engine, wasm_cache: Path) -> None:
    """Given code under the right names that another engine made, when it is run, then the engine refuses it; removed, it is made anew."""
    from wasmtime import Engine as Compiler  # noqa: PLC0415 - where it isn't, neither are these tests
    from wasmtime import Module  # noqa: PLC0415

    program = build("wasi", "wasm-c", flags=("-g",))
    assert ends(cached, program, 3)
    (code,) = code_in(wasm_cache)
    foreign = bytes(Module(Compiler(), program.read_bytes()).serialize())
    code.unlink()
    other = code.with_name(f"{code.name.partition('.')[0]}.{sha256(foreign).hexdigest()}")
    other.write_bytes(foreign)
    other.chmod(0o600)
    assert "can't run it: " in line_of(cached.run("run", "--network", "none", program, "exit", "3"))
    other.unlink()
    assert ends(cached, program, 3)


@pytest.mark.root
def test_a_cache_that_is_somebody_else_s_or_leads_elsewhere_is_refused(
    cached: Engine, wasm_cache: Path, tmp_path: Path
) -> None:
    program = build("wasi", "wasm-c", flags=("-g",))
    code = wasm_cache / "code"
    code.mkdir(mode=0o700)
    os.chown(code, 54321, 54321)
    assert "belongs to another user" in line_of(cached.run("run", "--network", "none", program))
    code.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    code.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in line_of(cached.run("run", "--network", "none", program))
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.root
def test_code_that_is_a_link_or_somebody_else_s_is_compiled_again(
    cached: Engine, wasm_cache: Path, tmp_path: Path
) -> None:
    """Given code in the place of a link, or of another user, when the program runs, then it is by code that was made anew."""
    program = build("wasi", "wasm-c", flags=("-g",))
    assert ends(cached, program, 3)
    (code,) = code_in(wasm_cache)
    shutil.move(code, tmp_path / "moved")
    code.symlink_to(tmp_path / "moved")
    assert ends(cached, program, 4)
    (code,) = code_in(wasm_cache)
    assert not code.is_symlink()
    os.chown(code, 54321, 54321)
    assert ends(cached, program, 5)
    (code,) = code_in(wasm_cache)
    assert code.stat().st_uid == os.geteuid()


def test_many_at_once_compile_one_program_once_and_run_it(cached: Engine, wasm_cache: Path) -> None:
    """Given a program that wasn't compiled, when eight run it at once, then all have their own end, and one code is kept."""
    program = build("wasi", "wasm-c", flags=("-g",))
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda code: ends(cached, program, code), range(10, 34)))
    assert all(done)
    assert len(code_in(wasm_cache)) == 1
