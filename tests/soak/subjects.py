"""Two of those that are tried: ``whit run``, and ``whit-oci`` as an engine drives it. kept.py has the third."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tests.integration.oci_bundle import MINIMAL, make_bundle, merged
from tests.peers import PROJECT, find_peer
from tests.soak.ledger import LONG, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BIN = PROJECT / ".venv" / "bin"
NULL = subprocess.DEVNULL


class Subject(Protocol):
    """A way to run containers. Each method raises if what it does fails."""

    name: str
    ledger: Ledger

    def once(self, number: int) -> None:
        """A container from its beginning to its end."""

    def begin(self, number: int) -> None:
        """A container that stays."""

    def lives(self, number: int) -> bool:
        """Whether it does."""

    def end(self, number: int) -> None:
        """Its end."""

    def killed(self, number: int, chance: random.Random) -> str:
        """Kill the runtime at some point of some command, do what an engine does then; says what was killed."""


def must(ledger: Ledger, command: list[str], environment: Mapping[str, str], *codes: int) -> None:
    """Run a command to its end; its output, which a container may keep open, goes to a file."""
    log = ledger.folder / f"log-{random.getrandbits(48)}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=ledger.folder, stdin=NULL, stdout=output, stderr=output
        )
        ledger.started(process.pid)
        code = process.wait(10 * LONG)
    said = log.read_text(errors="replace")
    log.unlink()
    if code not in (codes or (0,)):
        raise RuntimeError(f"{' '.join(command)}: exit code {code}: {said}")


def kill_within(ledger: Ledger, command: list[str], environment: Mapping[str, str], seconds: float) -> None:
    """Start a command, and kill it after so long if it is still there."""
    process = subprocess.Popen(command, env=environment, cwd=ledger.folder, stdin=NULL, stdout=NULL, stderr=NULL)
    ledger.started(process.pid)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until ``holds()``."""
    end = time.monotonic() + LONG
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(what)
        time.sleep(0.01)


def has_program(supervisor: int) -> bool:
    """Whether the program is there: supervisor, guardian, program."""
    guardians = children(supervisor)
    return any(Path(f"/proc/{pid}/comm").read_text() == "busybox\n" for one in guardians for pid in children(one))


def children(pid: int) -> list[int]:
    """A process's own."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


@dataclass(slots=True)
class WhitRun:
    """``whit run`` of a file; every container has a cgroup with a limit."""

    ledger: Ledger
    environment: dict[str, str]
    started: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    name: str = "whit run"

    def command(self, *words: str) -> list[str]:
        """The command line: /bin/busybox, with the words."""
        busybox = str(find_peer("busybox-static"))
        marked = f"WHIT_SOAK={self.ledger.mark}"
        return [str(BIN / "whit"), "run", "--network", "none", "--memory", "64m", "--env", marked, busybox, *words]

    def once(self, number: int) -> None:
        """See :class:`Subject`."""
        must(self.ledger, self.command("sh", "-c", f"exit {number % 3}"), self.environment, number % 3)

    def begin(self, number: int) -> None:
        """See :class:`Subject`."""
        command = self.command("sleep", "100000")
        process = subprocess.Popen(command, env=self.environment, stdin=NULL, stdout=NULL, stderr=NULL)
        self.started[number] = process
        self.ledger.started(process.pid)
        until(lambda: has_program(process.pid), "it doesn't start")

    def lives(self, number: int) -> bool:
        """See :class:`Subject`."""
        return self.started[number].poll() is None

    def end(self, number: int) -> None:
        """See :class:`Subject`."""
        process = self.started.pop(number)
        process.terminate()
        if process.wait(LONG) != 128 + signal.SIGTERM:
            raise RuntimeError(f"SIGTERM ended it with {process.returncode}")

    def killed(self, number: int, chance: random.Random) -> str:
        """See :class:`Subject`."""
        early = chance.random() < 0.8
        words = ("sleep", "100000") if number % 2 else ("sh", "-c", "while true; do sleep 1 & wait; done")
        kill_within(self.ledger, self.command(*words), self.environment, chance.uniform(0, 0.012 if early else 0.3))
        # What a killed supervisor leaves of cgroups the next run takes away.
        self.once(number)
        return "supervisor"


@dataclass(slots=True)
class WhitOci:
    """``whit-oci`` with its own root of state."""

    ledger: Ledger
    environment: dict[str, str]
    name: str = "whit-oci"

    def __post_init__(self) -> None:
        """Two bundles: one whose program ends, one whose program stays."""
        busybox = find_peer("busybox-static")
        assert busybox is not None
        for name, args in (("ends", ["true"]), ("stays", ["sleep", "100000"])):
            bundle = make_bundle(self.ledger.folder / name, busybox, BIN / "whit-oci")
            env = ["PATH=/bin", f"WHIT_SOAK={self.ledger.mark}"]
            change = {
                "process": {"args": args, "env": env},
                "linux": {"resources": {"memory": {"limit": 64 << 20}}, "maskedPaths": ["/proc/keys"]},
            }
            (bundle.folder / "plain.json").write_text(json.dumps(merged(MINIMAL, change)))

    def call(self, *words: str) -> list[str]:
        """A command line."""
        return [str(BIN / "whit-oci"), "--root", str(self.ledger.state[0]), *words]

    def do(self, *words: str) -> None:
        """Run a command, which must do what it should."""
        must(self.ledger, self.call(*words), self.environment)

    def bundle(self, kind: str, number: int) -> str:
        """The bundle's folder, with the container's own cgroup in its configuration."""
        made = self.ledger.folder / f"bundle-{number}"
        made.mkdir(exist_ok=True)
        plain = json.loads((self.ledger.folder / kind / "plain.json").read_text())
        plain["linux"]["cgroupsPath"] = f"/{self.ledger.group}/c{number}"
        plain["root"]["path"] = str(self.ledger.folder / kind / "rootfs")
        (made / "config.json").write_text(json.dumps(plain))
        return str(made)

    def once(self, number: int) -> None:
        """As an engine does it, or in one command."""
        bundle, name = self.bundle("ends", number), f"c{number}"
        if number % 2:
            self.do("run", "--bundle", bundle, name)
            return
        self.do("create", "--bundle", bundle, name)
        self.do("start", name)
        until(lambda: self.status(number) == "stopped", f"{name} doesn't end")
        self.do("delete", name)

    def status(self, number: int) -> str:
        """What ``state`` says; nothing of what isn't there."""
        done = subprocess.run(
            self.call("state", f"c{number}"), env=self.environment, capture_output=True, check=False, timeout=LONG
        )
        return str(json.loads(done.stdout)["status"]) if done.returncode == 0 else ""

    def begin(self, number: int) -> None:
        """See :class:`Subject`."""
        self.do("create", "--bundle", self.bundle("stays", number), f"c{number}")
        self.do("start", f"c{number}")

    def lives(self, number: int) -> bool:
        """See :class:`Subject`."""
        return self.status(number) == "running"

    def end(self, number: int) -> None:
        """See :class:`Subject`."""
        self.do("kill", f"c{number}", "KILL")
        until(lambda: self.status(number) == "stopped", f"c{number} doesn't end")
        self.do("delete", f"c{number}")

    def killed(self, number: int, chance: random.Random) -> str:
        """See :class:`Subject`."""
        name, verb = f"c{number}", chance.choice(("create", "create", "run", "start", "exec", "kill", "delete"))
        bundle = self.bundle("stays", number)
        commands = {
            "create": ("create", "--bundle", bundle, name),
            "run": ("run", "--detach", "--bundle", bundle, name),
            "start": ("start", name),
            "exec": ("exec", name, "/bin/true"),
            "kill": ("kill", name, "KILL"),
            "delete": ("delete", "--force", name),
        }
        if verb not in {"create", "run"}:
            self.do(*commands["create"])
        if verb in {"exec", "kill", "delete"}:
            self.do("start", name)
        # With a kept plan it is over in milliseconds, without one it takes Python.
        within = chance.choice((0.004, 0.02, 0.2)) if verb in {"create", "run", "exec"} else 0.004
        kill_within(self.ledger, self.call(*commands[verb]), self.environment, chance.uniform(0, within))
        if verb == "exec" and self.status(number) != "running":
            raise RuntimeError(f"{name} was lost with its exec: {self.status(number)!r}")
        if verb == "start" and self.status(number) not in {"created", "running"}:
            raise RuntimeError(f"{name} was lost with its start: {self.status(number)!r}")
        # What an engine does with a container that it doesn't know the fate of.
        self.do("delete", "--force", name)
        return verb
