"""What has become of a container, in docker's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.ages import human_duration
from whit.runtime.engine.ages import SECOND, ago
from whit.runtime.engine.status import Health, State

if TYPE_CHECKING:
    from whit.runtime.engine.status import Status


def status_words(status: Status, now: int) -> str:
    """The STATUS column: ``Up 3 minutes (healthy)``, ``Exited (0) 2 weeks ago``, ``Created``."""
    up = f"Up {human_duration((now - status.started) / SECOND)}"
    if status.state is State.RUNNING:
        health = {
            Health.HEALTHY: " (healthy)",
            Health.UNHEALTHY: " (unhealthy)",
            Health.STARTING: " (health: starting)",
        }
        return up + health.get(status.health, "")
    if status.state is State.PAUSED:
        return f"{up} (Paused)"
    if status.state is State.CREATED:
        return "Created"
    word = "Restarting" if status.state is State.RESTARTING else "Exited"
    return f"{word} ({status.exit_code}) {ago(status.finished or status.started, now)}"
