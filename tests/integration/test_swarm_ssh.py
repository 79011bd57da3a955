"""An engine behind SSH: the person's own ssh, and docker's command at the other end."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import Engine
from tests.peers.web import ssh_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.dockerd import Dockerd
    from tests.peers.web import Sshd

pytestmark = [pytest.mark.root, pytest.mark.peer("dockerd", "docker", "sshd", "ssh-keygen")]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A server here, and an ``ssh`` in ``bin`` that has its key."""
    with ssh_server(tmp_path / "ssh") as server:
        options = f"-F none -o IdentityFile={server.key} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -q {options} "$@"\n')
        (tmp_path / "bin" / "ssh").chmod(0o755)
        yield server


def _asked(whit: Path, folder: Path, *settings: str) -> list[str]:
    """What ``whit stack ls`` says of an engine that is in no swarm, or isn't there."""
    path = f"PATH={folder}/bin:/usr/bin:/bin"
    done = Engine(whit, folder / "root", ("env", path, f"DOCKER_CONFIG={folder}/docker", *settings)).run("stack", "ls")
    assert done.returncode == 1
    return done.stderr.splitlines()


def test_an_engine_is_reached_by_ssh_by_its_address_and_by_a_context(
    dockerd: Dockerd, sshd: Sshd, whit: Path, tmp_path: Path
) -> None:
    before = set(Path(tempfile.gettempdir()).glob("whit-ssh-*"))
    host = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{dockerd.socket}"
    told = f"whit: the Docker Engine at {host} is in no swarm"
    assert _asked(whit, tmp_path, f"DOCKER_HOST={host}")[0] == told
    made = ["env", f"DOCKER_CONFIG={tmp_path}/docker", str(dockerd.client), "context", "create", "far"]
    subprocess.run([*made, "--docker", f"host={host}"], check=True, capture_output=True, timeout=60)
    assert _asked(whit, tmp_path, "DOCKER_CONTEXT=far")[0] == told
    # and nothing is left of the way there
    assert set(Path(tempfile.gettempdir()).glob("whit-ssh-*")) == before


def test_who_isn_t_let_in_or_has_no_engine_there_is_told_by_what_was_said(
    sshd: Sshd, whit: Path, tmp_path: Path
) -> None:
    nowhere = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}/nowhere/docker.sock"
    first, hint = _asked(whit, tmp_path, f"DOCKER_HOST={nowhere}")
    assert first == f"whit: no Docker Engine answers at {nowhere}"
    assert hint.startswith("hint: it was said: ")
    assert "/nowhere/docker.sock" in hint
    wrapper = tmp_path / "bin" / "ssh"
    wrapper.write_text(wrapper.read_text().replace("-q ", "").replace("IdentityFile=", "IdentityFile=/nowhere"))
    stranger = f"ssh://{sshd.user}@127.0.0.1:{sshd.port}"
    first, hint = _asked(whit, tmp_path, f"DOCKER_HOST={stranger}")
    assert (first, "Permission denied" in hint) == (f"whit: no Docker Engine answers at {stranger}", True)


@pytest.mark.parametrize("host", ["ssh://", "ssh://u:p@h", "ssh://h:port", "ssh://h?x=1", "ssh://h#x"])
def test_an_address_that_can_t_be_is_refused(whit: Path, tmp_path: Path, host: str) -> None:
    done = Engine(whit, tmp_path / "root", ("env", f"DOCKER_HOST={host}")).run("stack", "ls")
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, f"whit: no engine can be at {host}")
