"""Completion as people meet it: real shells at a terminal, and what whit tells them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LONG = 120.0
"""Seconds that nothing takes, however busy the machine is."""

NAMES = ("docker.io/me/alone:77", "docker.io/me/box:1", "docker.io/me/box:2", "docker.io/library/tool:latest")
START = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], "source <(whit completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(whit completion zsh)"),
}
MARK = "ready"


@pytest.fixture
def environment(whit: Path, tmp_path: Path) -> dict[str, str]:
    """A store with containers, networks, volumes and images, as far as names go."""
    root = tmp_path / "root"
    for folder in ("containers/names", "networks/backend", "volumes/data", "images"):
        (root / folder).mkdir(parents=True)
    for name in ("web", "worker"):
        (root / "containers" / "names" / name).symlink_to("../" + "a" * 64)
    manifests = [{"annotations": {"org.opencontainers.image.ref.name": name}} for name in NAMES]
    (root / "images" / "index.json").write_text(json.dumps({"manifests": manifests}))
    path = f"{whit.parent}:{os.environ['PATH']}"
    return {**os.environ, "WHIT_ROOT": str(root), "PATH": path, "HOME": str(tmp_path), "PS1": "$ ", "TERM": "dumb"}


def asked(whit: Path, environment: Mapping[str, str], line: str) -> list[str]:
    """What bash is told for a command line with the cursor at its end."""
    more = {"_WHIT_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_WORDBREAKS": " \t\n\"'><=;|&(:"}
    result = subprocess.run(
        [whit], env={**environment, **more}, capture_output=True, text=True, check=True, timeout=LONG
    )
    assert result.stderr == ""
    return [text.partition(",")[2] for text in result.stdout.splitlines() if text.startswith("plain,")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("whit sto", ["stop"]),
        ("whit stop w", ["web", "worker"]),
        ("whit logs --ta", ["--tail"]),
        ("whit run me/b", ["me/box:1", "me/box:2"]),
        ("whit run me/box:", ["1", "2"]),
        ("whit run to", ["tool:latest"]),
        ("whit rmi --f", ["--force"]),
        ("whit run --network ba", ["backend"]),
        ("whit run --network=ba", ["backend"]),
        ("whit run --network container:we", ["web"]),
        ("whit run -v da", ["data"]),
        ("whit network rm b", ["backend", "bridge"]),
        ("whit network r", ["rm"]),
        ("whit kill --signal TE", ["TERM"]),
        ("whit run --restart on", ["on-failure"]),
        ("whit inspect w", ["web", "worker"]),
        ("whit stats w", ["web", "worker"]),
        ("whit image rm t", ["tool:latest"]),
        ("whit container stop w", ["web", "worker"]),
        ("whit volume rm d", ["data"]),
        ("whit cont", ["container"]),
        ("whit ps --format t", ["table"]),
        ("whit completion z", ["zsh"]),
        ("whit pack --seccomp auto:", ["log", "kill"]),
        ("whit syscalls --profile ", ["docker", "oci"]),
        ("whit run --sandbox s", ["strict"]),
        ("whit bundle --se", ["--seccomp"]),
        ("whit bundle ver", ["verify"]),
        ("whit bundle me/b", ["me/box:1", "me/box:2"]),
        ("whit bundle --sandbox s", ["strict"]),
        ("whit bundle create --se", ["--seccomp"]),
        ("whit run 'unclosed", []),
        ("whit nonsense x", []),
    ],
)
def test_verbs_options_and_names_are_found(
    whit: Path, environment: Mapping[str, str], line: str, found: list[str]
) -> None:
    assert asked(whit, environment, line) == found


def test_where_there_is_no_store_there_are_no_names(whit: Path, environment: dict[str, str], tmp_path: Path) -> None:
    environment["WHIT_ROOT"] = str(tmp_path / "absent")
    assert asked(whit, environment, "whit stop ") == []
    assert asked(whit, environment, "whit rmi ") == []


def test_a_damaged_store_keeps_no_shell_from_going_on(whit: Path, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "root" / "images" / "index.json").write_text('{"manifests": [1]}')
    assert asked(whit, environment, "whit rmi ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_s_script_is_printed(whit: Path, environment: Mapping[str, str], shell: str) -> None:
    result = subprocess.run(
        [whit, "completion", shell], env=environment, capture_output=True, text=True, check=True, timeout=LONG
    )
    assert "_WHIT_COMPLETE" in result.stdout


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        ours, theirs = pty.openpty()
        self.terminal = ours
        self.shown = ""
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Until it is shown; what was before that is forgotten."""
        end = time.monotonic() + LONG
        while not (match := re.search(pattern, self.shown)):
            assert time.monotonic() < end, self.shown
            if select.select([self.terminal], [], [], 1)[0]:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")
        self.shown = self.shown[match.end() :]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("whit sto\twor\t", "no container worker"),
        ("whit rmi me/al\t", "me/alone:77"),
        ("whit rmi me/alone:\t", "me/alone:77"),
        ("whit logs --tim\tworke\t", "no container worker"),
        ("whit network inspect back\t", "no network backend"),
    ],
    ids=lambda text: text.replace("\t", "⇥"),
)
@pytest.mark.parametrize("shell", [pytest.param(name, marks=pytest.mark.peer(name)) for name in START])
def test_a_shell_completes_at_a_terminal(environment: dict[str, str], shell: str, typed: str, completed: str) -> None:
    command, setup = START[shell]
    terminal = Terminal(command, environment)
    try:
        # the mark is put together by the shell, so that it isn't seen in what was typed
        terminal.type(f"{setup}; printf '%s%s\\n' re ady\r")
        terminal.wait_for(MARK)
        terminal.type(typed + "\r")
        terminal.wait_for(completed)
    finally:
        terminal.close()


@pytest.mark.peer("fish")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("whit stop wo", ["worker"]),
        ("whit run me/b", ["me/box:1", "me/box:2"]),
        ("whit run --network=back", ["--network=backend"]),
        ("whit paus", ["pause\tLet containers stand still"]),
    ],
)
def test_fish_completes(environment: Mapping[str, str], line: str, found: list[str]) -> None:
    script = f"whit completion fish | source; complete --do-complete '{line}'"
    result = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=environment, capture_output=True, text=True, check=True, timeout=LONG,
    )  # fmt: skip
    assert result.stdout.splitlines() == found
