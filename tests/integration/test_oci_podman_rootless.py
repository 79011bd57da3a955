"""A user's podman on whit-oci: the same output and exit code as on runc and crun, as far as this machine lets podman run.

There is no cgroup of the user's here, as on most machines with v1: podman ignores limits then. With limits, on v2: tests/guests.
"""

from __future__ import annotations

import shlex
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import USER
from tests.integration.engines import EVERY, write_image
from tests.integration.rootless_podman import LIMITS, Said, give_machine, run_script
from tests.integration.test_oci_podman import INSIDE, ONCE, split
from tests.peers import find_peer

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer(
        "podman", "conmon", "catatonit", "newuidmap", "slirp4netns", "ip", "runc", "crun", "busybox-static"
    ),
]

OFFLINE = ("--network=none", *LIMITS)
IDS = "id; cat /proc/self/uid_map"

USERS: tuple[tuple[str, ...], ...] = (
    ("--userns", "keep-id", "sh", "-c", IDS),
    ("--uidmap", "0:1:100", "sh", "-c", IDS),
    ("--userns", "auto:size=1000", "sh", "-c", IDS),
    ("--user", "5:6", "--group-add", "7", "id"),
    ("--cgroupns", "host", "sh", "-c", "grep -c ' cgroup ro,' /proc/mounts; touch /sys/fs/cgroup/memory/x"),
    ("--cgroupns", "private", "sh", "-c", "cat /proc/self/cgroup; grep -c ' cgroup ro,' /proc/mounts"),
    ("--pid", "host", "sh", "-c", "ls -d /proc/self"),
    ("--pid", "host", "--oom-score-adj", "500", "cat", "/proc/self/oom_score_adj"),
    ("--privileged", "sh", "-c", "grep ^Cap /proc/self/status"),
    ("--security-opt", "seccomp=unconfined", "grep", "^Seccomp:", "/proc/self/status"),
    ("--security-opt", "unmask=ALL", "sh", "-c", "head -c 1 /proc/keys | wc -c"),
    ("--device", "/dev/null:/dev/nothing", "ls", "/dev/nothing"),
    ("--volume", "named:/data", "sh", "-c", "touch /data/x && ls /data"),
)
"""What is otherwise than with root's podman."""

LIVE: tuple[tuple[str, ...], ...] = (
    *(
        words for words in INSIDE if words[0] not in {"pause", "ps", "unpause"}
    ),  # podman refuses: no cgroup of the user's
    ("run", "--detach", "--name", "stopped", *OFFLINE, "box", "sleep", "6000"),
    ("exec", "stopped", "/etc"),
    ("exec", "--privileged", "stopped", "grep", "^Cap", "/proc/self/status"),
    ("top", "stopped", "pid", "user"),
    ("restart", "--time", "0", "stopped"),
    ("stop", "--time", "1", "stopped"),
    ("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "stopped"),
    ("rm", "stopped"),
    ("run", "--detach", "--name", "kept", "--userns", "keep-id", *OFFLINE, "box", "sleep", "6000"),
    ("exec", "kept", "id", "-u"),
    ("exec", "--user", "77:78", "kept", "id"),
    ("rm", "--force", "--time", "0", "kept"),
    ("pod", "create", "--name", "pod", "--network", "none"),
    ("run", "--detach", "--name", "first", "--pod", "pod", *LIMITS, "box", "sleep", "6000"),
    ("run", "--rm", "--pod", "pod", *LIMITS, "box", "hostname"),
    ("exec", "first", "hostname"),
    ("pod", "rm", "--force", "--time", "0", "pod"),
    ("build", "--network", "none", "--tag", "built", "--file", "{folder}/Dockerfile", "{folder}/context"),
    ("run", "--rm", *OFFLINE, "built"),
    (
        "run",
        "--rm",
        "--network",
        "slirp4netns",
        *LIMITS,
        "box",
        "sh",
        "-c",
        "ls /sys/class/net; wc -l </proc/net/route",
    ),
    ("ps", "--all", "--quiet"),
)

PUBLISHED = """
pod run --detach --name web --publish 127.0.0.1:8080:80 @LIMITS@ box sh -c 'echo served | busybox nc -l -p 80' >/dev/null
ask() {
    for try in $(seq 300); do
        exec 3<>/dev/tcp/127.0.0.1/8080 && answer=$(cat <&3) && test "$answer" && echo "$answer" && return
        sleep 0.1
    done
}
case_of published ask
pod rm --force --time 0 web >/dev/null
""".replace("@LIMITS@", " ".join(LIMITS))

NUMBERED = {"run", "rm", "pod", "build"}
"""Commands that print an id, or what they do, when it isn't the program that prints."""


def _commands() -> dict[str, tuple[str, ...]]:
    once = {}
    for number, words in enumerate((*ONCE[::EVERY], *USERS[::EVERY])):
        options, command = split(words)
        once[f"once{number}"] = ("run", "--rm", *OFFLINE, *options, "box", *command)
    live = {f"live{number}": words for number, words in enumerate(LIVE)}
    begun = ("run", "--detach", "--name", "inside", *OFFLINE, "box", "sleep", "6000")
    return {**once, "begun": begun, **live}


def _script(folder: Path) -> str:
    lines = ["pod import image.tar box >/dev/null || exit"]
    for name, words in _commands().items():
        filled = [word.replace("{folder}", str(folder)).replace("{name}", "inside") for word in words]
        lines.append(f"case_of {name} pod {shlex.join(filled)}")
    return "\n".join(lines) + PUBLISHED


def _live(folder: Path, runtime: Path) -> dict[str, Said]:
    write_image(folder / "image.tar")
    (folder / "context").mkdir()
    dockerfile = b"FROM box\nRUN echo built >/etc/built && id -u >>/etc/built\nCMD cat /etc/built\n"
    before = give_machine(folder, {"file": b"given\n", "Dockerfile": dockerfile})
    return run_script(before, folder, runtime, _script(folder))


@pytest.fixture(scope="module")
def answers(everybodys_whit: Path) -> dict[str, dict[str, Said]]:
    """The same commands on each runtime, at the same time."""
    runtimes = {"runc": find_peer("runc"), "crun": find_peer("crun"), "whit": everybodys_whit.with_name("whit-oci")}
    # A socket's path has room for a hundred characters, of which podman takes its share.
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        folders = {runtime: Path(name) / runtime for runtime in runtimes}
        for folder in folders.values():
            folder.mkdir()

        def live(runtime: str) -> dict[str, Said]:
            program = runtimes[runtime]
            assert program is not None
            return _live(folders[runtime], program)

        with ThreadPoolExecutor(len(runtimes)) as pool:
            return dict(zip(runtimes, pool.map(live, runtimes), strict=True))


@pytest.mark.parametrize("name", [*_commands(), "published"])
def test_a_user_s_podman_answers_the_same_on_all(answers: dict[str, dict[str, Said]], name: str) -> None:
    words = _commands().get(name, ("published",))
    says = "--rm" in words or words[0] not in NUMBERED

    runc, crun, whit = (answers[runtime][name] for runtime in ("runc", "crun", "whit"))

    assert whit.status == runc.status == crun.status, (words, runc, whit)
    if says:
        assert whit.output == runc.output == crun.output, (words, whit.error)


def test_containers_are_at_work(answers: dict[str, dict[str, Said]]) -> None:
    """The same on all could be the same failure."""
    whit = answers["whit"]
    answered = {words: whit[name] for name, words in _commands().items()}

    assert whit["published"].output == "served"
    assert answered["run", "--rm", *OFFLINE, "built"] == Said(0, "built\n0", "")
    assert answered["exec", "kept", "id", "-u"].output == str(USER)
    assert answered["run", "--rm", "--pod", "pod", *LIMITS, "box", "hostname"].output == "pod"
    assert answered["exec", "{name}", "cat", "/etc/copied"].output == "given"
    online = next(said for words, said in answered.items() if "slirp4netns" in words)
    assert online.output.split() == ["lo", "tap0", "3"]
    assert answered["ps", "--all", "--quiet"] == Said(0, "", "")
