"""The root: every error, foreseen or not, is one line and a hint, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import ExitCode, WhitError
from whit.runtime import cli, main

if TYPE_CHECKING:
    from tests.conftest import RunWhit


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (WhitError("no\x1b[31m luck", hint="try\nagain", exit_code=7), "whit: no\\x1b[31m luck\nhint: try again\n", 7),
        (FileNotFoundError(2, "No such file", "x"), "whit: x: No such file\n", ExitCode.FAILURE),
        (MemoryError(), "whit: there isn't enough memory for this\nhint: ", ExitCode.FAILURE),
        (KeyboardInterrupt(), "whit: interrupted\n", 130),
        (ZeroDivisionError("by zero"), "whit: this is a bug in whit: ZeroDivisionError: by zero (test_cli.py, line", 1),
        (RecursionError("too deep"), "whit: this is a bug in whit: RecursionError: too deep", 1),
    ],
)
def test_an_error_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, said: str, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli.root, "main", fail)
    assert main.run(["images"]) == code
    assert capsys.readouterr().err.startswith(said)


def test_whit_s_own_failures_of_run_are_in_docker_s_range(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WhitError("no")

    monkeypatch.setattr(main, "_answer", fail)
    assert main.run(["run", "x"]) == ExitCode.RUNTIME_FAILURE
    assert capsys.readouterr().err == "whit: no\n"


@pytest.mark.parametrize("arguments", [("--help",), ("explain", "/nothing", "/x")])
def test_a_full_disk_is_told_in_a_line(arguments: tuple[str, ...]) -> None:
    # given a standard output that takes nothing
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        # when whit runs as a process of its own, whose end flushes what is left
        program = (sys.executable, "-c", "from whit.runtime.main import main; main()", *arguments)
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(full)
    # then there is no traceback
    assert done.returncode == ExitCode.FAILURE
    if arguments == ("--help",):
        assert done.stderr == "whit: can't write to standard output: no space left on device\n"
    assert all(line.startswith(("whit: ", "hint: ")) for line in done.stderr.splitlines())
    assert done.stderr.count("whit: ") == 1


@pytest.mark.parametrize("arguments", [("--version",), ("inspect", sys.executable), ("run", "/bin/sh", "-c", "echo x")])
def test_a_closed_output_is_told_in_a_line(whit: Path, whit_root: Path, arguments: tuple[str, ...]) -> None:
    line = ("sh", "-c", 'exec "$@" >&-', "sh", str(whit), *arguments)
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
    done = subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    if arguments[0] != "run":
        assert done.stderr == "whit: can't write to standard output: it is closed\n"


def test_a_reader_that_has_gone_is_told_nothing(whit: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run((whit, "inspect", sys.executable), stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert done.returncode != 0
    assert done.stderr == b""


@pytest.mark.parametrize("full", [True, False])
def test_an_archive_that_standard_output_doesn_t_take_isn_t_the_store_s_fault(
    whit: Path, whit_root: Path, run_whit: RunWhit, full: bool
) -> None:
    # given an image larger than a pipe holds
    assert run_whit("pack", "/bin/busybox", "-t", "box:1").returncode == 0
    output = os.open("/dev/full", os.O_WRONLY) if full else _without_reader()
    try:
        environment = {**os.environ, "WHIT_ROOT": str(whit_root)}
        done = subprocess.run(
            [whit, "save", "box:1"], env=environment, stdout=output, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(output)
    said = "whit: can't write to standard output: no space left on device\n" if full else ""
    assert (done.stderr, done.returncode) == (said, 1 if full else 141)


def _without_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_copy_whose_words_find_no_room_says_so(
    whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    assert run_whit("pack", "/bin/busybox", "-t", "box:1").returncode == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [whit, "copy", "store:box:1", f"oci:{tmp_path}/copy"], env={**os.environ, "WHIT_ROOT": str(whit_root)},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.stderr, done.returncode) == ("whit: can't write to standard output: no space left on device\n", 1)


@pytest.mark.parametrize(
    "words", [("rm", "nosuch"), ("rmi", "nosuch"), ("inspect", "/nosuch"), ("container", "inspect", "no")]
)
def test_an_error_that_nobody_can_be_told_keeps_its_exit_code(
    whit: Path, whit_root: Path, words: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([whit, *words], env={**os.environ, "WHIT_ROOT": str(whit_root)}, stderr=full, check=False)
    assert done.returncode == ExitCode.FAILURE


def test_removing_by_force_what_isn_t_there_is_told_and_is_no_failure(run_whit: RunWhit) -> None:
    done = run_whit("rm", "-f", "nosuch")
    assert (done.stdout, done.returncode) == ("", 0)
    assert done.stderr.startswith("whit: there is no container nosuch\n")
