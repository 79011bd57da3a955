"""The same done to several containers: told in the order of the names, whatever fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import NotFoundError
from whit.runtime.verbs.several import AT_ONCE, each, each_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _do(name: str) -> object:
    if name == "gone":
        raise NotFoundError("there is no container gone")
    return name.upper() if name == "answers" else None


@pytest.mark.parametrize("doing", [each, each_at_once])
@pytest.mark.parametrize(
    ("names", "said", "complained", "code"),
    [
        (("web",), "web\n", "", 0),
        (("web", "db", "web"), "web\ndb\nweb\n", "", 0),
        (("web", "gone", "answers"), "web\nANSWERS\n", "whit: there is no container gone\n", 1),
    ],
)
def test_each_is_told_in_order(
    capsys: pytest.CaptureFixture[str],
    doing: Callable[[Sequence[str], Callable[[str], object]], int],
    names: tuple[str, ...],
    said: str,
    complained: str,
    code: int,
) -> None:
    assert doing(names, _do) == code

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (said, complained)


def test_all_are_waited_for_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    # Given as many as are worked on at once, none of which ends before all of them have begun
    names = [f"c{number}" for number in range(AT_ONCE)]
    together = threading.Barrier(AT_ONCE, timeout=10)

    def wait_for_all(_: str) -> None:
        together.wait()

    # When it is done to them
    code = each_at_once(names, wait_for_all)

    # Then all end
    assert code == 0
    assert capsys.readouterr().out.split() == names


def test_one_that_is_named_twice_is_done_to_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    at_work = threading.Lock()

    def alone(name: str) -> None:
        assert at_work.acquire(blocking=False)
        at_work.release()
        assert threading.current_thread() is threading.main_thread(), name

    assert each_at_once(("web", "db", "web"), alone) == 0
    assert capsys.readouterr().out == "web\ndb\nweb\n"


def test_what_nobody_foresaw_is_raised_where_it_is_told() -> None:
    def fail(name: str) -> None:
        raise ZeroDivisionError(name)

    with pytest.raises(ZeroDivisionError, match="web"):
        each_at_once(("web", "db"), fail)
