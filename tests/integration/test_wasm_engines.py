"""WebAssembly on whit-oci under others' engines: images that whit packed, and images that say nothing of it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import LONG, Answer
from tests.peers import find_peer
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("wasm_engine")]

LIMITS = ("--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""podman asks for more open files than root may here."""


@pytest.fixture(scope="module")
def program() -> Path:
    return build("wasi", "wasm-c", flags=("-g",))


@dataclass(frozen=True, slots=True)
class Podman:
    """podman with a store of its own, on whit-oci."""

    folder: Path
    runtime: Path

    def __call__(self, *words: str | Path) -> Answer:
        """Run it to its end."""
        own = self.folder
        places = ("--root", f"{own}/p", "--runroot", f"{own}/r", "--tmpdir", f"{own}/t", "--storage-driver", "vfs")
        options = ("--cgroup-manager", "cgroupfs", "--events-backend", "none", "--log-level", "error")
        done = subprocess.run(
            ["podman", *places, *options, "--runtime", self.runtime, *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LONG,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def podman(whit: Path) -> Iterator[Podman]:
    # A socket's path has room for a hundred characters, of which podman takes its share.
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        yield Podman(Path(short), whit.with_name("whit-oci"))


@pytest.mark.peer("podman", "conmon")
def test_podman_runs_an_image_that_whit_packed(
    podman: Podman, run_whit: RunWhit, program: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "app.tar"
    assert run_whit("pack", "-t", "me/app:1", "-o", archive, "-e", "GIVEN=1", program).returncode == 0
    assert podman("load", "-i", archive).code == 0

    plain = podman("run", "--rm", *LIMITS, "me/app:1", "args", "x")
    asked = podman("run", "--rm", *LIMITS, "--annotation", "run.oci.handler=wasm", "me/app:1", "exit", "7")
    chosen = podman("run", "--rm", *LIMITS, "--platform", "wasi/wasm", "--env", "B=2", "me/app:1", "env")

    assert (plain.code, plain.out) == (0, f"/{program.name}\nargs\nx\n"), plain.err
    assert asked.code == 7, asked.err
    assert {"GIVEN=1", "B=2"} <= set(chosen.out.splitlines()), chosen.err


@pytest.mark.peer("podman", "conmon")
def test_podman_hands_on_what_the_image_s_annotation_says(
    podman: Podman, run_whit: RunWhit, program: Path, tmp_path: Path
) -> None:
    """Given a program whose name says nothing, when its image is run, then crun's annotation, which pack made, tells."""
    archive, named = tmp_path / "app.tar", tmp_path / "app"
    shutil.copyfile(program, named)
    assert run_whit("pack", "-t", "me/app:1", "-o", archive, named).returncode == 0
    assert podman("load", "-i", archive).code == 0

    ran = podman("run", "--rm", *LIMITS, "me/app:1", "args")

    assert (ran.code, ran.out) == (0, "/app\nargs\n"), ran.err


@pytest.mark.peer("dockerd", "docker")
def test_docker_runs_a_module_in_an_image_that_says_nothing_of_it(
    dockerd: Dockerd, program: Path, tmp_path: Path
) -> None:
    """docker 20.10 itself takes no image for wasi: it is one for linux, as people built them then."""
    context = tmp_path / "context"
    context.mkdir()
    shutil.copyfile(program, context / "app.wasm")
    (context / "Dockerfile").write_text('FROM scratch\nCOPY app.wasm /app.wasm\nENTRYPOINT ["/app.wasm"]\n')
    dockerd.docker("build", "--tag", "wasm-for-linux", str(context))
    run = ("run", "--rm", "--network", "none", "--runtime", "whit")

    first = dockerd.docker(*run, "wasm-for-linux", "args", "x", check=False)
    again = dockerd.docker(*run, "wasm-for-linux", "args", "y", check=False)
    failed = dockerd.docker(*run, "wasm-for-linux", "exit", "7", check=False)

    assert (first.returncode, first.stdout) == (0, "/app.wasm\nargs\nx\n"), first.stderr
    assert (again.returncode, again.stdout) == (0, "/app.wasm\nargs\ny\n"), again.stderr
    assert failed.returncode == 7


@pytest.mark.peer("dockerd", "docker", "ctr")
def test_containerd_runs_a_module_by_annotation(dockerd: Dockerd, whit: Path, program: Path, tmp_path: Path) -> None:
    socket = dockerd.socket.parent / "exec" / "containerd" / "containerd.sock"
    ctr = find_peer("ctr")
    assert ctr is not None
    shutil.copyfile(program, tmp_path / "app")
    words = ("run", "--rm", "--runc-binary", whit.with_name("whit-oci"), "--annotation", "run.oci.handler=wasm")

    done = subprocess.run(
        [ctr, "--address", socket, "--namespace", "whit-wasm", *words, "--rootfs", tmp_path, "wasm", "/app", "args"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "/app\nargs\n"), done.stderr
