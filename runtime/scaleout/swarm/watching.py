"""Watching a stack until it is as it was asked for, or until it is clear that it won't be."""

from __future__ import annotations

import time

from whit.packer.showing.console import tell
from whit.packer.showing.escaping import terminal_harmless
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.model.units import duration
from whit.runtime.scaleout.swarm.engine import AwayError
from whit.runtime.scaleout.swarm.verdict import Outcome, Verdict, is_job, judge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from whit.runtime.scaleout.swarm.engine import Engine

EVERY = 0.4
"""Seconds between two looks."""
STEADY = 5.0
"""Seconds that tasks have to go on running before they count, as docker's; update_config.monitor says otherwise."""
AWAY = 30.0
"""Seconds that an engine may give no answer."""
NO_NODE = 20.0
"""Seconds after which nobody waits for a node that would do."""


class Watch:
    """What is known of each service of a stack, and since when."""

    def __init__(self, engine: Engine, stack: str, *, quiet: bool = False) -> None:
        self.engine, self.stack, self.quiet = engine, stack, quiet
        self.nodes: Mapping[str, str] = {}
        self.since: dict[str, tuple[Verdict, float]] = {}
        self.stuck: float | None = None

    def until_done(self, names: Collection[str], seconds: float) -> None:
        """Come back once the services are there and steady. Raises :class:`WhitError` with what keeps them back."""
        begin = last = time.monotonic()
        while True:
            waiting = None
            try:
                waiting = self._look(names)
                last = time.monotonic()
            except AwayError:
                # Managers choose a new leader where one has crashed.
                if time.monotonic() - last > AWAY:
                    raise
            if waiting == {}:
                return
            if waiting and time.monotonic() - begin > seconds:
                raise WhitError(
                    f"after {seconds:g} s not all is there: {_list(waiting)}",
                    hint="it goes on without whit: 'whit stack ps' shows how far it is; --timeout says how long to wait",
                )
            time.sleep(EVERY)

    def _look(self, names: Collection[str]) -> dict[str, Verdict]:
        """The services that aren't done yet. Raises :class:`WhitError` for those that never will be."""
        services = [one for one in self.engine.services(self.stack) if one["Spec"]["Name"] in names]
        gone = set(names) - {one["Spec"]["Name"] for one in services}
        if gone:
            raise WhitError(f"somebody has removed {', '.join(sorted(gone))} meanwhile", hint="deploy the stack again")
        away = self.engine.away()
        tasks = [one for one in self.engine.tasks(self.stack) if one.get("NodeID") not in away]
        self.nodes = self.nodes or self.engine.nodes()
        waiting: dict[str, Verdict] = {}
        failed: dict[str, Verdict] = {}
        for service in services:
            name = service["Spec"]["Name"]
            verdict = judge(service, [one for one in tasks if one["ServiceID"] == service["ID"]], self.nodes)
            since = self._noted(name, verdict)
            if verdict.outcome is Outcome.FAILED:
                failed[name] = verdict
            elif verdict.outcome is Outcome.WAITING or time.monotonic() - since < _steady(service):
                waiting[name] = verdict
        if failed:
            raise WhitError(f"not all is there: {_list(failed)}", hint=_hint(failed, self.stack))
        self._check_nodes(waiting)
        return waiting

    def _noted(self, name: str, verdict: Verdict) -> float:
        """Since when a service is as it is now; what is new is told."""
        before = self.since.get(name)
        if before and _same(before[0], verdict):
            self.since[name] = (verdict, before[1])
            return before[1]
        self.since[name] = (verdict, time.monotonic())
        if not self.quiet and (before is None or _line(name, before[0]) != _line(name, verdict)):
            tell(terminal_harmless(f" {_line(name, verdict)}") + "\n")
        return self.since[name][1]

    def _check_nodes(self, waiting: Mapping[str, Verdict]) -> None:
        """Raises :class:`WhitError` where no node has done for some time."""
        without = {name: one for name, one in waiting.items() if "no suitable node" in one.why}
        if not without:
            self.stuck = None
            return
        self.stuck = self.stuck or time.monotonic()
        if time.monotonic() - self.stuck > NO_NODE:
            hint = "'docker node ls' lists the nodes: they need room, the labels that are asked for, and free ports"
            raise WhitError(f"not all is there: {_list(without)}", hint=hint)


def _steady(service: Mapping[str, Any]) -> float:
    """Tasks of jobs are over, and updates have been watched by the managers."""
    if is_job(service["Spec"]):
        return 0.0
    if (service.get("UpdateStatus") or {}).get("State") == "completed":
        return 0.0
    monitor = (service["Spec"].get("UpdateConfig") or {}).get("Monitor")
    return monitor / 10**9 if monitor else STEADY


def _same(before: Verdict, now: Verdict) -> bool:
    return (before.outcome, before.tasks, before.why, before.want) == (now.outcome, now.tasks, now.why, now.want)


def _line(name: str, verdict: Verdict) -> str:
    why = f": {verdict.why}" if verdict.why and verdict.outcome is not Outcome.CONVERGED else ""
    return f"Service {name}  {verdict.have}/{verdict.want}{why}"


def _list(verdicts: Mapping[str, Verdict]) -> str:
    return "; ".join(
        f"{name} has {one.have} of {one.want}{f' ({one.why})' if one.why else ''}" for name, one in verdicts.items()
    )


def _hint(failed: Mapping[str, Verdict], stack: str) -> str:
    name = next(iter(failed))
    why = " ".join(one.why for one in failed.values())
    if "No such image" in why or "manifest" in why:
        return "the nodes have to be able to pull the image: push it to a registry that they reach"
    if "bind source path" in why or "invalid mount config" in why:
        return "what is mounted has to be on each node"
    return f"'docker service logs {name}' shows what it wrote; 'whit stack ps {stack}' its tasks"


def seconds_of(text: str) -> float | None:
    """Of ``90``, ``90s`` or ``5m``; None is no time."""
    if text.isdigit():
        return float(text)
    time_ = duration(text)
    return None if time_ is None else time_ / 10**9
