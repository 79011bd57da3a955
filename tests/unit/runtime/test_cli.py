"""The root: every error, foreseen or not, is one line and a hint, and an exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from whit.packer.errors import ExitCode, WhitError
from whit.runtime import cli, main

if TYPE_CHECKING:
    from pathlib import Path


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

    monkeypatch.setattr(cli.root, "main", fail)
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
