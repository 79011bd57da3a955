"""docker with the filter of a program's own calls: programs start, serve, are entered and stop, under any runtime.

Any other call ends the program, and so would the runtime's own between the filter and the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.engines import until
from tests.integration.profiles import KILLED, PROGRAMS, TERMINATED, pack_programs
from tests.peers import find_peer
from tests.peers.dockerd import start_dockerd
from tests.programs.registries import ProgramMissingError, from_go

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "crun", "runc")]

NEWER_RUNC = "runc-1.4"
RUNTIMES = (
    "crun",
    "whit",
    pytest.param("runc", marks=pytest.mark.slow),
    pytest.param(NEWER_RUNC, marks=pytest.mark.slow),
)

VARIED: tuple[tuple[str, ...], ...] = (
    ("--user", "5:6", "--group-add", "7"),
    ("--user", "0", "--workdir", "/new/folder"),
    ("--cap-drop", "ALL"),
    ("--cap-add", "NET_BIND_SERVICE", "--user", "77"),
    ("--privileged",),
    ("--security-opt", "no-new-privileges", "--user", "5"),
    ("--read-only", "--tmpfs", "/tmp"),
    ("--tty",),
    ("--interactive",),
    ("--pid", "host", "--ipc", "host", "--uts", "host"),
    ("--cgroupns", "private", "--memory", "64m", "--pids-limit", "20"),
    ("--sysctl", "kernel.msgmax=1000", "--oom-score-adj", "300", "--ulimit", "nofile=100"),
)
"""What has a runtime make other calls of its own."""

ENTERED: tuple[tuple[str, ...], ...] = (
    ("--user", "5:6"),
    ("--tty",),
    ("--workdir", "/", "--env", "A=b"),
    ("--interactive",),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, whit: Path) -> Path:
    """The folder of the programs' images and profiles."""
    folder: Path = tmp_path_factory.mktemp("profiles")
    pack_programs(folder, whit)
    return folder


@pytest.fixture(scope="module")
def engine(place: Path) -> Iterator[Dockerd]:
    """An engine with the images, on which crun runs."""
    crun = find_peer("crun")
    assert crun is not None
    newer = place / NEWER_RUNC
    folder = place / "dockerd"
    folder.mkdir()
    with start_dockerd(folder, {"crun": crun, NEWER_RUNC: newer}, hybrid=False) as made:
        for name in PROGRAMS:
            made.docker("load", "--input", place / f"{name}.tar")
        yield made


class Place:
    """An engine with a runtime, and the profiles."""

    def __init__(self, engine: Dockerd, folder: Path, runtime: str) -> None:
        self.engine, self.folder, self.runtime = engine, folder, runtime

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run docker to its end."""
        return self.engine.docker(*words, check=False)

    def run(self, profile: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a container under the filter of that name."""
        profiled = ("--security-opt", f"seccomp={self.folder}/{profile}.json")
        return self("run", "--runtime", self.runtime, "--network", "none", *profiled, *words)

    def begin(self, program: str, *arguments: str) -> str:
        """Start a server under its filter; its name, once it listens."""
        name = f"{program}-{self.runtime}"
        started = self.run(program, "--detach", "--name", name, program, *arguments)
        assert started.returncode == 0, started.stderr
        until(lambda: "listening" in self("logs", name).stdout)
        return name


@pytest.fixture(params=RUNTIMES)
def docker(request: pytest.FixtureRequest, engine: Dockerd, place: Path) -> Place:
    """docker with each runtime."""
    if request.param == NEWER_RUNC and not (place / NEWER_RUNC).exists():
        try:
            (place / NEWER_RUNC).symlink_to(
                from_go("github.com/opencontainers/runc", "v1.4.0", cgo=True, tags="seccomp")
            )
        except ProgramMissingError as error:
            lacking(str(error))
    return Place(engine, place, request.param)


def test_a_program_does_its_work_whatever_the_runtime_has_to_do_before(docker: Place) -> None:
    for words in ((), *VARIED):
        ran = docker.run("hello", "--rm", *words, "hello")
        assert (ran.returncode, ran.stdout.strip()) == (0, "hello from c"), (words, ran.stderr)

    assert docker.run("wrong", "--rm", "hello").returncode == KILLED


def test_servers_serve_are_entered_and_stop(docker: Place) -> None:
    net, server = docker.begin("net", "serve", "7000"), docker.begin("server")

    for words in ((), *ENTERED):
        asked = docker("exec", *words, net, "/net", "ask", "127.0.0.1:7000", "abc")
        assert (asked.returncode, asked.stdout.strip()) == (0, "cba"), (words, asked.stderr)
        # A program that never asks whether its streams are terminals: the runtime does
        again = docker("exec", *words, server, "/server", "nonsense")
        assert again.returncode == 1, (words, again.stderr)
        assert "missing port" in again.stdout + again.stderr

    docker("exec", net, "/net", "ask", "127.0.0.1:7000", "end")
    assert docker("wait", net).stdout.strip() == "0"
    docker("stop", "--time", "60", server)
    assert docker("wait", server).stdout.strip() == str(TERMINATED)
