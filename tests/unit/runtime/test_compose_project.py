"""The canonical configuration → a project: defaults, order, what can't be."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.unit.runtime.compose_projects import project_of
from whit.packer.support.errors import NotFoundError, UsageError
from whit.runtime.compose.project import Condition, config_hash, read_project
from whit.runtime.compose.verbs import parse_scale


def test_a_service_without_an_image_runs_the_one_that_is_built_for_it() -> None:
    project = read_project({"name": "shop", "services": {"web": {"build": {"context": "/src"}}}})
    assert project.services["web"].image == "shop-web"
    assert project.services["web"].is_built


def test_scale_and_replicas_say_how_many_and_one_is_the_default() -> None:
    project = project_of({"a": {}, "b": {"scale": 2}, "c": {"deploy": {"replicas": 3}}, "d": {"scale": 0}})
    assert [service.replicas for service in project.services.values()] == [1, 2, 3, 0]


def test_the_order_has_each_service_after_those_that_it_needs() -> None:
    project = project_of({"web": {"depends_on": {"api": {}}}, "api": {"depends_on": {"db": {}}}, "db": {}})
    assert project.order() == ("db", "api", "web")


def test_a_chain_may_be_longer_than_python_s_stack() -> None:
    count = 3000
    needed: dict[str, dict[str, Any]] = {
        f"s{number}": {"depends_on": {f"s{number + 1}": {}}} for number in range(count)
    }
    project = project_of({**needed, f"s{count}": {}})
    assert project.order()[0] == f"s{count}"
    assert project.chosen(("s1",)) == project.order()[:-1]


def test_who_shares_a_namespace_or_volumes_needs_the_other_one() -> None:
    project = project_of({
        "a": {"network_mode": "service:d"}, "b": {"volumes_from": ["d:ro"]}, "c": {"links": ["d:database"]}, "d": {},
    })  # fmt: skip
    assert {name for name, _ in project.dependents("d")} == {"a", "b", "c"}
    assert project.services["a"].dependencies[0].restart


def test_services_that_wait_for_each_other_are_refused_with_the_circle() -> None:
    with pytest.raises(UsageError, match="a → b → a"):
        project_of({"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}})


def test_a_needed_service_that_is_not_there_is_refused_unless_it_is_optional() -> None:
    with pytest.raises(UsageError, match="web needs db"):
        project_of({"web": {"depends_on": {"db": {}}}})
    project = project_of({"web": {"depends_on": {"db": {"required": False}}}})
    assert project.chosen(()) == ("web",)


def test_naming_a_service_chooses_what_it_needs_unless_it_is_to_be_alone() -> None:
    project = project_of({"web": {"depends_on": {"db": {}}}, "db": {}, "other": {}})
    assert project.chosen(("web",)) == ("db", "web")
    assert project.chosen(("web",), alone=True) == ("web",)
    with pytest.raises(NotFoundError, match="there is no service nothing"):
        project.chosen(("nothing",))
    with pytest.raises(NotFoundError, match="there is no service nowhere"):
        project.chosen(["nowhere"], alone=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web", "'web' doesn't say how many containers of which service"),
        ("=3", "'=3' doesn't say how many containers of which service"),
        ("web=-1", "service web can't have '-1' containers"),
        ("web=", "service web can't have '' containers"),
        ("web=many", "service web can't have 'many' containers"),
    ],
)
def test_a_number_of_containers_that_can_t_be_is_told_with_its_service(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_scale(text)
    assert parse_scale("web=0") == ("web", 0)


def test_a_container_s_name_that_is_given_goes_with_one_container_only() -> None:
    assert project_of({"web": {"container_name": "front"}}).container_name("web", 1) == "front"
    with pytest.raises(UsageError, match="can't all be called front"):
        project_of({"web": {"container_name": "front", "scale": 2}})


def test_the_hash_changes_with_what_a_container_is_made_of_and_with_nothing_else() -> None:
    def made(**values: object) -> str:
        project = project_of({"web": {"image": "i", **values}, "db": {}})
        return config_hash(project, project.services["web"], {})

    same = made()
    assert made(depends_on={"db": {}}) == made(scale=3) == made(pull_policy="always") == made(profiles=["x"]) == same
    assert made(deploy={"replicas": 2}) == same
    assert made(deploy={"resources": {"limits": {"memory": "1"}}}) != same
    assert len({same, made(command=["x"]), made(environment={"A": "1"}), made(labels={"a": "b"})}) == 4


def test_the_hash_changes_with_what_a_secret_or_config_holds() -> None:
    project = project_of({"web": {"secrets": [{"source": "key"}]}}, secrets={"key": {"file": "/k"}})
    web, place = project.services["web"], ("secrets", "key")
    assert config_hash(project, web, {place: "1"}) != config_hash(project, web, {place: "2"})


def test_the_conditions_are_docker_s_words() -> None:
    project = project_of({"a": {"depends_on": {"b": {"condition": "service_healthy"}}}, "b": {}})
    assert project.services["a"].dependencies[0].condition is Condition.HEALTHY
