"""The engine: how it comes to be built, what becomes of that, and how it is confined while a program runs."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.kept import Engine, until
from tests.peers import PROJECT
from tests.programs.build import build

CARGO = """#!/bin/sh
echo started >>"$WHIT_CACHE/calls"
{body}
"""
BUILDS = """
mkdir -p "$CARGO_TARGET_DIR/$6/release"
printf '#!/bin/sh\\necho built\\n' >"$CARGO_TARGET_DIR/$6/release/whit-wasm"
"""
"""What a cargo does that is quick about it: its arguments are build --release --locked --target TRIPLE."""


PYTHON = PROJECT / ".venv" / "bin" / "python"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """What commands have around them: a cache of their own, and no cargo."""
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    return {**os.environ, "WHIT_CACHE": str(cache), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}


def building(environment: dict[str, str], place: Path) -> subprocess.CompletedProcess[str]:
    """Build the engine, whatever is beside whit."""
    return subprocess.run(
        [PYTHON, "-m", "whit.runtime.wasm.building", place],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def cargo(tmp_path: Path, environment: dict[str, str], body: str) -> dict[str, str]:
    """The same with a cargo that does that."""
    folder = tmp_path / "cargo"
    folder.mkdir()
    program = folder / "cargo"
    program.write_text(CARGO.replace("{body}", body.replace("$6", "$(for last; do :; done; echo $last)")))
    program.chmod(0o755)
    return {**environment, "PATH": f"{folder}:/usr/bin:/bin"}


def test_cargo_ends_with_whoever_started_it(alone: dict[str, str], tmp_path: Path) -> None:
    """Given an engine that is being built, when whit is killed, then cargo doesn't go on and hold its lock."""
    environment = cargo(
        tmp_path, alone, 'echo $$ >"$WHIT_CACHE/pid.new"; mv "$WHIT_CACHE/pid.new" "$WHIT_CACHE/pid"; exec sleep 300'
    )
    command = [str(PYTHON), "-m", "whit.runtime.wasm.building", str(tmp_path / "out")]
    place = tmp_path / "cache" / "pid"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        until(place.is_file)
        process.kill()
    pid = place.read_text().strip()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_without_cargo_it_says_so_and_how_to_get_it(alone: dict[str, str], tmp_path: Path) -> None:
    done = building(alone, tmp_path / "out")
    assert done.returncode == 1
    said, hint = done.stderr.splitlines()
    assert said == "whit: running WebAssembly takes an engine that is built once by cargo, and there is no cargo"
    assert "Rust 1.95" in hint


def test_it_is_built_once_and_kept_for_its_owner_alone(alone: dict[str, str], tmp_path: Path) -> None:
    environment = cargo(tmp_path, alone, BUILDS)
    for _ in range(2):
        done = building(environment, tmp_path / "out")
        assert done.returncode == 0, done.stderr
    cache = Path(environment["WHIT_CACHE"])
    assert (cache / "calls").read_text() == "started\n"
    (engine,) = (cache / "engine").glob("*/whit-wasm")
    assert (engine.stat().st_mode & 0o777, engine.parent.stat().st_mode & 0o777) == (0o555, 0o700)
    assert not (cache / "engine" / "building").exists()


def test_two_at_once_build_one(alone: dict[str, str], tmp_path: Path) -> None:
    environment = cargo(tmp_path, alone, f"sleep 1{BUILDS}")
    words: list[str | Path] = [PYTHON, "-m", "whit.runtime.wasm.building", str(tmp_path / "out")]
    both = [subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(60) for one in both] == [0, 0]
    assert (Path(environment["WHIT_CACHE"]) / "calls").read_text() == "started\n"


def test_one_that_is_killed_in_the_middle_leaves_nothing_broken(alone: dict[str, str], tmp_path: Path) -> None:
    environment = cargo(
        tmp_path,
        alone,
        f'[ -e "$WHIT_CACHE/again" ] || {{ touch "$WHIT_CACHE/again"; kill -9 $PPID; exit 1; }}{BUILDS}',
    )
    assert building(environment, tmp_path / "out").returncode == -9
    assert not list((Path(environment["WHIT_CACHE"]) / "engine").glob("*/whit-wasm"))
    assert building(environment, tmp_path / "out").returncode == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("error: failed to download from `https://index.crates.io/`", "its crates can't be fetched from crates.io"),
        ("error: rustc 1.63.0 is not supported by the following packages:", "can't be built: error: rustc 1.63.0 is not supported"),
    ],
    ids=["offline", "old"],
)  # fmt: skip
def test_what_cargo_says_is_told_in_a_line(alone: dict[str, str], tmp_path: Path, said: str, told: str) -> None:
    environment = cargo(tmp_path, alone, f"echo 'warning: x' >&2; echo '{said}' >&2; exit 101")
    done = building(environment, tmp_path / "out")
    assert done.returncode == 125
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("hint: ", "whit: building"))]
    assert len(lines) == 1
    assert told in lines[0]


@pytest.fixture
def sleeping(engine: Engine, wasm_engine: None) -> int:
    """The process of a WebAssembly program that waits, as root of its container."""
    del wasm_engine
    engine(
        "run",
        "-d",
        "--name",
        "box",
        "--network",
        "none",
        "--user",
        "0",
        build("wasi", "wasm-c", flags=("-g",)),
        "sleep",
    )
    pid = int(engine.state("box")["Pid"])
    until(lambda: Path(f"/proc/{pid}/exe").readlink().name == "whit-wasm", "the engine")
    until(lambda: "Seccomp_filters:\t2" in Path(f"/proc/{pid}/status").read_text(), "its second filter")
    return pid


@pytest.mark.root
def test_while_a_program_runs_its_engine_has_a_second_filter_one_thread_and_its_code_to_read(sleeping: int) -> None:
    assert len(list(Path(f"/proc/{sleeping}/task").iterdir())) == 1
    status = Path(f"/proc/{sleeping}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    host = {str(link.readlink()) for link in Path(f"/proc/{sleeping}/fd").iterdir()}
    assert not any(path.endswith(("whit-wasm", ".wasm")) for path in host)
    flags = Path(f"/proc/{sleeping}/fdinfo/3").read_text().split()[3]
    assert int(flags, 8) & os.O_ACCMODE == os.O_RDONLY
    maps = [line.split()[1] for line in Path(f"/proc/{sleeping}/maps").read_text().splitlines()]
    assert not any("w" in mode and "x" in mode for mode in maps)


@pytest.mark.root
def test_the_engine_s_file_is_read_only_to_whoever_reaches_it_through_the_process(sleeping: int) -> None:
    """Given the way that CVE-2019-5736 took, when the file's owner goes it, then the mount forbids that."""
    for change in (lambda path: path.chmod(0o777), lambda path: os.truncate(path, 0)):
        with pytest.raises(OSError, match=r".") as failed:
            change(Path(f"/proc/{sleeping}/exe"))
        assert failed.value.errno in {errno.EROFS, errno.ETXTBSY}


def test_without_a_compiler_it_says_so(tmp_path: Path) -> None:
    """Given a Python without wasmtime, when WebAssembly is run, then it is told what to install."""
    script = (
        "import sys, importlib.metadata as m\n"
        "from whit.runtime.wasm import compile\n"
        "def version(name): raise m.PackageNotFoundError\n"
        "m.version = version\n"
        "from whit.packer.support.errors import UnsupportedError\n"
        "try: compile.compiler_version()\n"
        "except UnsupportedError as error: print(error.message, '|', error.hint)\n"
    )
    done = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("WebAssembly is compiled by PyPI's wasmtime 48.0, and it isn't here | pip install")
