"""Containers that are kept: ``whit run -d``, and all that ends them, with commands, supervisors and programs killed at random."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.kept import Engine
from tests.peers import find_peer
from tests.soak.subjects import BIN, kill_within, until

if TYPE_CHECKING:
    import random

    from tests.soak.ledger import Ledger

KILLED = 128 + signal.SIGKILL
POLICIES = {"supervisor": ("no", "always"), "program": ("no", "always")}
TARGETS = ("run", "run", "stop", "rm", "start", "exec", "supervisor", "supervisor", "both", "program")


@dataclass(slots=True)
class WhitKept:
    """``whit run -d``; every container has a cgroup with a limit, and a log."""

    ledger: Ledger
    environment: dict[str, str]
    ids: dict[int, str] = field(default_factory=dict)
    name: str = "whit run -d"

    @property
    def engine(self) -> Engine:
        """A whit with the store."""
        return Engine(BIN / "whit", Path(self.environment["WHIT_ROOT"]), ("env", f"WHIT_SOAK={self.ledger.mark}"))

    def do(self, *words: str) -> str:
        """Run a command, which must do what it should; what it says."""
        done = self.engine.run(*words, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: exit code {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def words(self, number: int, *program: str, policy: str = "no") -> tuple[str, ...]:
        """The command that makes and starts one."""
        options = (
            "--network",
            "none",
            "--memory",
            "64m",
            "--env",
            f"WHIT_SOAK={self.ledger.mark}",
            "--restart",
            policy,
        )
        return "run", "-d", "--name", f"box-{number}", *options, str(find_peer("busybox-static")), *program

    def run(self, number: int, *program: str, policy: str = "no") -> str:
        """Start one; its name."""
        container = self.do(*self.words(number, *program, policy=policy))
        self.ids[number] = container
        self.ledger.owns(container)
        return f"box-{number}"

    def state(self, name: str) -> str:
        """What it does, or why it doesn't."""
        return self.do("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name)

    def once(self, number: int) -> None:
        """See :class:`Subject`."""
        name = self.run(number, "sh", "-c", f"echo line {number}; exit {number % 3}")
        if self.do("wait", name) != str(number % 3):
            raise RuntimeError(f"{name} ended otherwise: {self.state(name)}")
        if self.do("logs", name) != f"line {number}":
            raise RuntimeError(f"{name} has lost its log")
        self.do("rm", name)

    def begin(self, number: int) -> None:
        """See :class:`Subject`."""
        self.run(number, "sleep", "100000")

    def lives(self, number: int) -> bool:
        """See :class:`Subject`."""
        return self.state(f"box-{number}") == "running 0"

    def end(self, number: int) -> None:
        """See :class:`Subject`."""
        self.do("stop", "-t", "0", f"box-{number}")
        self.do("rm", f"box-{number}")

    def killed(self, number: int, chance: random.Random) -> str:
        """See :class:`Subject`."""
        target = chance.choice(TARGETS)
        if target == "run":
            self._kill_command(self.words(number, "sleep", "100000"), chance)
            self._own(number)
        else:
            policy = chance.choice(POLICIES.get(target, ("no",)))
            name = self.run(number, "sleep", "100000", policy=policy)
            self._kill(target, name, policy, chance)
        # What a person does who wants it gone, whatever has become of it.
        self.do("rm", "-f", f"box-{number}")
        return target

    def _own(self, number: int) -> None:
        found = self.do("ps", "-aq", "--no-trunc", "--filter", f"name=^box-{number}$")
        if found:
            self.ledger.owns(found)

    def _kill_command(self, words: tuple[str, ...], chance: random.Random) -> None:
        command = [str(BIN / "whit"), *words]
        kill_within(
            self.ledger, command, {**os.environ, **self.environment}, chance.uniform(0, chance.choice((0.05, 0.4)))
        )

    def _kill(self, target: str, name: str, policy: str, chance: random.Random) -> None:
        if target == "program":
            os.kill(int(self.do("inspect", "--format", "{{.State.Pid}}", name)), signal.SIGKILL)
            self._await(name, policy)
        elif target == "supervisor":
            os.kill(self.engine.supervisors(name)[0], signal.SIGKILL)
            self._await(name, "takes over" if policy == "no" else policy)
        elif target == "both":
            # Stopped first: one of them would see the other's end, and have another one beside it.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in self.engine.supervisors(name):
                    os.kill(pid, number)
            until(lambda: self.state(name) == f"exited {KILLED}", f"{name}: {self.state(name)}")
        else:
            self._kill_a_verb(target, name, chance)

    def _kill_a_verb(self, verb: str, name: str, chance: random.Random) -> None:
        if verb == "start":
            self.do("stop", "-t", "0", name)
        words = {"stop": ("-t", "0", name), "rm": ("-f", name), "start": (name,), "exec": (name, "/busybox", "true")}
        self._kill_command((verb, *words[verb]), chance)
        if verb == "exec" and self.state(name) != "running 0":
            raise RuntimeError(f"{name} was lost with its exec: {self.state(name)}")

    def _await(self, name: str, policy: str) -> None:
        """Until it has come back, or is known to have ended."""
        ends = f"exited {KILLED}"
        wanted = {"always": {"running 0"}, "no": {ends}, "takes over": {ends, "running 0"}}[policy]
        until(lambda: self.state(name) in wanted, f"{name}: {self.state(name)}")
