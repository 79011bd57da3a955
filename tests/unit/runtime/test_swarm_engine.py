"""What an engine says → plain words: one line, and what to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from whit.packer.support.errors import NotFoundError, WhitError
from whit.runtime.scaleout.swarm.engine import AwayError, _check_manager, _in_words

HOST = "tcp://x:1"


@pytest.mark.parametrize(
    ("swarm", "message", "hint"),
    [
        ({}, "is in no swarm", "docker swarm init"),
        ({"LocalNodeState": "inactive"}, "is in no swarm", "docker swarm init"),
        (
            {"LocalNodeState": "active", "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]},
            "is a worker of its swarm, no manager",
            "managers are 10.0.0.1:2377",
        ),
        ({"LocalNodeState": "locked"}, "is locked", "docker swarm unlock"),
    ],
)
def test_an_engine_that_is_no_manager_is_refused_and_a_way_is_named(swarm: Any, message: str, hint: str) -> None:
    with pytest.raises(WhitError, match=message) as caught:
        _check_manager(swarm, HOST)
    assert hint in str(caught.value.hint)


def test_a_manager_will_do() -> None:
    _check_manager({"LocalNodeState": "active", "ControlAvailable": True}, HOST)


@pytest.mark.parametrize(
    ("status", "text", "kind", "message"),
    [
        (500, "rpc error: code = Unknown desc = The swarm does not have a leader.", WhitError, "has no leader"),
        (404, "service x not found", NotFoundError, "service a: service x not found"),
        (500, "rpc error: code = NotFound desc = network x not found", NotFoundError, "service a: network x not found"),
        (503, "This node is not a swarm manager.", WhitError, "is no manager of a swarm"),
        (400, "rpc error: code = InvalidArgument desc = name must be", WhitError, "service a: name must be"),
    ],
)
def test_errors_of_the_api_are_told_without_the_engine_s_insides(
    status: int, text: str, kind: type, message: str
) -> None:
    error = SimpleNamespace(explanation=text, response=SimpleNamespace(status_code=status))
    found = _in_words(error, "service a", HOST)
    assert isinstance(found, kind)
    assert isinstance(found, AwayError) == ("leader" in text)
    assert message in found.message
    assert "rpc error" not in found.message
