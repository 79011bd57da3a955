"""What managers say of a service and its tasks → whether it is there, on its way, or will never be."""

from __future__ import annotations

from tests.unit.runtime.swarm_stacks import BEFORE, LATER, task, there
from whit.runtime.scaleout.swarm import tables
from whit.runtime.scaleout.swarm.verdict import Outcome, judge

NODES = {"n1": "alpha"}


def test_a_service_is_there_once_all_its_tasks_run() -> None:
    assert judge(there(), [task(1, "running"), task(2, "running")], NODES).outcome is Outcome.CONVERGED
    found = judge(there(), [task(1, "running"), task(2, "starting")], NODES)
    assert (found.outcome, found.have, found.want) == (Outcome.WAITING, 1, 2)


def test_tasks_of_another_version_do_not_count() -> None:
    tasks = [task(1, "running", image="old"), task(2, "running")]
    assert judge(there(), tasks, NODES).outcome is Outcome.WAITING


def test_tasks_of_a_node_that_is_gone_do_not_count_once_they_were_moved() -> None:
    tasks = [task(1, "running"), task(2, "running", desired="shutdown"), task(2, "running", tag="new")]
    assert judge(there(), tasks, NODES).outcome is Outcome.CONVERGED


def test_a_smaller_number_is_there_once_the_others_are_not_to_run() -> None:
    tasks = [task(1, "running"), task(2, "running")]
    assert judge(there(1), tasks, NODES).outcome is Outcome.WAITING
    tasks[1]["DesiredState"] = "remove"
    assert judge(there(1), tasks, NODES).outcome is Outcome.CONVERGED
    assert judge(there(0), [], NODES).outcome is Outcome.CONVERGED


def test_a_task_that_fails_three_times_is_given_up_with_what_it_died_of() -> None:
    failures = [task(1, "failed", err="task: non-zero exit (3)", tag=str(number)) for number in range(3)]
    assert judge(there(1), failures[:2], NODES).outcome is Outcome.WAITING
    found = judge(there(1), failures, NODES)
    assert found.outcome is Outcome.FAILED
    assert found.why == "shop_web.1 on alpha: task: non-zero exit (3)"


def test_a_task_that_is_not_tried_again_is_given_up_at_once() -> None:
    service = there(1, spec={"TaskTemplate": {"ContainerSpec": {"Image": "i"}, "RestartPolicy": {"Condition": "none"}}})
    assert judge(service, [task(1, "failed", err="no")], NODES).outcome is Outcome.FAILED


def test_failures_before_the_change_do_not_count() -> None:
    failures = [task(1, "failed", err="x", tag=str(number), CreatedAt=BEFORE) for number in range(3)]
    assert judge(there(1, UpdatedAt=LATER), failures, NODES).outcome is Outcome.WAITING


def test_an_update_deals_with_its_failures_and_says_how_it_ended() -> None:
    failures = [task(1, "failed", err="task: non-zero exit (1)", tag=str(number)) for number in range(4)]
    for state, outcome in (
        ("updating", Outcome.WAITING),
        ("rollback_started", Outcome.WAITING),
        ("paused", Outcome.FAILED),
        ("rollback_completed", Outcome.FAILED),
    ):
        found = judge(there(1, UpdateStatus={"State": state, "Message": "m"}), failures, NODES)
        assert found.outcome is outcome, state
    assert found.why == "rolled back; shop_web.1 on alpha: task: non-zero exit (1)"
    running = [task(1, "running")]
    assert judge(there(1, UpdateStatus={"State": "updating"}), running, NODES).outcome is Outcome.WAITING
    assert judge(there(1, UpdateStatus={"State": "completed"}), running, NODES).outcome is Outcome.CONVERGED


def test_what_no_node_can_run_says_why() -> None:
    waiting = task(1, "pending", err="no suitable node (1 node not available for new tasks)", NodeID="")
    assert judge(there(1), [waiting], NODES).why == f"shop_web.1: {waiting['Status']['Err']}"


def test_a_job_is_there_once_its_last_run_has_ended_well() -> None:
    mode = {"Mode": {"ReplicatedJob": {"TotalCompletions": 1}}}
    service = there(spec=mode, JobStatus={"JobIteration": {"Index": 1}})
    old = task(1, "complete", JobIteration={"Index": 0}, desired="complete")
    assert judge(service, [old], NODES).outcome is Outcome.WAITING
    new = task(1, "complete", JobIteration={"Index": 1}, desired="complete", tag="new")
    assert judge(service, [old, new], NODES).outcome is Outcome.CONVERGED


def test_a_global_service_has_a_task_on_each_node_that_takes_it() -> None:
    service = there(spec={"Mode": {"Global": {}}})
    one, two = task(0, "running", NodeID="n1"), task(0, "running", NodeID="n2", tag="2")
    assert judge(service, [], NODES).outcome is Outcome.WAITING
    assert judge(service, [one, two], NODES).outcome is Outcome.CONVERGED
    two["Status"]["State"] = "starting"
    assert judge(service, [one, two], NODES).have == 1


def test_tables_are_docker_s() -> None:
    ports = {"Ports": [{"PublishedPort": 8080, "TargetPort": 80, "Protocol": "tcp", "PublishMode": "host"}]}
    service = there(image=f"localhost:5000/i:1@sha256:{'0' * 64}", spec={"EndpointSpec": ports})
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = f"localhost:5000/i:1@sha256:{'0' * 64}"
    rows = tables.services([service], [task(1, "running"), task(2, "starting")])
    assert tables.services_table(rows).splitlines() == [
        "ID        NAME       MODE         REPLICAS   IMAGE                PORTS",
        "s1        shop_web   replicated   1/2        localhost:5000/i:1   *:8080->80/tcp",
    ]
    assert tables.stacks([service]) == [{"name": "shop", "services": 1}]
    older = task(1, "failed", err="task: non-zero exit (1)", tag="old")
    older["Status"]["Timestamp"] = BEFORE
    found = tables.tasks([older, task(1, "running")], [service], NODES, now=1_767_265_320.0)
    lines = tables.tasks_table(found).splitlines()
    assert "shop_web.1" in lines[1]
    assert "Running 2 minutes ago" in lines[1]
    assert r" \_ shop_web.1" in lines[2]
    assert '"task: non-zero exit (1)"' in lines[2]
