"""What a person reads when docker can't start a program on whit-oci: one line that says why, and docker's exit code for it.

docker makes its exit code from the words of the runtime: 127 for "no such file or directory" and "executable file not
found", 126 for "permission denied" and "is a directory", 125 for all else. runc lets the kernel find out after the
start: what the kernel refuses is then said by the container itself, as its output, and its exit code is docker's.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import EVERY, LONG, Answer, both, write_image
from tests.integration.unexecutable import PROGRAMS, WORDS
from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "runc", "busybox-static")]

IMAGE = "whit-test-unexecutable"

REFUSED: tuple[tuple[tuple[str, ...], int, tuple[str, ...]], ...] = (
    (("{image}", "nonesuch"), 127, ('exec: "nonesuch": executable file not found in $PATH',)),
    (("{image}", "/bin/nonesuch"), 127, ("stat /bin/nonesuch: no such file or directory",)),
    (("{image}", "/etc"), 126, ("give the program, not its folder",)),
    (("{image}", "/bin/modeless"), 126, WORDS["modeless"]),
    (("--volume", "{noexec}:/run", "{image}", "/run/busybox"), 126, ("permission denied", "noexec mount")),
    (("--volume", "{noexec}/busybox:/etc", "{image}", "true"), 125, ("mount a file on a file",)),
    (("--mount", "type=bind,source=/nowhere,target=/data", "{image}", "true"), 125, ("/nowhere",)),
)
"""A command, and what both runtimes make docker exit with; the words are whit-oci's, but for the last, which is docker's."""

LATE = {"loaderless": 127, "foreign": 125, "interpreterless": 127, "crlf": 127, "text": 125}
"""What the kernel refuses: docker's exit code on whit-oci."""


@dataclass(frozen=True, slots=True)
class Place:
    """An engine that has the image, and a folder from which nothing is executed."""

    engine: Dockerd
    noexec: Path

    def ask(self, *words: str) -> Answer:
        """Run the docker command to its end."""
        filled = [word.replace("{image}", IMAGE).replace("{noexec}", str(self.noexec)) for word in words]
        done = self.engine.docker(*filled, check=False, timeout=LONG)
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def place(dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("unexecutable")
    write_image(folder / "image.tar", PROGRAMS)
    dockerd.docker("import", folder / "image.tar", IMAGE)
    busybox = find_peer("busybox-static")
    assert busybox is not None
    noexec = folder / "noexec"
    noexec.mkdir()
    shutil.copy(busybox, noexec / "busybox")
    # The engine has a mount namespace of its own: the mount is made there.
    inside = ("nsenter", "--mount", "--target", str(dockerd.pid))
    subprocess.run([*inside, "mount", "--bind", noexec, noexec], check=True)
    subprocess.run([*inside, "mount", "-o", "remount,bind,noexec", noexec], check=True)
    yield Place(dockerd, noexec)
    subprocess.run([*inside, "umount", noexec], check=True)


def the_line(answer: Answer) -> str:
    """The one line of an error, without the client's own word about its help."""
    (line,) = (line for line in answer.err.splitlines() if line and "--help" not in line)
    return line


@pytest.mark.parametrize(("words", "code", "said"), REFUSED[::EVERY], ids=lambda words: str(words)[:50])
def test_what_both_runtimes_refuse_has_the_same_exit_code(
    place: Place, words: tuple[str, ...], code: int, said: tuple[str, ...]
) -> None:
    runc, whit = both(lambda runtime: place.ask("run", "--rm", f"--runtime={runtime}", *words))

    assert (runc.code, whit.code) == (code, code), (runc.err, whit.err)
    for word in said:
        assert word in the_line(whit)


@pytest.mark.parametrize("name", list(LATE)[::EVERY])
def test_what_the_kernel_refuses_is_an_error_and_no_output_of_the_container(place: Place, name: str) -> None:
    runc, whit = both(lambda runtime: place.ask("run", "--rm", f"--runtime={runtime}", IMAGE, f"/bin/{name}"))

    assert whit.code == LATE[name]
    for word in (f"/bin/{name}", *WORDS[name]):
        assert word in the_line(whit)
    assert runc.code not in {0, 125, 126, 127}
    assert runc.err.startswith(f"exec /bin/{name}: ")


def test_exec_says_the_same(place: Place) -> None:
    assert place.ask("run", "--detach", "--name", "executing", "--runtime=whit", IMAGE, "sleep", "600").code == 0
    try:
        for name in list(PROGRAMS)[::EVERY]:
            answer = place.ask("exec", "executing", f"/bin/{name}")
            assert answer.code == 126
            for word in WORDS[name]:
                assert word in answer.out + answer.err
    finally:
        place.ask("rm", "--force", "executing")
