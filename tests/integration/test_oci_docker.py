"""docker on whit-oci: the same output and exit code as on runc, command by command."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pytest

from tests.integration.engines import EVERY, LONG, RUNTIMES, Answer, both, until, write_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "runc", "busybox-static")]

IMAGE = "whit-test-busybox"
MOUNTS = "cut -d' ' -f5,6 /proc/self/mountinfo | grep -vE '^/(proc|sys|etc|dev/pts|dev/mqueue)'"
STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status"

ONCE: tuple[tuple[str, ...], ...] = (
    ("{image}", "echo", "hi"),
    ("{image}", "sh", "-c", "echo out; echo err >&2; exit 7"),
    ("{image}", "nonesuch"),
    ("{image}", "/etc"),
    ("{image}", "/etc/hostname"),
    ("{image}", "sh", "-c", STATUS),
    ("{image}", "sh", "-c", MOUNTS),
    ("{image}", "sh", "-c", "ls /dev; ls -l /dev | cut -c-10; readlink /dev/ptmx /dev/fd /dev/core"),
    ("{image}", "sh", "-c", "ls /sys/class/net; readlink /proc/self/exe; cat /proc/self/oom_score_adj"),
    ("{image}", "sh", "-c", "touch /proc/sys/kernel/x; cat /proc/keys | wc -l; ls /proc/acpi /sys/firmware | wc -l"),
    ("{image}", "sh", "-c", "mount -t tmpfs x /etc; mknod /etc/x b 7 0; chroot / true; hostname x"),
    ("--hostname", "h", "{image}", "env"),
    ("--interactive", "{image}", "cat"),
    ("--network", "none", "{image}", "id"),
    ("--network", "none", "{image}", "ls", "/sys/class/net"),
    ("--network", "host", "{image}", "readlink", "/proc/self/ns/net"),
    ("--uts", "host", "{image}", "hostname"),
    ("--ipc", "host", "{image}", "readlink", "/proc/self/ns/ipc"),
    ("--pid", "host", "{image}", "true"),
    ("--cgroupns", "private", "{image}", "sh", "-c", "cut -d: -f3 /proc/self/cgroup | head -n 1"),
    ("--user", "5:6", "{image}", "id"),
    ("--user", "5", "--group-add", "7", "--group-add", "8", "{image}", "id"),
    ("--user", "nobody", "{image}", "id"),
    ("--read-only", "{image}", "sh", "-c", "echo x > /y"),
    ("--read-only", "--tmpfs", "/tmp:size=1m,mode=700", "{image}", "sh", "-c", MOUNTS + "; echo x > /tmp/y"),
    ("--init", "{image}", "cat", "/proc/1/comm"),
    ("--hostname", "there", "--domainname", "here", "{image}", "hostname"),
    ("--workdir", "/made/for/it", "{image}", "sh", "-c", "pwd"),
    ("--entrypoint", "id", "{image}", "-u"),
    ("--env", "A=b c", "--env", "PATH=/bin", "{image}", "sh", "-c", "echo $A"),
    ("--device", "/dev/zero:/dev/z:r", "{image}", "sh", "-c", "ls -l /dev/z; head -c 1 /dev/z | wc -c; echo x > /dev/z"),
    ("--device-cgroup-rule", "c 1:5 m", "{image}", "true"),
    ("--cap-add", "NET_ADMIN", "{image}", "sh", "-c", STATUS),
    ("--cap-drop", "ALL", "{image}", "sh", "-c", STATUS),
    ("--cap-drop", "ALL", "--cap-add", "CHOWN", "--user", "5", "{image}", "sh", "-c", STATUS),
    ("--security-opt", "no-new-privileges", "{image}", "sh", "-c", STATUS),
    ("--security-opt", "seccomp=unconfined", "{image}", "sh", "-c", STATUS),
    ("--security-opt", "seccomp={profile}", "{image}", "sh", "-c", STATUS + "; mkdir /x"),
    ("--ulimit", "nofile=100:100", "{image}", "sh", "-c", "ulimit -n"),
    ("--sysctl", "net.ipv4.ip_forward=0", "{image}", "cat", "/proc/sys/net/ipv4/ip_forward"),
    ("--sysctl", "kernel.panic=1", "{image}", "true"),
    ("--shm-size", "1m", "{image}", "sh", "-c", "grep ' /dev/shm ' /proc/mounts"),
    ("--oom-score-adj", "300", "{image}", "cat", "/proc/self/oom_score_adj"),
    ("--volume", "{folder}:/data", "{image}", "sh", "-c", MOUNTS + "; cat /data/file"),
    ("--volume", "{folder}:/data:ro", "{image}", "sh", "-c", "echo x > /data/new"),
    ("--volume", "{folder}/file:/etc/given:ro", "{image}", "cat", "/etc/given"),
    ("--mount", "type=bind,source={folder},target=/data,readonly,bind-propagation=rslave", "{image}", "sh", "-c", MOUNTS),
    ("--volume", "named:/data", "{image}", "sh", "-c", "touch /data/x && ls /data"),
    ("--memory", "64m", "{image}", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes"),
    ("--memory", "32m", "--memory-swap", "32m", "{image}", "sh", "-c", "tail /dev/zero"),
    ("--cpus", "0.5", "--cpu-shares", "77", "{image}", "cat", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.shares"),
    ("--cpuset-cpus", "0", "{image}", "nproc"),
    ("--pids-limit", "50", "{image}", "cat", "/sys/fs/cgroup/pids/pids.max"),
    ("--pid", "container:{peer}", "{image}", "cat", "/proc/1/comm"),
    ("--network", "container:{peer}", "{image}", "hostname"),
    ("--ipc", "container:{peer}", "{image}", "true"),
)  # fmt: skip

# Docker tells the size after the start, which a fast program comes before; and may lose what is printed in the last instant.
SIZE = "while [ \"$(stty size 2>/dev/null)\" != '33 77' ]; do sleep 1; done; stty size; sleep 1"
PTY: tuple[tuple[str, ...], ...] = (
    ("run", "--rm", "-it", "--runtime={runtime}", "{image}", "sh", "-c", f"tty; {SIZE}; ls -l /dev/console; exit 3"),
    ("exec", "-it", "{peer}", "sh", "-c", f"tty; {SIZE}; exit 4"),
)

INSIDE: tuple[tuple[str, ...], ...] = (
    ("exec", "{name}", "sh", "-c", "id; exit 3"),
    ("exec", "{name}", "sh", "-c", STATUS),
    ("exec", "-t", "{name}", "tty"),
    ("exec", "-u", "5", "-e", "A=b", "{name}", "sh", "-c", "id; echo $A"),
    ("exec", "-w", "/etc", "{name}", "sh", "-c", "pwd"),
    ("exec", "-w", "/nowhere", "{name}", "true"),
    ("exec", "-i", "{name}", "cat"),
    ("exec", "{name}", "nonesuch"),
    ("exec", "{name}", "/etc"),
    ("exec", "-d", "{name}", "sleep", "600"),
    ("top", "{name}", "-o", "comm,args"),
    ("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}", "{name}"),
    ("logs", "{name}"),
    ("cp", "{folder}/file", "{name}:/etc/copied"),
    ("exec", "{name}", "cat", "/etc/copied"),
    ("cp", "{name}:/etc/copied", "-"),
    ("diff", "{name}"),
    ("commit", "{name}", "whit-test-{name}"),
    ("run", "--rm", "--runtime={runtime}", "whit-test-{name}", "cat", "/etc/copied"),
    ("export", "--output", "{folder}/{name}.tar", "{name}"),
    ("port", "{name}"),
    ("update", "--memory", "64m", "--memory-swap", "64m", "--pids-limit", "60", "--cpu-shares", "99", "{name}"),
    ("exec", "{name}", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/pids.max"),
    ("pause", "{name}"),
    ("ps", "--filter", "name=^{name}$", "--format", "{{.Names}} {{.State}}"),
    ("exec", "{name}", "true"),
    ("pause", "{name}"),
    ("unpause", "{name}"),
    ("inspect", "--format", "{{.State.Status}} {{.State.Paused}} {{.State.OOMKilled}}", "{name}"),
    ("rm", "{name}"),
    ("kill", "-s", "USR1", "{name}"),
    ("wait", "{name}"),
    ("logs", "{name}"),
    ("exec", "{name}", "true"),
    ("kill", "{name}"),
    ("start", "{name}"),
    ("restart", "-t", "0", "{name}"),
    ("stop", "-t", "0", "{name}"),
    ("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "{name}"),
    ("rename", "{name}", "{name}-2"),
    ("rm", "{name}-2"),
    ("rm", "{name}-2"),
)
"""One after the other on one container, which prints, waits for SIGUSR1 and then ends with 9."""

MAIN = "trap 'echo told; exit 9' USR1; sleep 100000 & echo begun; wait"


@dataclass(frozen=True, slots=True)
class Scene:
    """An engine with the image, a folder to mount, and one container of each runtime that others share namespaces with."""

    engine: Dockerd
    folder: Path

    def fill(self, words: tuple[str, ...], runtime: str) -> list[str]:
        """The command's words for the runtime."""
        places = {
            "{image}": IMAGE, "{folder}": str(self.folder), "{profile}": str(self.folder / "seccomp.json"),
            "{peer}": f"peer-{runtime}", "{name}": f"inside-{runtime}", "{runtime}": runtime,
        }  # fmt: skip
        filled = []
        for word in words:
            for place, value in places.items():
                word = word.replace(place, value)  # noqa: PLW2901 - filled piece by piece
            filled.append(word)
        return filled

    def ask(self, words: tuple[str, ...], runtime: str, stdin: str | None = None) -> Answer:
        """Run the docker command to its end."""
        done = self.engine.docker(*self.fill(words, runtime), check=False, timeout=LONG, stdin=stdin)
        return Answer(done.returncode, without_names(done.stdout, runtime), without_names(done.stderr, runtime))


def without_names(text: str, runtime: str) -> str:
    """The text without what differs between two containers of whichever runtimes."""
    for name in ("inside", "peer"):
        text = text.replace(f"{name}-{runtime}", f"{name}-NAME")
    return text


@pytest.fixture(scope="module")
def scene(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The image, the files and the containers that commands refer to."""
    folder = tmp_path_factory.mktemp("scene")
    (folder / "file").write_text("given\n")
    filters = [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]
    (folder / "seccomp.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": filters}))
    write_image(folder / "image.tar")
    dockerd.docker("import", folder / "image.tar", IMAGE)
    scene = Scene(dockerd, folder)
    options = ("--detach", "--name", "{peer}", "--hostname", "peer", "--ipc", "shareable", "--runtime={runtime}")
    for answer in both(lambda runtime: scene.ask(("run", *options, "{image}", "sleep", "6000"), runtime)):
        assert answer.code == 0, answer
    yield scene
    # Other files' tests are shown all containers of the same engine.
    dockerd.docker("rm", "--force", "--volumes", *dockerd.docker("ps", "--all", "--quiet").stdout.split())


@pytest.mark.parametrize("words", ONCE[::EVERY], ids=lambda words: " ".join(words)[:60])
def test_run_is_the_same_on_both(scene: Scene, words: tuple[str, ...]) -> None:
    stdin = "typed\n" if "--interactive" in words else None
    runc, whit = both(lambda runtime: scene.ask(("run", "--rm", f"--runtime={runtime}", *words), runtime, stdin))
    assert (whit.code, whit.out) == (runc.code, runc.out), (runc.err, whit.err)


def with_terminal(scene: Scene, words: list[str]) -> tuple[int, str]:
    """Run docker with a terminal of 33 rows and 77 columns: its exit code, and what came over it."""
    import fcntl  # noqa: PLC0415
    import struct  # noqa: PLC0415
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    command = [str(scene.engine.client), *words]
    process = subprocess.Popen(command, env=scene.engine.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other side is gone
        while data := os.read(ours, 4096):
            seen += data
    os.close(ours)
    return process.wait(LONG), seen.decode()


@pytest.mark.parametrize("words", PTY, ids=lambda words: words[0])
def test_a_terminal_is_the_same_on_both(scene: Scene, words: tuple[str, ...]) -> None:
    def ask(runtime: str) -> tuple[int, str]:
        code, text = with_terminal(scene, scene.fill(words, runtime))
        return code, "".join(line for line in text.splitlines(keepends=True) if "console" not in line)

    runc, whit = both(ask)
    assert whit == runc
    assert "/dev/pts/0" in whit[1]


@pytest.fixture(scope="module")
def lives(scene: Scene) -> dict[str, list[Answer]]:
    """What each command of INSIDE answered, by runtime."""

    def live(runtime: str) -> list[Answer]:
        options = ("--detach", "--name", "{name}", "--runtime={runtime}")
        assert scene.ask(("run", *options, "{image}", "sh", "-c", MAIN), runtime).code == 0
        until(lambda: scene.ask(("logs", "{name}"), runtime).out == "begun\n")
        return [scene.ask(words, runtime, "typed\n" if "-i" in words else None) for words in INSIDE]

    return dict(zip(RUNTIMES, both(live), strict=True))


@pytest.mark.parametrize("index", range(len(INSIDE)), ids=lambda index: " ".join(INSIDE[index])[:60])
def test_commands_on_a_container_are_the_same_on_both(lives: dict[str, list[Answer]], index: int) -> None:
    runc, whit = (lives[runtime][index] for runtime in RUNTIMES)
    if INSIDE[index][0] == "commit" or "OCI runtime exec failed" in runc.out:
        # A digest that holds the time; or words of the runtime's own.
        assert whit.code == runc.code
    elif INSIDE[index][:3:2] == ("cp", "-"):
        assert names_in(io.BytesIO(whit.out.encode())) == names_in(io.BytesIO(runc.out.encode())) == {"copied"}
    else:
        assert (whit.code, whit.out) == (runc.code, runc.out), (runc.err, whit.err)


def names_in(archive: IO[bytes]) -> set[str]:
    """The members of a tar archive."""
    with tarfile.open(fileobj=archive) as tar:
        return set(tar.getnames())


def test_an_exported_container_holds_the_same_files(scene: Scene, lives: dict[str, list[Answer]]) -> None:
    assert set(lives) == set(RUNTIMES)
    found = []
    for runtime in RUNTIMES:
        with (scene.folder / f"inside-{runtime}.tar").open("rb") as file:
            found.append(names_in(file))
    assert found[0] == found[1]


def test_health_is_checked(scene: Scene) -> None:
    def check(runtime: str) -> str:
        name, health = (
            f"healthy-{runtime}",
            ("--health-cmd", "test -e /etc/well", "--health-interval", "200ms", "--health-retries", "1000"),
        )
        options = ("--detach", "--name", name, "--runtime={runtime}", *health)
        scene.ask(("run", *options, "{image}", "sh", "-c", "touch /etc/well; sleep 600"), runtime)
        state = ("inspect", "--format", "{{.State.Health.Status}}", name)
        until(lambda: scene.ask(state, runtime).out != "starting\n")
        return scene.ask(state, runtime).out + scene.ask(("rm", "-f", name), runtime).out.replace(runtime, "")

    assert both(check) == ["healthy\nhealthy-\n"] * 2


def test_a_container_is_restarted_as_often_as_its_policy_says(scene: Scene) -> None:
    def restart(runtime: str) -> str:
        name = f"again-{runtime}"
        options = ("--detach", "--name", name, "--runtime={runtime}", "--restart", "on-failure:2")
        scene.ask(("run", *options, "{image}", "sh", "-c", "echo ran; exit 3"), runtime)
        state = ("inspect", "--format", "{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}", name)
        until(lambda: scene.ask(state, runtime).out.startswith("exited 2"))
        return scene.ask(state, runtime).out + scene.ask(("logs", name), runtime).out

    assert both(restart) == ["exited 2 3\nran\nran\nran\n"] * 2
