"""How it is told what is done: docker's lines, JSON, and a tree that says who waits for whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.runtime.compose_projects import project_of, up
from whit.packer.support.errors import WhitError
from whit.runtime.compose.graph.model import Kind, Present, Step
from whit.runtime.compose.running.executing import Phase
from whit.runtime.compose.running.telling import Tree, tell_json, tell_line

if TYPE_CHECKING:
    import pytest

START = Step("start:p-web-1", Kind.START, "p-web-1")


def test_lines_are_docker_s(capsys: pytest.CaptureFixture[str]) -> None:
    tell_line(START, Phase.BEGUN, None)
    tell_line(START, Phase.FAILED, WhitError("no room"))
    assert capsys.readouterr().err == " Container p-web-1  Starting\n Container p-web-1  Error: no room\n"


def test_json_is_a_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell_json(START, Phase.DONE, None)
    assert json.loads(capsys.readouterr().err) == {"id": "Container p-web-1", "status": "Done", "text": "Started"}


def test_the_tree_says_whom_a_container_waits_for() -> None:
    steps = up(project_of({"web": {"depends_on": {"db": {"condition": "service_healthy"}}}, "db": {}}), Present())
    tree = Tree(tuple(steps.values()), colours=False)
    tree(steps["create:p-web-1"], Phase.DONE, None)
    assert any(line.endswith("Container p-web-1  Waiting for db to be healthy") for line in tree.lines(80))
    tree(steps["wait:db:service_healthy"], Phase.DONE, None)
    tree(steps["start:p-web-1"], Phase.DONE, None)
    assert any(line.endswith("Container p-web-1  Started") for line in tree.lines(80))
