"""Realistic projects built by whit and by docker's classic builder: the same files, the same configuration."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, base_tar, make_builder, seen, write_context
from tests.integration.projects import PROJECTS, Project, tools_tar

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.dockerd import Dockerd

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("dockerd", "docker", "busybox-static", "musl-gcc", "nim", "go"),
]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases")
    base_tar(folder / "base.tar")
    tools_tar(folder / "tools.tar")
    return folder


@pytest.fixture(scope="module")
def builder(whit: Path, bases: Path, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    made = make_builder(whit, tmp_path_factory.mktemp("builds"))
    made.engine("import", bases / "tools.tar", "tools")
    return made


@pytest.fixture(scope="module")
def docker(dockerd: Dockerd, bases: Path) -> Dockerd:
    for name in ("base", "tools"):
        dockerd.docker("import", bases / f"{name}.tar", name)
    return dockerd


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_project_s_files_are_docker_s(builder: Builder, docker: Dockerd, tmp_path: Path, project: Project) -> None:
    folder = write_context(tmp_path, {**project.files, "Dockerfile": project.dockerfile})
    ours = builder.files(folder, "--network", "none")
    assert "CACHED" in builder.built(folder, "--network", "none", "-t", "again")
    if project.needs_buildkit:
        return
    docker.docker("build", "--network", "none", "-t", project.name, folder)
    made = docker.docker("create", project.name, "/none").stdout.strip()
    done = subprocess.run([docker.client, "export", made], env=docker.environment, capture_output=True, check=True)
    docker.docker("rm", made)
    theirs = seen(done.stdout)
    if "etc" not in ours:
        theirs.pop("etc", None)  # what docker mounts over makes it, in a container of an image without
    assert sorted(ours) == sorted(theirs)
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}
