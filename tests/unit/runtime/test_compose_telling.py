"""How it is told what is done: docker's lines, JSON, and a tree that says who waits for whom."""

from __future__ import annotations

import json

import pytest

from tests.unit.runtime.compose_projects import project_of, up
from whit.packer.support.errors import LaunchError, WhitError
from whit.runtime.compose.graph.model import Kind, Present, Step
from whit.runtime.compose.running.executing import Phase
from whit.runtime.compose.running.telling import Tree, failing_with_one, once_left, tell_json, tell_line

START = Step("start:p-web-1", Kind.START, "p-web-1")


def test_lines_are_docker_s(capsys: pytest.CaptureFixture[str]) -> None:
    tell_line(START, Phase.BEGUN, None)
    tell_line(START, Phase.FAILED, WhitError("no room"))
    assert capsys.readouterr().err == " Container p-web-1  Starting\n Container p-web-1  Error: no room\n"


def test_json_is_a_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell_json(START, Phase.DONE, None)
    assert json.loads(capsys.readouterr().err) == {"id": "Container p-web-1", "status": "Done", "text": "Started"}


def test_what_is_left_out_is_told_once_each_and_what_has_failed_isn_t(capsys: pytest.CaptureFixture[str]) -> None:
    # given two containers: of one the making fails, of the other nothing is done
    failed, other = Step("create:p-db-1", Kind.CREATE, "p-db-1"), Step("create:p-web-1", Kind.CREATE, "p-web-1")
    heard = once_left(tell_line)
    # when all that comes after it is left out
    heard(failed, Phase.FAILED, WhitError("no room"))
    heard(Step("start:p-db-1", Kind.START, "p-db-1"), Phase.LEFT, None)
    heard(Step("wait:db:service_healthy", Kind.WAIT, "", service="db"), Phase.LEFT, None)
    heard(other, Phase.LEFT, None)
    heard(START, Phase.LEFT, None)
    # then each has one line
    assert capsys.readouterr().err == " Container p-db-1  Error: no room\n Container p-web-1  Left out\n"


def test_what_fails_ends_with_one_whatever_a_run_of_it_would() -> None:
    with pytest.raises(LaunchError) as caught, failing_with_one():
        raise LaunchError("no such program", exit_code=127)
    assert caught.value.exit_code == 1


def test_the_tree_says_whom_a_container_waits_for() -> None:
    steps = up(project_of({"web": {"depends_on": {"db": {"condition": "service_healthy"}}}, "db": {}}), Present())
    tree = Tree(tuple(steps.values()), colours=False)
    tree(steps["create:p-web-1"], Phase.DONE, None)
    assert any(line.endswith("Container p-web-1  Waiting for db to be healthy") for line in tree.lines(80))
    tree(steps["wait:db:service_healthy"], Phase.DONE, None)
    tree(steps["start:p-web-1"], Phase.DONE, None)
    assert any(line.endswith("Container p-web-1  Started") for line in tree.lines(80))
