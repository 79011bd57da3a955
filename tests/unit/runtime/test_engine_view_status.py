"""A container's STATUS, as `docker ps` has it."""

from __future__ import annotations

import pytest

from whit.runtime.engine.columns import status_text
from whit.runtime.engine.status import Health, State, Status

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status(), "Created"),
        (Status(State.RUNNING, started=NOW - 180 * SECOND), "Up 3 minutes"),
        (Status(State.RUNNING, started=NOW, health=Health.STARTING), "Up Less than a second (health: starting)"),
        (Status(State.RUNNING, started=NOW - 2 * SECOND, health=Health.HEALTHY), "Up 2 seconds (healthy)"),
        (Status(State.PAUSED, started=NOW - 2 * SECOND), "Up 2 seconds (Paused)"),
        (Status(State.RESTARTING, finished=NOW - 5 * SECOND, exit_code=3), "Restarting (3) 5 seconds ago"),
        (Status(State.EXITED, finished=NOW - 7200 * SECOND, exit_code=137), "Exited (137) 2 hours ago"),
        (Status(State.EXITED, started=NOW - 7200 * SECOND, exit_code=137), "Exited (137)"),
    ],
)
def test_what_has_become_of_a_container_is_said_in_docker_s_words(status: Status, words: str) -> None:
    assert status_text(status, NOW) == words
