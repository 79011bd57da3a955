"""Images under lint as people have them: out of whit's own store, built by docker from a Dockerfile and saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

DOCKERFILE = """
FROM scratch
ENV API_TOKEN=hunter2-hunter2
COPY exit /exit
COPY large /large
COPY empty /large
EXPOSE 80
USER 1000
ENTRYPOINT /exit
"""


def findings(run_whit: RunWhit, *arguments: str | Path) -> tuple[int, dict[str, str]]:
    done = run_whit("lint", "--json", *arguments)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["kind"] == "image"
    return done.returncode, {finding["id"]: finding["level"] for finding in document["findings"]}


def test_an_image_of_the_store_by_name_id_and_digest(run_whit: RunWhit) -> None:
    program = build("exit", "c-musl", stripped=True)
    packed = json.loads(run_whit("pack", "--json", program, "-t", "me/exit:1").stdout)
    expected = (0, {"missing-labels": "note", "not-pie": "note"})
    assert findings(run_whit, "me/exit:1") == expected
    assert findings(run_whit, f"me/exit@{packed['digest']}") == expected


@pytest.mark.peer("dockerd")
@pytest.mark.root
def test_what_docker_builds_and_saves(run_whit: RunWhit, tmp_path: Path, dockerd: Dockerd) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "exit").write_bytes(build("exit", "c-musl", stripped=True).read_bytes())
    (context / "exit").chmod(0o755)
    (context / "large").write_bytes(bytes(100_000))
    (context / "empty").write_bytes(b"")
    dockerd.docker("build", "-t", "lint-me", context)
    dockerd.docker("save", "-o", tmp_path / "saved.tar", "lint-me")

    code, found = findings(run_whit, tmp_path / "saved.tar")

    assert code == 1
    assert found == {
        "missing-program": "error",
        "shell-form": "error",
        "secret-in-environment": "warning",
        "low-port": "warning",
        "missing-labels": "note",
        "hidden-file": "note",
    }
