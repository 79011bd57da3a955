"""Where a project's files, variables and name come from: options, the environment, ``.env``, the folders above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import NotFoundError
from whit.runtime.compose.commands.chosen import Chosen
from whit.runtime.compose.finding import load
from whit.runtime.compose.model import ComposeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from whit.runtime.compose.model import Canonical

FILE = "services: {a: {image: 'i:${V:-none}'}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "My Project"
    folder.mkdir()
    return folder


def found(folder: Path, environment: Mapping[str, str] | None = None, **words: object) -> Canonical:
    return load(Chosen(**words), None, environment or {}, str(folder))  # type: ignore[arg-type]


def image(canonical: Canonical) -> str:
    return str(canonical.configuration["services"]["a"]["image"])


@pytest.mark.parametrize("name", ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"])
def test_a_file_of_each_name_is_found_here_and_below(project: Path, name: str) -> None:
    (project / name).write_text(FILE)
    (project / "sub").mkdir()
    canonical = found(project / "sub")
    assert canonical.files == (str(project / name),)
    assert (canonical.name, canonical.directory) == ("myproject", str(project))


def test_the_override_beside_it_is_taken_and_of_two_names_the_first(project: Path) -> None:
    (project / "compose.yaml").write_text(FILE)
    (project / "docker-compose.yml").write_text("nonsense")
    (project / "compose.override.yaml").write_text("services: {a: {hostname: h}}\n")
    canonical = found(project)
    assert canonical.configuration["services"]["a"]["hostname"] == "h"
    assert canonical.warnings == (f"{project}: there are compose.yaml, docker-compose.yml; compose.yaml is taken",)


def test_files_that_are_named_stand_alone_and_the_first_ones_folder_is_the_projects(project: Path) -> None:
    (project / "a.yaml").write_text(FILE)
    (project / "compose.override.yaml").write_text("nonsense")
    canonical = found(project.parent, files=("My Project/a.yaml",))
    assert canonical.directory == str(project)


def test_files_may_be_named_by_the_environment_or_dot_env(project: Path) -> None:
    (project / "a.yaml").write_text(FILE)
    (project / "b.yaml").write_text("services: {a: {hostname: h}}\n")
    assert len(found(project, {"COMPOSE_FILE": "a.yaml:b.yaml"}).files) == 2
    assert len(found(project, {"COMPOSE_FILE": "a.yaml;b.yaml", "COMPOSE_PATH_SEPARATOR": ";"}).files) == 2
    (project / ".env").write_text("COMPOSE_FILE=a.yaml\nCOMPOSE_PROJECT_NAME=dotted\nV=dot\n")
    canonical = found(project)
    assert (canonical.name, image(canonical)) == ("dotted", "i:dot")


def test_the_environment_wins_over_dot_env_and_env_files_are_in_its_place(project: Path) -> None:
    (project / "compose.yaml").write_text(FILE)
    (project / ".env").write_text("V=dot\n")
    (project / "one.env").write_text("V=one\n")
    (project / "two.env").write_text("V=two\n")
    assert image(found(project)) == "i:dot"
    assert image(found(project, {"V": "outer"})) == "i:outer"
    assert image(found(project, env_files=("one.env", "two.env"))) == "i:two"
    assert image(found(project, {"COMPOSE_ENV_FILES": "two.env,one.env"})) == "i:one"
    assert image(found(project, {"COMPOSE_DISABLE_ENV_FILE": "1"})) == "i:none"


def test_dot_env_of_the_projects_folder_is_read_from_below(project: Path) -> None:
    (project / "compose.yaml").write_text(FILE)
    (project / ".env").write_text("V=dot\n")
    (project / "sub").mkdir()
    assert image(found(project / "sub")) == "i:dot"


def test_a_project_directory_is_where_paths_begin(project: Path) -> None:
    (project / "compose.yaml").write_text("services: {a: {image: i, volumes: ['./d:/d']}}\n")
    (project / "dir").mkdir()
    canonical = found(project, files=("compose.yaml",), directory="dir")
    assert canonical.configuration["services"]["a"]["volumes"][0]["source"] == f"{project}/dir/d"
    assert canonical.name == "dir"


def test_names_and_profiles_come_from_options_before_the_environment(project: Path) -> None:
    (project / "compose.yaml").write_text("services: {a: {image: i}, b: {image: i, profiles: [x]}}\n")
    environment = {"COMPOSE_PROJECT_NAME": "outer", "COMPOSE_PROFILES": " x , y"}
    canonical = found(project, environment)
    assert (canonical.name, list(canonical.configuration["services"])) == ("outer", ["a", "b"])
    canonical = found(project, environment, name="given", profiles=("none",))
    assert (canonical.name, list(canonical.configuration["services"])) == ("given", ["a"])


def test_what_isnt_there_is_told(project: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no Compose file"):
        found(project)
    with pytest.raises(ComposeError, match=r"none\.yaml: No such file"):
        found(project, files=("none.yaml",))
    with pytest.raises(ComposeError, match="My Project: Is a directory"):
        found(project, files=(".",))
    (project / "compose.yaml").write_text(FILE)
    with pytest.raises(NotFoundError, match=r"no env file .*none.env"):
        found(project, env_files=("none.env",))


def test_bytes_that_are_no_text_are_told_with_their_line(project: Path) -> None:
    (project / "compose.yaml").write_bytes(b"services:\n  a: {image: \xff}\n")
    with pytest.raises(ComposeError, match=r"compose\.yaml:2:1: not valid UTF-8"):
        found(project)
