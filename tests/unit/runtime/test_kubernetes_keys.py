"""What becomes of each key on Kubernetes: every key of the model's tables is expressed, told of, or refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.manifests import generated, notes
from tests.unit.runtime.test_compose_fates import RECORDS, records
from whit.packer.support.errors import UnsupportedError, WhitError
from whit.runtime.compose.model.keys.top import COMPOSE, ENTRIES
from whit.runtime.scaleout.kubernetes.fates import EXPRESSED, LOST, REFUSED


def _schema() -> dict[str, frozenset[str]]:
    """The records that are looked into, and their keys."""
    found = {"project": frozenset(COMPOSE.fields)}
    for part, name in RECORDS.items():
        found.update(records(name, ENTRIES[part], EXPRESSED))
    return {name: keys for name, keys in found.items() if name in EXPRESSED}


def test_every_key_of_what_is_looked_into_has_exactly_one_fate() -> None:
    schema = _schema()
    assert set(schema) == set(EXPRESSED)
    for record, keys in schema.items():
        fates = [EXPRESSED[record], frozenset(LOST.get(record, ())), frozenset(REFUSED.get(record, ()))]
        assert sorted(key for fate in fates for key in fate) == sorted(keys), record
    assert set(LOST) | set(REFUSED) <= set(EXPRESSED)


@pytest.mark.parametrize("key", sorted(LOST["service"]))
def test_what_is_lost_is_told_with_its_place(key: str) -> None:
    made = generated({"web": {key: "1", "restart": "always"}})
    assert [str(note) for note in made.notes if note.subject != "services"] == [
        f"AT services.web.{key}: services.web.{key}: {LOST['service'][key]}"
    ]


def test_a_sandbox_of_whit_s_own_is_told_of() -> None:
    made = generated({"web": {"x-sandbox": "strict", "restart": "always"}})
    [note] = [str(note) for note in made.notes if note.subject != "services"]
    assert note.startswith("AT services.web.x-sandbox: services.web.x-sandbox: Kubernetes has no Landlock")


@pytest.mark.parametrize("key", [*sorted(REFUSED["service"]), "a_key_of_tomorrow"])
def test_what_has_no_form_is_refused_with_its_place(key: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"AT services\.web\.{key}: ") as error:
        generated({"web": {key: {"volumes_from": ["db"], "pre_start": [{}]}.get(key, "1")}, "db": {}})
    assert error.value.hint


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"networks": {"default": {"ipv4_address": "10.0.0.2"}}}, "services.web.networks.default.ipv4_address: "),
        ({"ports": [{"target": 1, "published": "1", "mode": "host"}]}, "services.web.ports[0].mode: "),
        ({"deploy": {"resources": {"limits": {"pids": 5}}}}, "services.web.deploy.resources.limits.pids: "),
        ({"deploy": {"update_config": {"monitor": "5s"}}}, "services.web.deploy.update_config.monitor: "),
        ({"deploy": {"rollback_config": {"order": "x"}}}, "services.web.deploy.rollback_config: "),
        ({"healthcheck": {"x-tcp": ":1", "start_interval": "1s"}}, "services.web.healthcheck.start_interval: "),
        ({"volumes": [{"type": "volume", "source": "v", "target": "/v"}]}, "services.web.volumes[0]: v begins empty"),
    ],
)
def test_what_stands_deeper_is_told_too(values: dict[str, Any], said: str) -> None:
    assert any(note.startswith(said) for note in notes(generated({"web": values}, volumes={"v": {}})))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"deploy": {"resources": {"reservations": {"devices": [{}]}}}}, r"reservations\.devices: "),
        ({"pre_stop": [{"command": ["a"], "user": "b"}]}, r"services\.web\.pre_stop\[0\]\.user: "),
        ({"volumes": [{"type": "image", "source": "i", "target": "/i"}]}, r"services\.web\.volumes\[0\]: "),
        ({"ipc": "service:db"}, r"services\.web\.ipc: "),
        ({"network_mode": "container:db"}, r"services\.web\.network_mode: "),
    ],
)
def test_what_stands_deeper_is_refused_too(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        generated({"web": values, "db": {}})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"volumes": {"v": {"driver": "nfs"}}}, r"volumes\.v\.driver: "),
        ({"volumes": {"v": {"driver_opts": {"type": "nfs"}}}}, r"volumes\.v\.driver_opts: "),
        ({"secrets": {"s": {"template_driver": "golang"}}}, r"secrets\.s\.template_driver: "),
    ],
)
def test_volumes_and_secrets_are_looked_at_too(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        generated({"web": {}}, **parts)


def test_jobs_and_models_are_told() -> None:
    made = generated({"web": {"restart": "always"}}, jobs={"j": {}}, models={"m": {}})
    assert [note.partition(":")[0] for note in notes(made)] == ["jobs.j", "models.m"]


def test_what_says_nothing_or_is_only_for_others_is_passed_over() -> None:
    made = generated({"web": {"init": False, "gpus": [], "x-other": 1, "restart": "always", "profiles": ["a"]}})
    assert notes(made) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"extra_hosts": ["my_host=10.0.0.1"]}, "'my_host' is no host's name"),
        ({"dns": ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]}, "there are 4 servers"),
        ({"dns": ["resolver.example"]}, "'resolver.example' is no address"),
        ({"dns_search": ["a b"]}, "'a b' is no domain"),
        ({"pre_stop": [{"command": []}]}, "a hook without a command"),
        ({"cap_add": ["NET_EVERYTHING"]}, "'NET_EVERYTHING' is no capability"),
        ({"runtime": "A_b"}, "no RuntimeClass is called A_b"),
        ({"user": "4294967295"}, "only by their numbers: 4294967295"),
        ({"platform": "linux/a b"}, "no node is a linux/a b"),
        ({"deploy": {"placement": {"constraints": ["node.labels.a==b:c"]}}}, "nodes have no 'node.labels.a==b:c'"),
        ({"ports": [{"target": 1, "protocol": "http"}]}, "there is no protocol http"),
        ({"ports": [{"target": 1, "app_protocol": "a b"}]}, "no app_protocol is 'a b'"),
        ({"expose": ["0"]}, "'0' is no port"),
        ({"expose": ["99999999"]}, "'99999999' is no port"),
        ({"tmpfs": ["run"]}, "no absolute path"),
        ({"tmpfs": ["/proc/x"]}, "nothing may be mounted on /proc/x"),
        ({"tmpfs": ["/run/", "/run"]}, "/run is given twice"),
        (
            {"volumes": [{"type": "volume", "source": "v", "target": "/v", "volume": {"subpath": "../a"}}]},
            "doesn't stay",
        ),
    ],
)
def test_what_only_a_server_would_refuse_is_refused_beforehand(values: dict[str, Any], said: str) -> None:
    with pytest.raises(WhitError) as error:
        generated({"web": values}, volumes={"v": {}})
    assert error.value.message.startswith("AT services.web")
    assert said in error.value.message
