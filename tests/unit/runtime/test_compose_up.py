"""``up``'s steps: what is made, made anew, started and left alone, and what comes before what."""

from __future__ import annotations

from tests.unit.runtime.compose_projects import comes_before, present, project_of, seen, up
from whit.runtime.compose.graph.model import Kind, Present
from whit.runtime.compose.graph.upward import Recreate

TWO = {"web": {"depends_on": {"db": {"condition": "service_healthy"}}}, "db": {}}


def test_from_nothing_a_network_containers_and_starts_in_order() -> None:
    steps = up(project_of(TWO), Present())
    assert list(steps) == [
        "network:p_default", "create:p-db-1", "start:p-db-1", "wait:db:service_healthy", "create:p-web-1", "start:p-web-1",
    ]  # fmt: skip
    assert steps["create:p-web-1"].after == ("network:p_default",)
    assert comes_before(steps, "wait:db:service_healthy", "start:p-web-1")
    assert comes_before(steps, "start:p-db-1", "wait:db:service_healthy")


def test_what_is_as_the_file_wants_it_is_left_alone() -> None:
    assert up(project_of(TWO), present(seen("web"), seen("db"))) == {}


def test_what_was_stopped_is_started_after_what_it_needs() -> None:
    steps = up(project_of(TWO), present(seen("web", is_up=False, was_stopped=True), seen("db")))
    assert list(steps) == ["wait:db:service_healthy", "start:p-web-1"]


def test_only_what_has_changed_is_made_anew_and_the_old_one_is_stopped_first() -> None:
    steps = up(project_of(TWO), present(seen("web", hash="other"), seen("db")))
    assert set(steps) == {"stop:web1", "create:p-web-1", "take:p-web-1", "wait:db:service_healthy", "start:p-web-1"}
    assert steps["create:p-web-1"].id == "web1"
    assert comes_before(steps, "stop:web1", "take:p-web-1")
    assert comes_before(steps, "take:p-web-1", "start:p-web-1")


def test_another_image_of_the_same_name_is_a_change() -> None:
    assert "create:p-db-1" in up(project_of(TWO), present(seen("web"), seen("db", image="sha256:old")))


def test_no_recreate_leaves_what_changed_and_force_recreate_makes_all_anew() -> None:
    there = present(seen("web", hash="other"), seen("db"))
    assert up(project_of(TWO), there, recreate=Recreate.NONE) == {}
    assert {"create:p-web-1", "create:p-db-1"} <= set(up(project_of(TWO), there, recreate=Recreate.ALL))


def test_force_recreate_of_a_named_service_leaves_what_it_needs_unless_that_is_asked_for() -> None:
    there = present(seen("web"), seen("db"))
    assert "create:p-db-1" not in up(project_of(TWO), there, "web", recreate=Recreate.ALL)
    assert "create:p-db-1" in up(project_of(TWO), there, "web", recreate_needed=True)


def test_alone_nothing_is_waited_for() -> None:
    steps = up(project_of(TWO), present(), "web", alone=True)
    assert list(steps) == ["create:p-web-1", "start:p-web-1"]


def test_scaling_up_takes_the_lowest_numbers_that_are_free() -> None:
    project = project_of({"web": {}})
    steps = up(project, present(seen("web", 1), seen("web", 3)), scales=(("web", 4),))
    assert [step.number for step in steps.values() if step.kind is Kind.CREATE] == [2, 4]


def test_scaling_down_removes_the_highest_numbers() -> None:
    project = project_of({"web": {}})
    steps = up(project, present(seen("web", 1), seen("web", 2), seen("web", 3)), scales=(("web", 1),))
    assert set(steps) == {"stop:web2", "remove:web2", "stop:web3", "remove:web3"}


JOB = {"web": {"depends_on": {"job": {"condition": "service_completed_successfully"}}}, "job": {}}


def test_one_that_has_done_its_one_thing_does_not_do_it_again() -> None:
    done = seen("job", is_up=False)
    assert "start:p-job-1" not in up(project_of(JOB), present(done))


def test_it_does_it_again_when_it_failed_was_stopped_has_changed_or_is_named() -> None:
    project = project_of(JOB)
    assert "start:p-job-1" in up(project, present(seen("job", is_up=False, exit_code=1)))
    assert "start:p-job-1" in up(project, present(seen("job", is_up=False, was_stopped=True)))
    assert "start:p-job-1" in up(project, present(seen("job", is_up=False, hash="other")))
    assert "start:p-job-1" in up(project, present(seen("job", is_up=False)), "job")


def test_a_dependency_that_need_not_be_keeps_nobody_waiting_for_ever() -> None:
    project = project_of({"web": {"depends_on": {"db": {"required": False}}}, "db": {}})
    steps = up(project, Present())
    assert steps["wait:db:service_started:optional"].tolerant
    assert comes_before(steps, "wait:db:service_started:optional", "start:p-web-1")


def test_restart_true_restarts_who_depends_on_what_is_made_anew_stopped_before_it_and_started_after() -> None:
    project = project_of(
        {"web": {"depends_on": {"db": {"restart": True}}}, "db": {}, "other": {"depends_on": {"db": {}}}}
    )
    steps = up(project, present(seen("web"), seen("db", hash="other"), seen("other")))
    assert comes_before(steps, "stop:web1", "stop:db1")
    assert comes_before(steps, "start:p-db-1", "start:p-web-1")
    assert "create:p-web-1" not in steps
    assert "stop:other1" not in steps


def test_who_is_in_another_one_s_network_is_restarted_with_it() -> None:
    project = project_of({"side": {"network_mode": "service:db"}, "db": {}})
    steps = up(project, present(seen("side"), seen("db", hash="other")))
    assert comes_before(steps, "start:p-db-1", "start:p-side-1")


def test_a_network_that_has_changed_is_made_anew_once_nobody_is_in_it() -> None:
    project = project_of({"web": {}, "db": {}})
    steps = up(project, present(seen("web"), seen("db"), networks=(("p_default", "another hash"),)), "web")
    assert steps["network:p_default"].kind is Kind.RENEW_NETWORK
    assert comes_before(steps, "stop:web1", "network:p_default")
    assert comes_before(steps, "stop:db1", "network:p_default")
    assert comes_before(steps, "network:p_default", "create:p-web-1")
    assert comes_before(steps, "network:p_default", "start:p-db-1")


def test_orphans_go_only_when_that_is_asked_for() -> None:
    there = present(seen("web"), seen("db"), seen("old"))
    assert up(project_of(TWO), there) == {}
    assert set(up(project_of(TWO), there, orphans=True)) == {"stop:old1", "remove:old1"}


def test_without_a_start_all_is_made_and_nothing_is_waited_for() -> None:
    assert {step.kind for step in up(project_of(TWO), Present(), starts=False).values()} == {Kind.NETWORK, Kind.CREATE}


def test_an_up_that_was_cut_off_before_the_new_one_took_its_place_goes_on_with_it() -> None:
    old, new = (
        seen("web", hash="old"),
        seen("web", id="new", name="web1_p-web-1", replaces="web1", is_up=False, created=2),
    )
    steps = up(project_of({"web": {}}), present(old, new))
    assert "create:p-web-1" not in steps
    assert comes_before(steps, "stop:web1", "take:p-web-1")
    assert steps["take:p-web-1"].id == "web1"
    assert comes_before(steps, "take:p-web-1", "start:p-web-1")


def test_a_half_made_one_that_does_not_fit_any_more_goes_before_another_is_made() -> None:
    old, new = (
        seen("web", hash="old"),
        seen("web", id="new", name="web1_p-web-1", replaces="web1", hash="older", is_up=False),
    )
    steps = up(project_of({"web": {}}), present(old, new))
    assert comes_before(steps, "remove:new", "create:p-web-1")


def test_rolling_has_the_new_one_well_before_the_old_one_stops_one_after_the_other() -> None:
    project = project_of({"web": {"healthcheck": {"test": ["CMD", "/x"]}, "scale": 2}})
    steps = up(project, present(seen("web", 1, hash="old"), seen("web", 2, hash="old")), rolling=True)
    assert comes_before(steps, "wait:web1_p-web-1", "stop:web1")
    assert comes_before(steps, "take:p-web-1", "start:web2_p-web-2")
    assert "start:p-web-1" not in steps
    assert steps["wait:web1_p-web-1"].seconds == 0


def test_rolling_leaves_the_old_one_for_as_long_as_the_file_says() -> None:
    """Clients that keep names for a while, as programs in Go do for 5 s, have the new one's address before the old one is gone."""
    web = {"healthcheck": {"test": ["CMD", "/x"]}, "deploy": {"update_config": {"delay": "1m0.5s"}}}
    steps = up(project_of({"web": web}), present(seen("web", 1, hash="old")), rolling=True)
    assert steps["wait:web1_p-web-1"].seconds == 60.5


def test_rolling_begins_once_what_the_service_depends_on_is_as_it_should_be() -> None:
    web = {"healthcheck": {"test": ["CMD", "/x"]}, "depends_on": {"db": {"condition": "service_healthy"}}}
    steps = up(
        project_of({"web": web, "db": {}}), present(seen("web", hash="old"), seen("db", hash="old")), rolling=True
    )
    assert comes_before(steps, "start:p-db-1", "start:web1_p-web-1")
    assert comes_before(steps, "wait:db:service_healthy", "start:web1_p-web-1")


def test_rolling_that_was_cut_off_is_gone_on_with_without_a_gap() -> None:
    """Given one that stands in and runs already, and one that is only made, then each is well before its old one is stopped."""
    project = project_of({"web": {"healthcheck": {"test": ["CMD", "/x"]}, "scale": 2}})
    olds = [seen("web", number, hash="old") for number in (1, 2)]
    news = [
        seen(
            "web",
            number,
            id=f"new{number}",
            name=f"web{number}_p-web-{number}",
            replaces=f"web{number}",
            is_up=number == 1,
            created=2,
        )
        for number in (1, 2)
    ]
    steps = up(project, present(*olds, *news), rolling=True)
    assert "start:web1_p-web-1" not in steps
    assert comes_before(steps, "wait:web1_p-web-1", "stop:web1")
    assert comes_before(steps, "take:p-web-1", "start:web2_p-web-2")
    assert comes_before(steps, "wait:web2_p-web-2", "stop:web2")
    assert not {"start:p-web-1", "start:p-web-2", "create:p-web-1", "create:p-web-2"} & set(steps)


def test_rolling_can_t_be_where_a_network_is_made_anew() -> None:
    project = project_of({"web": {"healthcheck": {"test": ["CMD", "/x"]}}})
    there = present(seen("web", hash="old"), networks=(("p_default", "other"),))
    steps = up(project, there, rolling=True)
    assert comes_before(steps, "stop:web1", "network:p_default")
    assert not any(comes_before(steps, key, key) for key in steps)


def test_who_has_a_port_of_the_host_s_to_itself_is_replaced_the_usual_way() -> None:
    port = {"target": 80, "published": "8080"}
    project = project_of({"web": {"healthcheck": {"test": ["CMD", "/x"]}, "ports": [port]}})
    steps = up(project, present(seen("web", hash="old")), rolling=True)
    assert comes_before(steps, "stop:web1", "start:p-web-1")


def test_who_is_restarted_with_another_one_is_so_also_where_it_isn_t_named() -> None:
    project = project_of({"side": {"network_mode": "service:main"}, "main": {}})
    steps = up(project, present(seen("side", networks=()), seen("main")), "main", recreate=Recreate.ALL)
    assert comes_before(steps, "stop:side1", "stop:main1")
    assert comes_before(steps, "start:p-main-1", "start:p-side-1")


def test_the_old_one_runs_on_where_the_new_one_can_t_be_made() -> None:
    steps = up(project_of(TWO), present(seen("web", hash="other"), seen("db")))
    assert comes_before(steps, "create:p-web-1", "stop:web1")
    # but a network that is made anew has to be empty before anything is made in it
    steps = up(project_of({"web": {}}), present(seen("web", hash="x"), networks=(("p_default", "another hash"),)))
    assert comes_before(steps, "stop:web1", "create:p-web-1")
