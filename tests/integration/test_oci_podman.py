"""podman on whit-oci: the same output and exit code as on runc, as far as this machine lets podman run."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import EVERY, LONG, RUNTIMES, Answer, both, write_image
from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("podman", "conmon", "runc", "busybox-static")]

STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status"

ONCE: tuple[tuple[str, ...], ...] = (
    ("sh", "-c", "echo out; echo err >&2; exit 7"),
    ("nonesuch",),
    ("/etc",),
    ("sh", "-c", STATUS),
    ("--tty", "tty"),
    ("--user", "5:6", "id"),
    ("--read-only", "sh", "-c", "touch /x || touch /tmp/x && ls /tmp"),
    ("--cap-drop", "ALL", "sh", "-c", STATUS),
    ("--security-opt", "no-new-privileges", "sh", "-c", STATUS),
    ("--env", "A=b", "--workdir", "/etc", "sh", "-c", "echo $A; pwd"),
    ("--memory", "64m", "--pids-limit", "50", "sh", "-c", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ("--sysctl", "net.ipv4.ip_forward=1", "cat", "/proc/sys/net/ipv4/ip_forward"),
    ("--volume", "{folder}:/data:ro", "sh", "-c", "cat /data/file; touch /data/x"),
    ("--tmpfs", "/scratch:size=1m", "sh", "-c", "grep ' /scratch ' /proc/mounts"),
    ("--hostname", "there", "hostname"),
    ("--init", "true"),
)

INSIDE: tuple[tuple[str, ...], ...] = (
    ("exec", "{name}", "sh", "-c", "id; exit 3"),
    ("exec", "--tty", "{name}", "tty"),
    ("exec", "--user", "5", "--env", "A=b", "{name}", "sh", "-c", "id -u; echo $A"),
    ("exec", "{name}", "nonesuch"),
    ("pause", "{name}"),
    ("ps", "--format", "{{.State}}", "--filter", "name={name}"),
    ("unpause", "{name}"),
    ("cp", "{folder}/file", "{name}:/etc/copied"),
    ("exec", "{name}", "cat", "/etc/copied"),
    ("kill", "--signal", "KILL", "{name}"),
    ("wait", "{name}"),
    ("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "{name}"),
    ("start", "{name}"),
    ("rm", "--force", "--time", "0", "{name}"),
)


RUN = ("--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""podman asks for more open files than root may here."""


@dataclass(frozen=True, slots=True)
class Podman:
    """podman with a store of its own for each runtime, in namespaces of its own that its end empties."""

    folder: Path
    programs: dict[str, Path]

    def __call__(self, runtime: str, *words: str, check: bool = False) -> Answer:
        """Run podman to its end."""
        own = self.folder / runtime
        places = ("--root", f"{own}/p", "--runroot", f"{own}/r", "--tmpdir", f"{own}/t", "--storage-driver", "vfs")
        options = ("--cgroup-manager", "cgroupfs", "--events-backend", "none", "--log-level", "error")
        filled = [word.replace("{folder}", str(self.folder)) for word in words]
        done = subprocess.run(
            ["podman", *places, *options, "--runtime", self.programs[runtime], *filled],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check, timeout=LONG,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def podman(whit: Path) -> Iterator[Podman]:
    """The image is there, by the name of ``box``."""
    runc = find_peer("runc")
    assert runc is not None
    # A socket's path has room for a hundred characters, of which podman takes its share.
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        made = Podman(Path(short), {"runc": runc, "whit": whit.with_name("whit-oci")})
        (made.folder / "file").write_text("given\n")
        write_image(made.folder / "image.tar")
        both(lambda runtime: made(runtime, "import", f"{short}/image.tar", "box", check=True))
        yield made
        both(lambda runtime: made(runtime, "rm", "--all", "--force", "--time", "0"))


def split(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(options, command): the command begins at the first word that is neither an option nor one's value."""
    at = 0
    while words[at].startswith("--"):
        at += 1 if words[at] in {"--tty", "--read-only", "--init"} else 2
    return words[:at], words[at:]


@pytest.mark.parametrize("words", ONCE[::EVERY], ids=lambda words: " ".join(words)[:60])
def test_run_is_the_same_on_both(podman: Podman, words: tuple[str, ...]) -> None:
    options, command = split(words)
    runc, whit = both(lambda runtime: podman(runtime, "run", "--rm", *RUN, *options, "box", *command))
    assert (whit.code, whit.out) == (runc.code, runc.out), (runc.err, whit.err)
    assert whit.out or whit.code or "--init" in words, whit.err


def test_commands_on_a_container_are_the_same_on_both(podman: Podman) -> None:
    def live(runtime: str) -> list[tuple[tuple[str, ...], int, str]]:
        name = "inside"
        podman(runtime, "run", "--detach", "--name", name, *RUN, "box", "sleep", "6000", check=True)
        answers = []
        for words in INSIDE:
            answer = podman(runtime, *(word.replace("{name}", name) for word in words))
            numbered = words[0] in {"pause", "unpause", "rm"}  # prints the container's id
            answers.append((words, answer.code, "" if numbered else answer.out))
        return answers

    runc, whit = both(live)
    assert whit == runc
    assert len(RUNTIMES) == 2
