"""``whit run x.wasm``: a WebAssembly program has what a process has, in the same box, and starts as fast."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from whit.runtime.wasm.building import find_engine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = pytest.mark.usefixtures("wasm_engine")


@pytest.fixture(scope="session")
def program() -> Path:
    return build("wasi", "wasm-c", flags=("-g",))


@pytest.fixture(scope="session", params=["c", "go"])
def hello(request: pytest.FixtureRequest) -> Path:
    return build("hello", f"wasm-{request.param}", stripped=True)


def test_hello(run_whit: RunWhit, hello: Path) -> None:
    ran = run_whit("run", hello)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "hello" in ran.stdout


def test_its_arguments_are_those_after_the_file_and_its_name_is_its_place_in_the_image(
    run_whit: RunWhit, program: Path
) -> None:
    assert run_whit("run", program, "args", "--timeout", "x y").stdout.split("\n") == [
        "/wasi", "args", "--timeout", "x y", "",
    ]  # fmt: skip


def test_its_environment_is_the_container_s_and_nothing_of_the_caller_s(run_whit: RunWhit, program: Path) -> None:
    ran = run_whit("run", "-e", "A=1", program, "env", environment={"SECRET": "x"})
    names = {line.partition("=")[0] for line in ran.stdout.split()}
    assert "A=1" in ran.stdout.split()
    assert names == {"A", "PATH", "HOSTNAME"}


@pytest.mark.parametrize("code", [0, 1, 7, 125, 134, 255])
def test_its_exit_code_is_whit_s(run_whit: RunWhit, program: Path, code: int) -> None:
    ran = run_whit("run", program, "exit", str(code))
    assert (ran.returncode, ran.stderr) == (code, "")


def test_it_reads_its_standard_input(run_whit: RunWhit, program: Path) -> None:
    text = "line\n" * 50_000
    assert run_whit("run", program, "cat", stdin=text).stdout == text


def test_it_reads_and_writes_volumes_as_they_are_given(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "in").write_text("in\n")
    volume = f"{folder}:/data"
    assert run_whit("run", "-v", f"{volume}:ro", program, "cat", "/data/in").stdout == "in\n"
    assert run_whit("run", "-v", volume, program, "put", "/data/out", "out").returncode == 0
    assert (folder / "out").read_text() == "out"
    refused = run_whit("run", "-v", f"{volume}:ro", program, "put", "/data/more", "more")
    assert refused.returncode == 1
    assert not (folder / "more").exists()


def test_the_image_itself_is_there_to_read_only(run_whit: RunWhit, program: Path) -> None:
    assert run_whit("run", program, "cat", "/etc/hosts").stdout.startswith("127.0.0.1")
    assert run_whit("run", "--user", "0", program, "put", "/etc/hosts", "x").returncode == 1


def test_clocks_go_and_random_numbers_differ(run_whit: RunWhit, program: Path) -> None:
    before = int(time.time())
    seconds, slept = run_whit("run", program, "clock").stdout.split()
    assert before <= int(seconds) <= int(time.time())
    assert slept == "slept"
    numbers = {run_whit("run", program, "random").stdout for _ in range(3)}
    assert len(numbers) == 3
    assert all(len(number) == 33 for number in numbers)


def test_the_second_start_needs_no_python(run_whit: RunWhit, program: Path, tmp_path: Path) -> None:
    """Given a whit whose Python isn't there any more, when the same command is run, then the kept plan answers."""
    first = run_whit("run", program, "args", "x")
    plans = list((tmp_path / "whit-root" / "plans").iterdir())
    assert len(plans) == 1
    before = plans[0].stat().st_ino
    second = run_whit("run", program, "args", "x")
    assert (second.returncode, second.stdout) == (first.returncode, first.stdout)
    assert next((tmp_path / "whit-root" / "plans").iterdir()).stat().st_ino == before


def test_code_that_is_gone_is_compiled_again(run_whit: RunWhit, program: Path, wasm_cache: Path) -> None:
    environment = {"WHIT_CACHE": str(wasm_cache)}
    assert run_whit("run", program, "exit", "3", environment=environment).returncode == 3
    for path in (wasm_cache / "code").iterdir():
        path.unlink()
    assert run_whit("run", program, "exit", "3", environment=environment).returncode == 3


@pytest.mark.parametrize("more", [("--init",), ("--landlock",), ("--init", "--landlock"), ("--network", "host")])
def test_it_runs_under_whatever_confines_a_process(
    run_whit: RunWhit, program: Path, more: tuple[str, ...], landlock: None
) -> None:
    del landlock
    ran = run_whit("run", *more, program, "args", "x")
    assert (ran.returncode, ran.stdout) == (0, "/wasi\nargs\nx\n"), ran.stderr


@pytest.mark.root
def test_users_run_it_too(user: User, program: Path) -> None:
    pip: list[str | Path] = [
        user.program.with_name("pip"),
        "--disable-pip-version-check",
        "install",
        "--quiet",
        "wasmtime==48.0.0",
    ]
    subprocess.run(pip, check=True, timeout=300)
    engine = user.program.with_name("whit-wasm")
    engine.write_bytes(find_engine().read_bytes())
    engine.chmod(0o755)
    copy = user.home / "wasi.wasm"
    copy.write_bytes(program.read_bytes())
    for _ in range(2):
        ran = user.run("run", copy, "args", "x")
        assert (ran.returncode, ran.stdout) == (0, "/wasi.wasm\nargs\nx\n"), ran.stderr
    kept = user.run("run", "-d", "--name", "kept", "--network", "none", copy, "exit", "9")
    assert kept.returncode == 0, kept.stderr
    assert user.run("wait", "kept").stdout == "9\n"
    user.run("rm", "-f", "kept")


def test_timeout_and_fuel_are_for_webassembly(run_whit: RunWhit) -> None:
    ran = run_whit("run", "--fuel", "1", build("exit", "c-glibc"))
    assert ran.returncode == 125
    assert ran.stderr.startswith("whit: --fuel is for WebAssembly")


def test_the_plan_shows_the_engine(run_whit: RunWhit, program: Path) -> None:
    assert "open_engine" in run_whit("plan", "--json", program).stdout
