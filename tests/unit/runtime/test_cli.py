"""The root: every error, foreseen or not, is one line and a hint, and an exit code."""

from __future__ import annotations

import pytest

from whit.packer.errors import ExitCode, WhitError
from whit.runtime import cli


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
    with pytest.raises(SystemExit) as ended:
        cli.main(["images"])
    assert ended.value.code == code
    assert capsys.readouterr().err.startswith(said)


def test_whit_s_own_failures_of_run_are_in_docker_s_range(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise WhitError("no")

    monkeypatch.setattr(cli.root, "main", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "x"])
    assert ended.value.code == ExitCode.RUNTIME_FAILURE
    assert capsys.readouterr().err == "whit: no\n"
