"""Manifests as files: their bytes, their schemas, and the folder that they are in."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.unit.runtime.manifests import generated, of_kind
from whit.packer.support.errors import UnsupportedError, UsageError, WhitError
from whit.runtime.scaleout.kubernetes import documents
from whit.runtime.scaleout.kubernetes.model import Generated, Options, Publish
from whit.runtime.scaleout.kubernetes.validating import validate
from whit.runtime.scaleout.kubernetes.writing import write_files

if TYPE_CHECKING:
    from pathlib import Path


def _whole() -> Generated:
    """A project with something of everything that can be written."""
    healthy, ended = {"condition": "service_healthy"}, {"condition": "service_completed_successfully"}
    services: dict[str, dict[str, Any]] = {
        "web": {
            "restart": "always", "user": "1000:1000", "hostname": "web", "command": ["serve", "$(X)"],
            "environment": {"A": "1e3", "B": "yes", "C": "0x10", "D": "a: b", "E": "line\nline\n", "F": ""},
            "ports": [{"target": 80, "published": "8080"}, {"target": 53, "published": "53", "protocol": "udp"}],
            "healthcheck": {"x-http": ":80/ok", "start_period": "5s"}, "cap_add": ["NET_BIND_SERVICE"],
            "depends_on": {"db": healthy, "migrate": ended}, "tmpfs": ["/run:size=1m"], "shm_size": "67108864",
            "deploy": {"replicas": 2, "update_config": {"parallelism": 0}, "labels": {"team": "a b"},
                       "placement": {"constraints": ["node.labels.disk==ssd"], "preferences": [{"spread": "node.labels.zone"}]},
                       "resources": {"limits": {"cpus": 1, "memory": "67108864"}}},
            "x-kubernetes": {"liveness": True, "autoscale": {"max": 5, "cpu": 80, "memory": 90}},
            "secrets": [{"source": "pw", "target": "/run/secrets/pw", "mode": "0400"}],
            "configs": [{"source": "conf", "target": "/etc/conf"}], "sysctls": {"net.ipv4.tcp_syncookies": "1"},
            "extra_hosts": ["a=10.0.0.1"], "dns": ["9.9.9.9"], "dns_opt": ["ndots:2", "rotate"], "group_add": ["7"],
            "security_opt": ["apparmor=docker-default"], "pre_stop": [{"command": ["/drain"]}], "tty": True,
            "volumes": [{"type": "volume", "target": "/anonymous"}, {"type": "volume", "source": "shared", "target": "/s"}],
        },
        "db": {"volumes": [{"type": "volume", "source": "data", "target": "/data"}], "expose": ["5432"],
               "healthcheck": {"test": ["CMD", "/ready"]}},
        "worker": {"deploy": {"mode": "global", "update_config": {"order": "stop-first"}}, "platform": "linux/amd64",
                   "volumes": [{"type": "volume", "source": "shared", "target": "/s"}], "privileged": True},
        "migrate": {"restart": "no"},
        "node": {"network_mode": "host", "pid": "host", "restart": "always"},
    }  # fmt: skip
    return generated(
        services,
        Options("shop", "whit", Publish.LOAD_BALANCER, wait_image="busybox:1", own_filter=True),
        {("secrets", "pw"): b"pw", ("configs", "conf"): b"a\nb\n"},
        secrets={"pw": {"name": "p_pw"}},
        configs={"conf": {"name": "p_conf"}},
        volumes={"data": {}, "shared": {}},
    )


def test_what_is_there_already_is_left_alone_and_what_is_otherwise_is_written(tmp_path: Path) -> None:
    files = documents.files_of(_whole())
    write_files(tmp_path, files, force=False)
    before = {place.name: place.stat().st_ino for place in tmp_path.glob("*.yaml")}
    secret, changed = next(tmp_path.glob("secret-*.yaml")), tmp_path / "deployment-web.yaml"
    secret.chmod(0o644)
    changed.write_text(changed.read_text() + "#")
    write_files(tmp_path, files, force=False)
    assert {name for name, inode in before.items() if (tmp_path / name).stat().st_ino != inode} == {
        secret.name,
        changed.name,
    }
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert changed.read_text() == files[changed.name]


@pytest.mark.parametrize("version", ["v1.31", "1.34.2", ""])
def test_all_that_is_written_is_what_the_schemas_say(version: str) -> None:
    made = _whole()
    kinds = {one["kind"] for one in made.manifests}
    assert len(kinds) == 11
    assert validate(made, version)


def test_what_the_schemas_dont_know_is_found() -> None:
    made = generated({"web": {}})
    of_kind(made, "Deployment")["spec"]["replicsa"] = 2
    with pytest.raises(WhitError, match=r"Deployment web: spec: .*replicsa"):
        validate(made)


@pytest.mark.parametrize("version", ["9.9", "1.2", "1", "newest", "1.-3"])
def test_a_version_without_schemas_is_refused(version: str) -> None:
    with pytest.raises(UnsupportedError, match="there are no schemas of Kubernetes"):
        validate(generated({"web": {}}), version)


def test_the_same_project_makes_the_same_bytes() -> None:
    first, second = documents.files_of(_whole()), documents.files_of(_whole())
    assert first == second
    assert list(first)[-1] == "kustomization.yaml"
    assert all(text.startswith(documents.HEADER) for name, text in first.items() if name.endswith(".yaml"))


def test_what_is_read_again_is_what_was_written() -> None:
    made = _whole()
    assert list(yaml.safe_load_all(documents.stream_of(made))) == list(made.manifests)
    listed = yaml.safe_load(documents.files_of(made)["kustomization.yaml"])["resources"]
    assert listed == [documents.file_name(one) for one in made.manifests]


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "n",
        "yes",
        "No",
        "on",
        "null",
        "~",
        "1e3",
        "0x10",
        "0o7",
        "1_0",
        "12:30",
        "2026-01-01",
        "=",
        "-",
        " a",
        "a ",
        "a: b",
        "#",
        "\t",
        "é",
        "\x7f",
        "",
    ],
)
def test_no_reader_takes_a_text_for_something_else(text: str) -> None:
    written = documents.text_of({"text": text})
    assert yaml.safe_load(written) == {"text": text}
    assert written[6] in {"'", '"'}, written


def test_a_folder_has_what_was_made_last_and_what_is_others(tmp_path: Path) -> None:
    folder = tmp_path / "k8s"
    assert write_files(folder, documents.files_of(generated({"web": {}, "old": {}})), force=False) == ()
    (folder / "mine.yaml").write_text("a: b\n")
    gone = write_files(folder, documents.files_of(generated({"web": {}})), force=False)
    assert gone == ("deployment-old.yaml", "service-old.yaml")
    names = {
        "deployment-web.yaml",
        "kustomization.yaml",
        "mine.yaml",
        "networkpolicy-p-default.yaml",
        "service-web.yaml",
    }
    assert {place.name for place in folder.iterdir()} == names


def test_a_file_of_others_isnt_replaced_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("mine: true\n")
    files = documents.files_of(generated({"web": {}}))
    with pytest.raises(UsageError, match="wasn't made by whit"):
        write_files(tmp_path, files, force=False)
    assert [place.name for place in tmp_path.iterdir()] == ["kustomization.yaml"]
    write_files(tmp_path, files, force=True)
    assert (tmp_path / "kustomization.yaml").read_text().startswith(documents.HEADER)


def test_what_is_no_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "k8s").write_text("mine\n")
    with pytest.raises(UsageError, match="k8s is no folder"):
        write_files(tmp_path / "k8s", documents.files_of(generated({"web": {}})), force=True)
    assert (tmp_path / "k8s").read_text() == "mine\n"


def test_secrets_are_their_owners_to_read(tmp_path: Path) -> None:
    write_files(tmp_path, documents.files_of(_whole()), force=False)
    assert stat.S_IMODE((tmp_path / "secret-p-pw.yaml").stat().st_mode) == 0o600
    assert (tmp_path / "seccomp" / "amd64.json").read_text().startswith("{")
