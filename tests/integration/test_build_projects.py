"""Realistic projects built by whit and by docker's classic builder, or buildah: the same files."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.builds import Builder, seen, write_context
from tests.integration.projects import BASES, PROJECTS, Project
from tests.peers import find_peer
from tests.peers.buildah import Buildah

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _pytest.mark import ParameterSet

    from tests.integration.builds import Seen
    from tests.peers.dockerd import Dockerd

    Bring = Callable[[str], object]

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("busybox-static", "musl-gcc", "nim", "go"),
]


def _marked(*, has_mounts: bool) -> list[ParameterSet]:
    return [
        pytest.param(
            project,
            id=project.name,
            marks=[pytest.mark.peer("cargo", "rustc", "gcc")] if project.base == "rust" else [],
        )
        for project in PROJECTS
        if project.needs_buildkit is has_mounts
    ]


@pytest.fixture(scope="module")
def tar_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A base image's files, made once."""
    folder = tmp_path_factory.mktemp("bases")

    def made(name: str) -> Path:
        file = folder / f"{name}.tar"
        return file if file.exists() else BASES[name](file)

    return made


def _once(bring: Bring) -> Bring:
    there: set[str] = set()

    def wanted(name: str) -> None:
        if name not in there:
            bring(name)
        there.add(name)

    return wanted


@pytest.fixture(scope="module")
def our_base(builder: Builder, tar_of: Callable[[str], Path]) -> Bring:
    return _once(lambda name: builder.engine("import", tar_of(name), name))


@pytest.fixture(scope="module")
def docker_base(dockerd: Dockerd, tar_of: Callable[[str], Path]) -> Bring:
    return _once(lambda name: dockerd.docker("import", tar_of(name), name))


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    program = find_peer("buildah")
    assert program
    made = Buildah(program, tmp_path_factory.mktemp("buildah"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def buildah_base(buildah: Buildah, tar_of: Callable[[str], Path]) -> Bring:
    return _once(lambda name: buildah.bring(tar_of(name), name))


def _assert_same(ours: Seen, theirs: Seen) -> None:
    if "etc" not in ours:
        theirs.pop("etc", None)  # what engines mount over makes it, in a container of an image without
    assert sorted(ours) == sorted(theirs)
    assert {path: (ours[path], theirs[path]) for path in ours if ours[path] != theirs[path]} == {}


def _ours(builder: Builder, folder: Path) -> Seen:
    files = builder.files(folder, "--network", "none")
    assert "CACHED" in builder.built(folder, "--network", "none", "-t", "again")
    return files


@pytest.mark.peer("dockerd", "docker")
@pytest.mark.parametrize("project", _marked(has_mounts=False))
def test_a_project_s_files_are_docker_s(
    builder: Builder, our_base: Bring, dockerd: Dockerd, docker_base: Bring, tmp_path: Path, project: Project
) -> None:
    for bring in (our_base, docker_base):
        bring("base")
        bring(project.base)
    folder = write_context(tmp_path, {**project.files, "Dockerfile": project.dockerfile})
    dockerd.docker("build", "--network", "none", "-t", project.name, folder)
    made = dockerd.docker("create", project.name, "/none").stdout.strip()
    done = subprocess.run([dockerd.client, "export", made], env=dockerd.environment, capture_output=True, check=True)
    dockerd.docker("rm", made)
    _assert_same(_ours(builder, folder), seen(done.stdout))


@pytest.mark.peer("buildah", "runc")
@pytest.mark.parametrize("project", _marked(has_mounts=True))
def test_files_of_a_project_whose_run_has_mounts_are_buildah_s(
    builder: Builder, our_base: Bring, buildah: Buildah, buildah_base: Bring, tmp_path: Path, project: Project
) -> None:
    our_base(project.base)
    buildah_base(project.base)
    folder = write_context(tmp_path, {**project.files, "Dockerfile": project.dockerfile})
    _assert_same(_ours(builder, folder), seen(buildah.files(folder)))
