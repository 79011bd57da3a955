"""``down``, ``stop``, ``restart``: who ends first, and what goes when nobody needs it any more."""

from __future__ import annotations

from tests.unit.runtime.compose_projects import comes_before, present, seen
from whit.runtime.compose.graph.downward import Leaving, depending, plan_down, plan_restart, plan_start, plan_stop

WEB, DB = seen("web", depends=("db",)), seen("db")
NEEDS = depending((WEB, DB))


def test_who_needs_another_one_is_stopped_before_it() -> None:
    steps = {step.key: step for step in plan_stop((DB, WEB), NEEDS)}
    assert steps["stop:db1"].after == ("stop:web1",)
    assert steps["stop:web1"].after == ()


def test_down_removes_each_once_it_has_stopped_and_the_network_at_the_end() -> None:
    there = present(WEB, DB)
    steps = {step.key: step for step in plan_down((WEB, DB), NEEDS, Leaving(("p_default",)), there)}
    assert comes_before(steps, "stop:web1", "remove:web1")
    assert set(steps["network:p_default"].after) == {"remove:web1", "remove:db1"}


def test_what_is_not_there_is_not_removed() -> None:
    assert plan_down((), {}, Leaving(("gone",), ("gone",)), present()) == ()


def test_start_starts_what_does_not_run_the_needed_first() -> None:
    web, db = seen("web", is_up=False), seen("db", is_up=False)
    steps = {step.key: step for step in plan_start((web, db, seen("other")), NEEDS)}
    assert set(steps) == {"start:p-web-1", "start:p-db-1"}
    assert comes_before(steps, "start:p-db-1", "start:p-web-1")


def test_restart_stops_all_and_starts_them_in_order() -> None:
    steps = {step.key: step for step in plan_restart((WEB, DB), NEEDS)}
    assert comes_before(steps, "stop:db1", "start:p-db-1")
    assert comes_before(steps, "start:p-db-1", "start:p-web-1")
