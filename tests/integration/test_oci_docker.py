"""docker on whit-oci: the same output and exit code as on runc."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "runc", "busybox-static")]

IMAGE = "whit-test-busybox"
APPLETS = ("sh", "echo", "id", "cat", "tty", "hostname", "sleep", "ls", "true")

ONCE = (
    ("{image}", "echo", "hi"),
    ("{image}", "sh", "-c", "echo out; echo err >&2; exit 7"),
    ("{image}", "nonesuch"),
    ("{image}", "/etc"),
    ("--network", "none", "{image}", "id"),
    ("--user", "5:6", "{image}", "id"),
    ("--read-only", "{image}", "sh", "-c", "echo x > /y"),
    ("--tty", "{image}", "tty"),
    ("--init", "{image}", "true"),
    ("--hostname", "there", "{image}", "hostname"),
    ("--workdir", "/etc", "{image}", "sh", "-c", "pwd"),
    ("--pid", "host", "{image}", "true"),
    ("--device", "/dev/zero:/dev/z", "{image}", "ls", "/dev/z"),
    ("--ulimit", "nofile=100:100", "{image}", "sh", "-c", "ulimit -n"),
    ("--memory", "64m", "{image}", "true"),
)

INSIDE = (
    ("exec", "{name}", "sh", "-c", "id; exit 3"),
    ("exec", "-t", "{name}", "tty"),
    ("exec", "-u", "5", "-e", "A=b", "{name}", "sh", "-c", "id; echo $A"),
    ("update", "--memory", "64m", "--memory-swap", "64m", "{name}"),
    ("pause", "{name}"),
    ("unpause", "{name}"),
    ("restart", "-t", "0", "{name}"),
    ("kill", "{name}"),
    ("wait", "{name}"),
)


@pytest.fixture(scope="module")
def image(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image with busybox."""
    busybox = find_peer("busybox-static")
    assert busybox is not None
    archive: Path = tmp_path_factory.mktemp("image") / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("bin", "etc", "dev", "proc", "sys"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        program = tarfile.TarInfo("bin/busybox")
        data = busybox.read_bytes()
        program.size, program.mode = len(data), 0o755
        tar.addfile(program, io.BytesIO(data))
        for name in APPLETS:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    dockerd.docker("import", archive, IMAGE)
    return IMAGE


@pytest.mark.parametrize("words", ONCE, ids=" ".join)
def test_run_is_the_same_on_both(dockerd: Dockerd, image: str, words: tuple[str, ...]) -> None:
    filled = [word.format(image=image) for word in words]
    runc, whit = (
        dockerd.docker("run", "--rm", f"--runtime={name}", *filled, check=False, timeout=60)
        for name in ("runc", "whit")
    )
    assert (whit.returncode, whit.stdout) == (runc.returncode, runc.stdout), whit.stderr


@pytest.mark.parametrize("words", INSIDE, ids=lambda words: words[0])
def test_commands_on_a_container_are_the_same_on_both(dockerd: Dockerd, image: str, words: tuple[str, ...]) -> None:
    answers = []
    for runtime in ("runc", "whit"):
        name = f"inside-{runtime}"
        dockerd.docker("run", "--detach", "--name", name, f"--runtime={runtime}", image, "sleep", "600")
        if words[0] == "unpause":
            dockerd.docker("pause", name)
        if words[0] == "wait":
            dockerd.docker("kill", name)
        done = dockerd.docker(*(word.format(name=name) for word in words), check=False, timeout=60)
        answers.append((done.returncode, done.stdout.replace(name, "NAME")))
        dockerd.docker("rm", "--force", name)
    assert answers[0] == answers[1]
