"""``whit kube generate`` as a person uses it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.peers import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SHOP = """
name: shop
services:
  web:
    image: "web:1"
    restart: always
    ports: ["8080:80"]
    secrets: [token]
    configs: [{source: conf, target: /etc/conf}]
    volumes: ["./site.html:/site.html:ro"]
    depends_on: [db]
    init: true
  db:
    image: db:1
    restart: always
    volumes: ["data:/data"]
volumes: {data: {x-kubernetes: {size: 2Gi}}}
secrets: {token: {environment: TOKEN}}
configs: {conf: {file: ./conf}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "compose.yaml").write_text(SHOP)
    (folder / "conf").write_text("a=1\n")
    (folder / "site.html").write_text("<p>\n")
    return folder


def test_a_file_becomes_a_folder_that_is_valid_and_always_the_same(run_whit: RunWhit, project: Path) -> None:
    words = ("kube", "generate", "compose.yaml", "--namespace", "prod", "--validate")
    done = run_whit(*words, "-o", "k8s/", cwd=project, environment={"TOKEN": "t"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    listed = yaml.safe_load((project / "k8s" / "kustomization.yaml").read_text())["resources"]
    assert {"deployment-web.yaml", "statefulset-db.yaml", "secret-shop-token.yaml"} <= set(listed)
    again = run_whit(*words, "-o", "again", cwd=project, environment={"TOKEN": "t"})
    assert again.stderr == done.stderr
    for place in (project / "k8s").iterdir():
        assert place.read_bytes() == (project / "again" / place.name).read_bytes()


def test_what_is_otherwise_is_told_with_its_place(run_whit: RunWhit, project: Path) -> None:
    done = run_whit("kube", "generate", cwd=project, environment={"TOKEN": "t"})
    assert done.returncode == 0, done.stderr
    assert f"note: {project}/compose.yaml:12:5: services.web.init: " in done.stderr
    assert len(list(yaml.safe_load_all(done.stdout))) == 8
    quiet = run_whit("kube", "generate", "-q", cwd=project, environment={"TOKEN": "t"})
    assert quiet.stderr == ""
    assert quiet.stdout == done.stdout


def test_what_cant_be_done_is_refused_with_its_place_and_nothing_is_written(run_whit: RunWhit, project: Path) -> None:
    (project / "compose.yaml").write_text(SHOP.replace("init: true", 'devices: ["/dev/kvm"]'))
    done = run_whit("kube", "generate", "-o", "k8s", cwd=project, environment={"TOKEN": "t"})
    assert done.returncode != 0
    assert done.stderr.startswith(f"whit: {project}/compose.yaml:12:5: services.web.devices: ")
    assert len(done.stderr.splitlines()) == 2
    assert not (project / "k8s").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("file: ./conf", "file: ./nothing"), "configs.conf: there is no file"),
        (("./site.html:/site.html:ro", "./site.html:/site.html"), "services.web.volumes[0]: "),
        (("size: 2Gi", "size: two"), "volumes.data.x-kubernetes.size: two"),
    ],
)
def test_mistakes_are_told_in_two_lines(run_whit: RunWhit, project: Path, change: tuple[str, str], said: str) -> None:
    (project / "compose.yaml").write_text(SHOP.replace(*change))
    done = run_whit("kube", "generate", cwd=project, environment={"TOKEN": "t"})
    assert done.returncode != 0
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert done.stdout == ""


def test_a_variable_that_isnt_set_is_no_secret(run_whit: RunWhit, project: Path) -> None:
    done = run_whit("kube", "generate", cwd=project)
    assert done.returncode != 0
    assert "TOKEN" in done.stderr
    left = run_whit("kube", "generate", "--without-secrets", cwd=project, environment={"TOKEN": "hunter2"})
    assert left.returncode == 0, left.stderr
    assert "the Secret shop-token with the key token must be there" in left.stderr
    assert "aHVudGVyMg" not in left.stdout


def test_its_json_has_objects_and_notes(run_whit: RunWhit, project: Path) -> None:
    done = run_whit("kube", "generate", "--json", "-o", "k8s", cwd=project, environment={"TOKEN": "t"})
    page = json.loads(done.stdout)
    assert page["schema"] == "whit-kube-generate/1"
    web = next(one for one in page["objects"] if (one["kind"], one["name"]) == ("Deployment", "web"))
    assert web["file"] == "k8s/deployment-web.yaml"
    assert yaml.safe_load((project / web["file"]).read_text()) == web["manifest"]
    assert {"place", "subject", "text"} == set(page["notes"][0])


@pytest.mark.parametrize("example", ["shop", "ring"])
def test_the_examples_of_applications_are_valid(run_whit: RunWhit, example: str) -> None:
    done = run_whit("kube", "generate", "compose.yaml", "--validate", cwd=PROJECT / "examples" / example)
    assert done.returncode == 0, done.stderr
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout)]
    expected = {"shop": {"Deployment": 4, "StatefulSet": 2}, "ring": {"Deployment": 0, "StatefulSet": 3}}
    assert {kind: kinds.count(kind) for kind in ("Deployment", "StatefulSet")} == expected[example]
