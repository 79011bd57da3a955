"""``pre_start``: when what runs before a service runs, and after what."""

from __future__ import annotations

from tests.unit.runtime.compose_projects import comes_before, present, project_of, seen, up
from whit.runtime.compose.graph.model import Kind, Present
from whit.runtime.compose.running.telling import in_order

HOOKED = {"web": {"pre_start": [{"image": "i", "command": ["a"]}], "scale": 2, "depends_on": {"db": {}}}, "db": {}}


def test_it_runs_once_all_containers_are_made_and_what_the_service_needs_is_there_and_before_any_starts() -> None:
    steps = up(project_of(HOOKED), Present())
    assert steps["prepare:web"].kind is Kind.PREPARE
    for before in ("create:p-web-1", "create:p-web-2", "start:p-db-1", "network:p_default"):
        assert comes_before(steps, before, "prepare:web"), before
    for after in ("start:p-web-1", "start:p-web-2"):
        assert comes_before(steps, "prepare:web", after), after
    # and so it is told where nothing is done
    told = [step.key for step in in_order(tuple(steps.values()))]
    assert sorted(told) == sorted(steps)
    assert all(told.index(key) < told.index(step.key) for step in steps.values() for key in step.after)


def test_it_runs_again_for_containers_that_are_stopped_or_all_made_anew() -> None:
    project = project_of(HOOKED)
    stopped = present(seen("db"), seen("web", is_up=False), seen("web", 2, is_up=False))
    assert comes_before(up(project, stopped), "prepare:web", "start:p-web-1")
    changed = present(seen("db"), seen("web", hash="old"), seen("web", 2, hash="old"))
    steps = up(project, changed)
    assert comes_before(steps, "take:p-web-1", "prepare:web")
    assert comes_before(steps, "prepare:web", "start:p-web-2")


def test_it_doesn_t_run_while_one_of_the_containers_runs_on_nor_where_nothing_is_started() -> None:
    project = project_of(HOOKED)
    assert "prepare:web" not in up(project, present(seen("db"), seen("web"), seen("web", 2)))
    assert "prepare:web" not in up(project, present(seen("db"), seen("web")))
    assert "prepare:web" not in up(project, Present(), starts=False)
    assert "prepare:web" not in up(project, present(seen("db"), seen("web")), scales=(("web", 0),))
    # who is restarted with what it depends on is the same container, and was prepared
    again = {**HOOKED, "web": {**HOOKED["web"], "depends_on": {"db": {"restart": True}}}}
    there = present(seen("db", hash="old"), seen("web"), seen("web", 2))
    assert "start:p-web-1" in up(project_of(again), there)
    assert "prepare:web" not in up(project_of(again), there)


def test_it_runs_before_the_first_that_is_replaced_without_a_gap() -> None:
    rolled = {"web": {"pre_start": [{"command": ["a"]}], "healthcheck": {"test": ["CMD", "a"]}}}
    steps = up(project_of(rolled), present(seen("web", hash="old")), rolling=True)
    start = next(key for key, step in steps.items() if step.kind is Kind.START)
    assert comes_before(steps, "prepare:web", start)
    assert not comes_before(steps, "stop:web1", "prepare:web")


def test_its_networks_volumes_and_files_are_the_service_s_too() -> None:
    hook = {"command": ["a"], "networks": {"own": None}, "volumes": [{"type": "volume", "source": "v", "target": "/v"}],
            "secrets": [{"source": "s"}]}  # fmt: skip
    project = project_of(
        {"web": {"pre_start": [hook]}}, networks={"default": {}, "own": {}}, volumes={"v": {}}, secrets={"s": {}}
    )
    steps = up(project, Present(networks=()))
    assert {"network:p_own", "volume:p_v"} <= set(steps)
    assert comes_before(steps, "network:p_own", "prepare:web")
    assert project.services["web"].files() == (("secrets", "s"),)
    assert project.services["web"].hooks[0].image == "i"
