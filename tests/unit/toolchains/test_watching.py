"""How a build is told of where nobody watches a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.toolchains.commands.watching import Telling

if TYPE_CHECKING:
    import pytest


def test_one_that_takes_long_is_told_of_less_and_less_often_and_how_it_is_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telling = Telling()
    for seconds in range(0, 300, 10):
        telling.doing("svc", seconds)
    first, hint, *others = capsys.readouterr().err.splitlines()
    assert first == "whit: building svc: 60 s by now"
    assert hint.startswith("hint: a build has no limit of its own: Ctrl-C ends it")
    assert others == ["whit: building svc: 120 s by now", "whit: building svc: 240 s by now"]


def test_each_step_begins_anew_and_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    telling = Telling()
    telling.doing("one", 59)
    telling.done()
    telling.doing("two", 30)
    Telling(is_quiet=True).doing("svc", 1000)
    assert capsys.readouterr().err == ""
