"""What is on record of a container: its description and its status, there and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.fuzz_supervision import BASE, containers
from whit.packer.support.errors import InvalidFileError
from whit.packer.support.jsondoc import canonical_json
from whit.runtime.engine.documents import from_document, to_document
from whit.runtime.engine.status import LOST, Health, State, parse_status

if TYPE_CHECKING:
    from whit.runtime.engine.model import Container

TEXT = (
    "state running\npid 7\nstarted 5\nfinished 0\nexit 0\noom 0\nrestarts 2\nhealth healthy\nfailing 0\nstopped 0\n\n\n"
)


@pytest.mark.parametrize("container", list(containers()))
def test_a_description_comes_back_as_it_was(container: Container) -> None:
    assert from_document(json.loads(canonical_json(to_document(container))), "x") == container


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "whit-container/9"},
        {"name": 5},
        {"command": "x"},
        {"restart": {"policy": "x"}},
        {"more": 1},
        {"root": None},
    ],
)
def test_a_damaged_description_is_told_as_one(change: dict[str, object]) -> None:
    with pytest.raises(InvalidFileError):
        from_document({**to_document(BASE), **change}, "x")


def test_with_its_supervisor_a_container_is_what_the_file_says() -> None:
    status = parse_status(TEXT, supervised=True)
    assert (status.state, status.pid, status.restarts, status.health) == (State.RUNNING, 7, 2, Health.HEALTHY)


def test_without_one_it_has_ended_whatever_the_file_says() -> None:
    status = parse_status(TEXT, supervised=False)
    assert (status.state, status.pid, status.exit_code, status.health) == (State.EXITED, 0, LOST, Health.NONE)


def test_one_that_waited_for_its_next_start_keeps_its_exit_code() -> None:
    text = TEXT.replace("running", "restarting").replace("exit 0", "exit 3")
    assert parse_status(text, supervised=False).exit_code == 3


def test_one_whose_start_was_never_heard_of_is_created() -> None:
    assert parse_status("state starting\n", supervised=False).state is State.CREATED


@given(st.text())
def test_no_text_is_too_strange_for_a_status(text: str) -> None:
    parse_status(text, supervised=True)
