"""Watching a stack: until all is there and steady, or until it is clear that it won't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.runtime.swarm_stacks import task, there
from whit.packer.support.errors import WhitError
from whit.runtime.scaleout.swarm import watching
from whit.runtime.scaleout.swarm.engine import AwayError
from whit.runtime.scaleout.swarm.watching import Watch, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Managers:
    """What managers say as time goes on: seconds since the beginning → the service, its tasks, or an error."""

    def __init__(self, clock: Clock, say: Callable[[float], tuple[Any, list[Any]]]) -> None:
        self.clock, self.say = clock, say

    def _said(self) -> tuple[Any, list[Any]]:
        return self.say(self.clock.now - 1000.0)

    def services(self, _stack: str) -> list[Any]:
        service, _ = self._said()
        return [service] if service else []

    def tasks(self, _stack: str) -> list[Any]:
        return self._said()[1]

    def away(self) -> frozenset[str]:
        return frozenset({"n2"} if self.clock.now < 1030.0 else ())

    def nodes(self) -> dict[str, str]:
        return {"n1": "alpha"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(watching, "time", made)
    return made


def watch(clock: Clock, say: Callable[[float], tuple[Any, list[Any]]], seconds: float = 100.0) -> float:
    """The seconds that watching took."""
    watching_: Any = Watch(Managers(clock, say), "shop", quiet=True)  # type: ignore[arg-type]
    watching_.until_done(["shop_web"], seconds)
    return clock.now - 1000.0


def test_tasks_have_to_run_on_for_a_while(clock: Clock) -> None:
    took = watch(clock, lambda _: (there(1), [task(1, "running")]))
    assert 5.0 <= took < 6.0


def test_an_update_that_managers_have_watched_is_done_at_once(clock: Clock) -> None:
    assert watch(clock, lambda _: (there(1, UpdateStatus={"State": "completed"}), [task(1, "running")])) == 0.0


def test_a_task_that_is_another_one_begins_anew(clock: Clock) -> None:
    took = watch(clock, lambda now: (there(1), [task(1, "running", tag="a" if now < 3 else "b")]))
    assert took >= 8.0


def test_what_is_not_there_in_time_is_told(clock: Clock) -> None:
    with pytest.raises(WhitError, match=r"after 10 s not all is there: shop_web has 0 of 1") as caught:
        watch(clock, lambda _: (there(1), [task(1, "preparing")]), 10.0)
    assert "--timeout" in str(caught.value.hint)


def test_what_fails_again_and_again_is_told_with_its_cause(clock: Clock) -> None:
    failures = [task(1, "failed", err="No such image: x", tag=str(number)) for number in range(3)]
    with pytest.raises(WhitError, match=r"shop_web\.1 on alpha: No such image: x") as caught:
        watch(clock, lambda _: (there(1), failures))
    assert "push it to a registry" in str(caught.value.hint)


def test_a_node_that_would_do_is_waited_for_only_for_a_while(clock: Clock) -> None:
    pending = [task(1, "pending", err="no suitable node (scheduling constraints not satisfied on 3 nodes)")]
    with pytest.raises(WhitError, match="scheduling constraints") as caught:
        watch(clock, lambda _: (there(1), pending))
    assert "docker node ls" in str(caught.value.hint)
    assert 20.0 <= clock.now - 1000.0 < 22.0


def test_managers_may_be_away_for_a_moment_and_not_for_ever(clock: Clock) -> None:
    def moment(now: float) -> tuple[Any, list[Any]]:
        if 1.0 < now < 15.0:
            raise AwayError("no leader")
        return there(1), [task(1, "running")]

    assert watch(clock, moment) >= 15.0

    def ever(_: float) -> tuple[Any, list[Any]]:
        raise AwayError("no leader")

    with pytest.raises(AwayError):
        watch(clock, ever)


def test_tasks_of_nodes_that_nobody_has_heard_of_do_not_count(clock: Clock) -> None:
    took = watch(clock, lambda _: (there(1), [task(1, "running", NodeID="n2")]))
    assert took >= 35.0


def test_what_somebody_else_removes_is_told(clock: Clock) -> None:
    with pytest.raises(WhitError, match="somebody has removed shop_web meanwhile"):
        watch(clock, lambda now: (there(1) if now < 1 else None, []))


def test_times_are_read_as_compose_writes_them() -> None:
    assert [seconds_of(text) for text in ("90", "5m", "1h30m", "soon")] == [90.0, 300.0, 5400.0, None]
