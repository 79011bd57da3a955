"""``whit compose config`` as a person uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SMALL = """
name: small
services:
  web:
    image: "web:${TAG:-1}"
    profiles: [on]
    environment: {PRICE: "1$$"}
    depends_on: [db]
  db:
    image: db
    volumes: ["state:/state"]
volumes:
  state:
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yaml").write_text(SMALL)
    return folder


def test_it_is_found_from_a_folder_below(run_whit: RunWhit, project: Path) -> None:
    below = project / "a" / "b"
    below.mkdir(parents=True)
    done = run_whit("compose", "config", "--json", cwd=below)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "small"


def test_without_a_file_it_is_said_what_to_write(run_whit: RunWhit, tmp_path: Path) -> None:
    done = run_whit("compose", "config", cwd=tmp_path)
    assert done.returncode != 0
    assert "there is no Compose file" in done.stderr
    assert "hint: write compose.yaml" in done.stderr


def test_its_output_is_a_compose_file_that_means_the_same(run_whit: RunWhit, project: Path) -> None:
    first = run_whit("compose", "--profile", "on", "config", cwd=project, environment={"TAG": "7"})
    assert yaml.safe_load(first.stdout)["services"]["web"]["image"] == "web:7"
    assert yaml.safe_load(first.stdout)["services"]["web"]["environment"] == {"PRICE": "1$$"}
    again = run_whit("compose", "-f", "-", "--profile", "on", "config", cwd=project, stdin=first.stdout)
    assert again.stdout == first.stdout
    assert again.returncode == 0


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (["config", "--services"], ["db"]),
        (["--profile", "on", "config", "--services"], ["web", "db"]),
        (["config", "--volumes"], ["state"]),
        (["config", "--networks"], ["default"]),
        (["config", "--profiles"], ["on"]),
        (["config", "--images", "db"], ["db"]),
        (["--profile", "*", "config", "--images"], ["web:1", "db"]),
        (["config", "--quiet"], []),
    ],
)
def test_lists_are_a_name_a_line(run_whit: RunWhit, project: Path, words: list[str], lines: list[str]) -> None:
    done = run_whit("compose", *words, cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == lines


def test_variables_are_listed_with_their_defaults(run_whit: RunWhit, project: Path) -> None:
    done = run_whit("compose", "--profile", "*", "config", "--variables", "--json", cwd=project)
    assert json.loads(done.stdout) == {"TAG": {"required": False, "default": "1", "alternative": ""}}


def test_variables_may_stay_as_they_are_written(run_whit: RunWhit, project: Path) -> None:
    text = SMALL.replace('["state:/state"]', '["${FOLDER}:/x"]')
    (project / "compose.yaml").write_text(text)
    done = run_whit("compose", "--profile", "*", "config", "--no-interpolate", "--json", cwd=project)
    assert json.loads(done.stdout)["services"]["web"]["image"] == "web:${TAG:-1}"


def test_a_hash_changes_with_the_configuration_only(run_whit: RunWhit, project: Path) -> None:
    first = run_whit("compose", "config", "--hash", "*", cwd=project).stdout
    (project / "compose.yaml").write_text(
        SMALL.replace("depends_on: [db]", "depends_on: {db: {condition: service_healthy}}")
    )
    assert run_whit("compose", "config", "--hash", "db", cwd=project).stdout == first
    (project / "compose.yaml").write_text(SMALL.replace("/state", "/elsewhere"))
    assert run_whit("compose", "config", "--hash", "db", cwd=project).stdout != first


def test_a_mistake_is_one_line_with_its_place_and_nothing_is_printed(run_whit: RunWhit, project: Path) -> None:
    (project / "compose.yaml").write_text(SMALL.replace("depends_on", "depend_on"))
    done = run_whit("compose", "config", cwd=project)
    assert done.returncode == 1
    assert done.stdout == ""
    message = f"whit: {project}/compose.yaml:8:5: there is no key 'depend_on' in services.web"
    assert done.stderr.splitlines() == [message, "hint: did you mean 'depends_on'?"]


def test_an_unset_variable_is_a_warning(run_whit: RunWhit, project: Path) -> None:
    (project / "compose.yaml").write_text(SMALL.replace("${TAG:-1}", "$TAG"))
    done = run_whit("compose", "config", cwd=project)
    assert done.returncode == 0
    assert "whit: warning: the variable TAG isn't set, and so empty" in done.stderr


def test_what_is_written_to_a_file_is_what_would_be_printed(run_whit: RunWhit, project: Path) -> None:
    printed = run_whit("compose", "config", cwd=project).stdout
    assert run_whit("compose", "config", "-o", "out.yaml", cwd=project).stdout == ""
    assert (project / "out.yaml").read_text() == printed
