"""containerd's own client on whit-oci: the same output and exit code as on runc, without docker in between."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import EVERY, LONG, Answer, both, until
from tests.integration.oci_bundle import Bundle, make_bundle
from tests.peers import find_peer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "ctr", "runc", "busybox-static")]

STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status"

ONCE: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ("sh", "-c", "echo out; echo err >&2; exit 7")),
    ((), ("nonesuch",)),
    ((), ("sh", "-c", STATUS)),
    ((), ("sh", "-c", "ls /dev; ls /proc/self/fd | cat")),
    (("--read-only",), ("touch", "/x")),
    (("--cwd", "/tmp", "--env", "A=b"), ("sh", "-c", "pwd; echo $A")),
    (("--seccomp",), ("sh", "-c", STATUS)),
    (("--allow-new-privs", "--cap-add", "CAP_NET_ADMIN"), ("sh", "-c", STATUS)),
    (("--memory-limit", "64000000"), ("cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes")),
    (("--cpu-quota", "50000", "--cpu-period", "100000"), ("cat", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")),
    (("--net-host",), ("readlink", "/proc/self/ns/net")),
    (("--mount", "type=bind,src={folder},dst=/data,options=rbind:ro"), ("touch", "/data/x")),
    (("--device", "/dev/zero"), ("ls", "/dev/zero")),
    (("--mount", "type=bind,src=/nowhere/at/all,dst=/data,options=rbind"), ("true",)),
)

INSIDE: tuple[tuple[str, ...], ...] = (
    ("tasks", "exec", "--exec-id", "one", "{name}", "sh", "-c", "id -u; exit 3"),
    ("tasks", "exec", "--exec-id", "two", "--user", "5:6", "{name}", "id"),
    ("tasks", "exec", "--exec-id", "three", "--cwd", "/tmp", "{name}", "pwd"),
    ("tasks", "exec", "--exec-id", "four", "{name}", "nonesuch"),
    ("tasks", "pause", "{name}"),
    ("tasks", "list"),
    ("tasks", "resume", "{name}"),
    ("tasks", "list"),
    ("tasks", "delete", "{name}"),
    ("tasks", "kill", "--signal", "SIGKILL", "{name}"),
)


@dataclass(frozen=True, slots=True)
class Ctr:
    """The client of the engine's containerd, and a root file system."""

    socket: Path
    bundle: Bundle
    programs: dict[str, Path]

    def __call__(self, *words: str) -> Answer:
        """Run it to its end, in a namespace of containerd's that is the tests' own."""
        program = find_peer("ctr")
        assert program is not None
        done = subprocess.run(
            [program, "--address", self.socket, "--namespace", "whit-test", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LONG,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)

    def run(self, runtime: str, name: str, options: tuple[str, ...], command: tuple[str, ...]) -> Answer:
        """``ctr run`` with the runtime."""
        places = ("--runc-binary", str(self.programs[runtime]), "--env", "PATH=/bin")
        filled = [word.replace("{folder}", str(self.bundle.folder)) for word in options]
        return self("run", *places, "--rootfs", *filled, str(self.bundle.rootfs), name, *command)


@pytest.fixture(scope="module")
def ctr(dockerd: Dockerd, whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Ctr:
    """containerd as the engine has started it."""
    busybox, runc = find_peer("busybox-static"), find_peer("runc")
    assert busybox is not None
    assert runc is not None
    bundle = make_bundle(tmp_path_factory.mktemp("ctr"), busybox, whit)
    socket = dockerd.socket.parent / "exec" / "containerd" / "containerd.sock"
    return Ctr(socket, bundle, {"runc": runc, "whit": whit.with_name("whit-oci")})


@pytest.mark.parametrize(("options", "command"), ONCE[::EVERY], ids=lambda words: " ".join(words)[:40])
def test_run_is_the_same_on_both(ctr: Ctr, options: tuple[str, ...], command: tuple[str, ...]) -> None:
    """What a program writes that ends before ctr has opened its pipe, ctr drops, one of runc's in a hundred: it is asked again."""

    def once(runtime: str) -> Answer:
        answer = ctr.run(runtime, f"once-{runtime}", ("--rm", *options), command)
        return answer if answer.out else ctr.run(runtime, f"again-{runtime}", ("--rm", *options), command)

    runc, whit = both(once)
    assert (whit.code, whit.out) == (runc.code, runc.out), (runc.err, whit.err)


def test_commands_on_a_container_are_the_same_on_both(ctr: Ctr) -> None:
    """What a program says may be dropped here too."""

    def live(runtime: str) -> list[tuple[tuple[str, ...], int, str]]:
        name = f"inside-{runtime}"
        started = ctr.run(runtime, name, ("--detach",), ("sleep", "6000"))
        assert started.code == 0, started
        answers = []
        for words in INSIDE:
            asked = [word.replace("{name}", name) for word in words]
            answer = ctr(*asked)
            if words[1] == "exec" and not answer.out:
                answer = ctr(*(f"{word}-again" if word == words[3] else word for word in asked))
            lines = [line for line in answer.out.splitlines() if words[1] != "list" or name in line]
            text = re.sub(r"\s+[0-9]+\s+", " PID ", "\n".join(lines)) if words[1] == "list" else answer.out
            answers.append((words, answer.code, text.replace(name, "NAME")))
        until(lambda: "STOPPED" in ctr("tasks", "list").out)
        ctr("tasks", "delete", "--force", name)
        assert ctr("containers", "delete", name).code == 0
        return answers

    runc, whit = both(live)
    assert whit == runc
