"""Steps in their order, as many at once as that allows; what fails keeps back only what comes after it."""

from __future__ import annotations

import threading

import pytest

from whit.packer.support.errors import WhitError
from whit.runtime.compose.graph.model import Kind, Step
from whit.runtime.compose.running.executing import Executor, Phase, StaysError


def _step(key: str, *after: str, tolerant: bool = False) -> Step:
    return Step(key, Kind.START, key, after, tolerant=tolerant)


class Done:
    """Does steps by remembering them; those of ``fails`` raise."""

    def __init__(self, *fails: str) -> None:
        self.fails, self.order = fails, list[str]()
        self.told: dict[str, Phase] = {}

    def __call__(self, step: Step) -> None:
        self.order.append(step.key)
        if step.key in self.fails:
            raise WhitError(f"{step.key} failed")

    def heard(self, step: Step, phase: Phase, _error: WhitError | None) -> None:
        self.told[step.key] = phase


def test_each_step_comes_after_those_that_it_waits_for() -> None:
    done = Done()
    Executor(done, done.heard).run((_step("c", "a", "b"), _step("b", "a"), _step("a")))
    assert done.order == ["a", "b", "c"]


def test_steps_that_nothing_keeps_apart_are_done_at_once() -> None:
    both = threading.Barrier(2, timeout=30)
    executor = Executor(lambda _step: both.wait(), lambda _step, _phase, _error: None)
    executor.run((_step("a"), _step("b")))


def test_what_fails_keeps_back_those_after_it_and_nobody_else() -> None:
    done = Done("a")
    with pytest.raises(WhitError, match="a failed"):
        Executor(done, done.heard).run((_step("a"), _step("b", "a"), _step("c", "b"), _step("d")))
    assert set(done.order) == {"a", "d"}
    assert done.told == {"a": Phase.FAILED, "b": Phase.LEFT, "c": Phase.LEFT, "d": Phase.DONE}


def test_what_may_fail_keeps_nobody_back_whether_it_fails_or_was_kept_back_itself() -> None:
    done = Done("a", "x")
    with pytest.raises(WhitError, match="x failed"):
        Executor(done, done.heard).run((
            _step("a", tolerant=True), _step("b", "a"), _step("x"), _step("y", "x", tolerant=True), _step("z", "y"),
        ))  # fmt: skip
    assert {"b", "z"} <= set(done.order)


def test_what_nobody_foresaw_ends_all_and_is_raised_as_it_is() -> None:
    def act(_step: Step) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Executor(act, lambda _step, _phase, _error: None).run((_step("a"), _step("b")))


def test_what_others_need_stays_and_that_is_no_failure() -> None:
    told: list[tuple[str, Phase]] = []

    def act(step: Step) -> None:
        if step.key == "network":
            raise StaysError("it is in use by others")

    steps = [Step("network", Kind.REMOVE_NETWORK, "n"), Step("after", Kind.REMOVE_VOLUME, "v", ("network",))]
    Executor(act, lambda step, phase, _: told.append((step.key, phase))).run(steps)
    assert ("network", Phase.FAILED) in told
    assert ("after", Phase.DONE) in told
