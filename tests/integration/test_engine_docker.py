"""Everyday docker commands, word for word, with docker and with whit: the same exit code and, but for what is told here, output."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.engines import Answer, write_image
from tests.integration.everyday import IMAGE, STEPS, WORDS, Step, by_whit, plain
from tests.integration.kept import Engine
from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "skopeo", "busybox-static")]


@pytest.fixture(scope="module")
def engine(dockerd: Dockerd, whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with the same image as docker has."""
    folder = tmp_path_factory.mktemp("everyday")
    write_image(folder / "image.tar")
    dockerd.docker("import", folder / "image.tar", IMAGE)
    dockerd.docker("save", "-o", folder / "saved.tar", IMAGE)
    made = Engine(whit, folder / "root")
    made("images")
    (made.root / "images").mkdir(parents=True, mode=0o700, exist_ok=True)
    made.root.chmod(0o700)
    skopeo = find_peer("skopeo")
    assert skopeo is not None
    target = f"oci:{made.root}/images:docker.io/library/{IMAGE}:latest"
    subprocess.run(
        [skopeo, "copy", "-q", "--insecure-policy", f"docker-archive:{folder}/saved.tar", target], check=True
    )
    yield made
    made.clean()


def _by_docker(dockerd: Dockerd, one: Step) -> Answer:
    done = dockerd.docker(*one.words, stdin=one.stdin, check=False)
    return Answer(done.returncode, plain(done.stdout), plain(done.stderr))


def test_everyday_commands_do_the_same(dockerd: Dockerd, engine: Engine) -> None:
    """One after the other, as a person types them: what one leaves the next one finds."""
    different = []
    for one in STEPS:
        theirs, ours = _by_docker(dockerd, one), by_whit(engine, one)
        same = ours.code == theirs.code if one.differs == WORDS else ours == theirs
        if one.differs and one.differs != WORDS:
            same = True
        if not same:
            different.append((" ".join(one.words), theirs, ours))
    assert not different, "\n\n".join(f"{line}\n  docker {theirs}\n  whit   {ours}" for line, theirs, ours in different)


def test_there_are_as_many_as_people_use() -> None:
    assert len(STEPS) >= 60
