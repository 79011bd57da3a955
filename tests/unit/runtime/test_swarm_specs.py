"""A stack file → what is asked of the Engine API, and what of it is missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.swarm_stacks import stack, there
from whit.packer.support.errors import NotFoundError
from whit.runtime.scaleout.swarm.objects import Present, plan, unused
from whit.runtime.scaleout.swarm.specs import service_spec

OWN = {"com.docker.stack.namespace": "shop"}
EMPTY = Present((), (), (), ())


def spec(text: str, ids: dict[tuple[str, str], str] | None = None) -> dict[str, Any]:
    """What is asked for a service ``web``."""
    lines = "".join(f"    {line}\n" for line in text.strip().splitlines())
    parts = (
        "\nvolumes: {data: {driver_opts: {type: nfs}}}\nsecrets: {key: {file: ./key}}\nconfigs: {text: {content: x}}\n"
    )
    file = stack(f"services:\n  web:\n    image: i:1\n{lines}{parts}")
    return service_spec("shop", file.configuration, "web", ids or {})


def test_a_service_has_docker_s_names_and_labels() -> None:
    found = spec("labels: {a: b}\ndeploy: {labels: {c: d}, replicas: 3}")
    assert found["Name"] == "shop_web"
    assert found["Labels"] == {**OWN, "c": "d", "com.docker.stack.image": "i:1"}
    assert found["TaskTemplate"]["ContainerSpec"]["Labels"] == {**OWN, "a": "b"}
    assert found["TaskTemplate"]["Networks"] == [{"Target": "shop_default", "Aliases": ["web"]}]
    assert found["Mode"] == {"Replicated": {"Replicas": 3}}
    assert found["EndpointSpec"] == {"Mode": "vip"}


def test_what_is_executed_is_told_in_swarm_s_words() -> None:
    found = spec(
        "entrypoint: [/web]\ncommand: [-l, x]\nuser: '5'\nenvironment: {B: 2, A: 1}\nextra_hosts: ['a=1.2.3.4']"
    )
    container = found["TaskTemplate"]["ContainerSpec"]
    assert (container["Command"], container["Args"], container["User"]) == (["/web"], ["-l", "x"], "5")
    assert container["Env"] == ["A=1", "B=2"]
    assert container["Hosts"] == ["1.2.3.4 a"]


def test_times_are_nanoseconds_and_sizes_bytes() -> None:
    found = spec("""
stop_grace_period: 1m
healthcheck: {test: [CMD, /x], interval: 2s, retries: 0, start_period: 1s}
deploy:
  resources: {limits: {cpus: '0.25', memory: 5m, pids: 9}}
  restart_policy: {condition: on-failure, delay: 1s, max_attempts: 0}
  update_config: {parallelism: 0, delay: 1s, order: start-first, failure_action: rollback, max_failure_ratio: 0.5}
  rollback_config: {delay: 2s}
""")
    task, container = found["TaskTemplate"], found["TaskTemplate"]["ContainerSpec"]
    assert container["StopGracePeriod"] == 60 * 10**9
    check = {"Test": ["CMD", "/x"], "Interval": 2 * 10**9, "StartPeriod": 10**9, "Retries": 0}
    assert container["Healthcheck"] == check
    assert task["Resources"] == {"Limits": {"NanoCPUs": 250_000_000, "MemoryBytes": 5 << 20, "Pids": 9}}
    assert task["RestartPolicy"] == {"Condition": "on-failure", "Delay": 10**9, "MaxAttempts": 0}
    assert found["UpdateConfig"] == {
        "Parallelism": 0,
        "Delay": 10**9,
        "Order": "start-first",
        "FailureAction": "rollback",
        "MaxFailureRatio": 0.5,
    }
    assert found["RollbackConfig"] == {"Parallelism": 1, "Delay": 2 * 10**9}


def test_mounts_tell_the_nodes_what_to_make() -> None:
    found = spec("volumes: ['data:/d:ro', '/srv:/s', {type: tmpfs, target: /t, tmpfs: {size: 1m}}, /anonymous]")
    options = {"Labels": OWN, "DriverConfig": {"Name": "local", "Options": {"type": "nfs"}}}
    assert found["TaskTemplate"]["ContainerSpec"]["Mounts"] == [
        {"Type": "volume", "Target": "/d", "ReadOnly": True, "Source": "shop_data", "VolumeOptions": options},
        {"Type": "bind", "Target": "/s", "Source": "/srv"},
        {"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 1 << 20}},
        {"Type": "volume", "Target": "/anonymous"},
    ]


def test_files_are_named_by_their_ids_and_have_owner_and_mode() -> None:
    ids = {("secrets", "shop_key"): "id1", ("configs", "shop_text"): "id2"}
    found = spec("secrets: [{source: key, uid: '5', mode: 0400}]\nconfigs: [text]", ids)
    container = found["TaskTemplate"]["ContainerSpec"]
    file = {"Name": "/run/secrets/key", "UID": "5", "GID": "0", "Mode": 0o400}
    assert container["Secrets"] == [{"SecretID": "id1", "SecretName": "shop_key", "File": file}]
    assert container["Configs"][0]["File"] == {"Name": "/text", "UID": "0", "GID": "0", "Mode": 0o444}


def test_jobs_and_global_services_have_modes_of_their_own() -> None:
    assert spec("deploy: {mode: global}")["Mode"] == {"Global": {}}
    job = spec("deploy: {mode: replicated-job, replicas: 2}")
    assert job["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 2, "TotalCompletions": 2}}
    assert job["TaskTemplate"]["RestartPolicy"] == {"Condition": "none"}


def test_only_what_is_missing_is_made() -> None:
    file = stack(
        "services: {web: {image: i, secrets: [key]}, db: {image: d}}\nsecrets: {key: {file: ./k}}",
        names={("secrets", "key"): "shop_key-1"},
    )
    first = plan(file, EMPTY)
    assert [body["name"] for body in first.networks] == ["shop_default"]
    assert first.networks[0]["labels"] == OWN
    assert first.files == (("secrets", "key", "shop_key-1"),)
    assert dict(first.services) == {"web": False, "db": False}
    old = {**there(), "Spec": {**there()["Spec"], "Name": "shop_old"}}
    network, secret = {"Name": "shop_default", "Scope": "swarm"}, {"ID": "1", "Spec": {"Name": "shop_key-1"}}
    second = plan(file, Present((there(), old), (network,), (secret,), ()))
    assert (second.networks, second.files, second.gone) == ((), (), ("shop_old",))
    assert dict(second.services) == {"web": True, "db": False}


def test_an_external_network_has_to_be_there_and_of_the_whole_swarm() -> None:
    file = stack("services: {web: {image: i, networks: [out]}}\nnetworks: {out: {external: true, name: shared}}")
    for networks in ((), ({"Name": "shared", "Scope": "local"},)):
        with pytest.raises(NotFoundError, match="no network shared of the whole swarm") as caught:
            plan(file, Present((), networks, (), ()))
        assert caught.value.hint == "docker network create --driver overlay shared"
    assert plan(file, Present((), ({"Name": "shared", "Scope": "swarm"},), (), ())).networks == ()


def test_versions_that_a_rollback_would_need_are_kept() -> None:
    def secret(key: str, labels: dict[str, str]) -> dict[str, Any]:
        return {"ID": key, "Spec": {"Name": f"name-{key}", "Labels": labels}}

    def shown(key: str) -> dict[str, Any]:
        return {"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretID": key}]}}}

    service = there(spec=shown("now"), PreviousSpec=shown("before"))
    many = [secret(key, OWN) for key in ("now", "before", "older")] + [secret("foreign", {})]
    assert unused("shop", Present((service,), (), many, ())) == (("secrets", "older", "name-older"),)
