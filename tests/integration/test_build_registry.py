"""Base images that aren't in the store: pulled, once, and again when they are asked for anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, make_builder, write_context
from tests.integration.kept import Engine
from tests.peers.registry import docker_registry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("docker-registry"),
    pytest.mark.peer("busybox-static"),
]


def test_bases_are_pulled_once_and_newer_ones_when_asked_for(whit: Path, tmp_path: Path) -> None:
    pushing = make_builder(whit, tmp_path)
    with docker_registry(tmp_path / "registry") as registry:
        name = f"localhost:{registry.port}/team/base:1"
        pushing.engine("tag", "base", name)
        pushing.engine("push", name)
        builder = Builder(Engine(whit, tmp_path / "other"), tmp_path)
        lines = f"FROM {name}\nCOPY a /a\nCOPY --from={name} /etc/passwd /copied\n"
        folder = write_context(tmp_path / "context", {"Dockerfile": lines, "a": "a\n"})
        assert "Pulling from team/base" in builder.built(folder, "-t", "first")
        assert "Pulling" not in builder.built(folder, "-t", "second")

        newer = write_context(tmp_path / "newer", {"Dockerfile": "FROM base\nLABEL new=1\n"})
        pushing.built(newer, "-t", name)
        pushing.engine("push", name)
        builder.built(folder, "-t", "second")
        assert builder.config("second").labels == ()
        told = builder.built(folder, "-t", "third", "--pull")
        assert builder.config("third").labels == (("new", "1"),)
        assert told.count("CACHED") == 2, "its files are the same"

    builder.engine("rmi", "-f", name)
    done = builder(folder, "-t", "fourth")
    assert done.returncode == 1
    assert "can't be pulled" in done.stderr
