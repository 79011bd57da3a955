"""A service's pod: its container, confinement, mounts and probes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.manifests import container, generated, notes, pod
from whit.packer.support.errors import UnsupportedError, UsageError, WhitError
from whit.runtime.scaleout.kubernetes.containers import literal
from whit.runtime.scaleout.kubernetes.model import Options


def test_a_pod_is_confined_as_whits_containers_are() -> None:
    spec = pod({"web": {}})
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False


def test_the_builtin_filter_is_the_usual_one() -> None:
    assert pod({"web": {"security_opt": ["seccomp=builtin"]}}) == pod({"web": {}})


def test_a_root_that_is_only_read_has_a_tmp_in_memory() -> None:
    spec = pod({"web": {}})
    assert spec["volumes"] == [{"name": "whit-tmp", "emptyDir": {"medium": "Memory"}}]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "whit-tmp", "mountPath": "/tmp"}]
    writable = pod({"web": {"x-kubernetes": {"writable": True}}})
    assert writable["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is False
    assert "volumes" not in writable


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("1000", {"runAsUser": 1000}),
        ("1000:50", {"runAsUser": 1000, "runAsGroup": 50}),
        ("0", {"runAsUser": 0, "runAsNonRoot": False}),
        ("root", {"runAsUser": 0, "runAsNonRoot": False}),
    ],
)
def test_a_user_is_its_number(user: str, expected: dict[str, Any]) -> None:
    box = pod({"web": {"user": user}})["securityContext"]
    assert {key: box[key] for key in expected} == expected


def test_a_user_that_has_no_number_is_refused_with_its_place() -> None:
    with pytest.raises(UnsupportedError, match=r"AT services\.web\.user: .*postgres"):
        pod({"web": {"user": "postgres"}})


def test_a_volume_belongs_to_the_users_group() -> None:
    mounts: list[dict[str, Any]] = [{"type": "volume", "source": "data", "target": "/data"}]
    volumes: dict[str, Any] = {"data": {}}
    assert pod({"db": {"volumes": mounts}}, volumes=volumes)["securityContext"]["fsGroup"] == 65532
    mine = pod({"db": {"volumes": mounts, "user": "70:71"}}, volumes=volumes)["securityContext"]
    assert mine["fsGroup"] == 71
    assert pod({"db": {"volumes": mounts, "user": "70"}}, volumes=volumes)["securityContext"]["fsGroup"] == 70


def test_capabilities_are_added_to_none() -> None:
    made = container({"cap_add": ["CAP_NET_BIND_SERVICE", "chown"], "cap_drop": ["CHOWN"]})
    assert made["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}


def test_what_the_api_takes_only_together_is_said_together() -> None:
    # The API server refuses privileged, and CAP_SYS_ADMIN, beside allowPrivilegeEscalation: false.
    assert container({"cap_add": ["SYS_ADMIN"]})["securityContext"]["allowPrivilegeEscalation"] is True
    made = generated({"web": {"privileged": True}})
    box = made.manifests[-1]["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert box == {"privileged": True, "readOnlyRootFilesystem": True}
    assert any("whole node" in note for note in notes(made))


def test_whits_own_filter_goes_along_where_it_is_wished_for() -> None:
    made = generated({"web": {}, "ping": {"cap_add": ["NET_RAW"]}}, Options(own_filter=True))
    names = [name for name, _ in made.profiles]
    assert names == ["amd64.json", "amd64-net_raw.json"]
    web = made.manifests[-1]["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]
    assert web == {"type": "Localhost", "localhostProfile": "whit/amd64.json"}
    assert made.profiles[0][1]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert made.profiles[0][1] != made.profiles[1][1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"command": ["a", "b"]}, {"args": ["a", "b"]}),
        ({"entrypoint": ["e"], "command": ["a"]}, {"command": ["e"], "args": ["a"]}),
        ({"entrypoint": [], "command": ["a", "b"]}, {"command": ["a", "b"]}),
        ({"entrypoint": ["e"]}, {"command": ["e"]}),
        ({}, {}),
    ],
)
def test_command_and_entrypoint_have_other_names(values: dict[str, Any], expected: dict[str, Any]) -> None:
    made = container(values)
    assert {key: made[key] for key in ("command", "args") if key in made} == expected


@pytest.mark.parametrize("values", [{"command": []}, {"entrypoint": []}])
def test_the_images_own_command_cant_be_taken_away(values: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError, match="can't take away"):
        container(values)


def _expanded(text: str) -> str:
    """What the kubelet makes of a text in which no variable is known (expand.go, as its documentation has it)."""
    made, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            made, at = made + text[at], at + 1
        elif text[at + 1] == "$":
            made, at = made + "$", at + 2
        elif text[at + 1] == "(" and ")" in text[at:]:
            at = text.index(")", at) + 1
        else:
            made, at = made + text[at : at + 2], at + 2
    return made


@pytest.mark.parametrize("text", ["", "$", "$$", "$A", "$(A)", "$$(A)", "a$(", "$$$", "$$$(A)$", "1$ and 2$$"])
def test_dollars_come_to_the_program_as_they_are(text: str) -> None:
    assert _expanded(literal(text)) == text


def test_variables_without_a_value_are_not_set() -> None:
    made = container({"environment": {"A": "1", "B": None, "C": "$(A)"}})
    assert made["env"] == [{"name": "A", "value": "1"}, {"name": "C", "value": "$$(A)"}]


def test_a_variable_that_kubernetes_cant_have_is_refused_with_its_place() -> None:
    with pytest.raises(UnsupportedError, match=r"services\.web\.environment\.a b: "):
        container({"environment": {"a b": "1"}})


def test_limits_are_in_kubernetes_units() -> None:
    resources = {"limits": {"cpus": 1.5, "memory": str(64 << 20)}, "reservations": {"cpus": 0.25, "memory": "1000"}}
    made = container({"deploy": {"resources": resources}})["resources"]
    assert made == {"requests": {"cpu": "250m", "memory": "1000"}, "limits": {"cpu": "1500m", "memory": "64Mi"}}
    assert container({"cpus": 2, "mem_limit": "1073741824"})["resources"] == {"limits": {"cpu": "2", "memory": "1Gi"}}
    shares = container({"cpu_quota": 50000, "cpu_period": 200000, "cpu_shares": 512})["resources"]
    assert shares == {"requests": {"cpu": "250m"}, "limits": {"cpu": "250m"}}


def test_more_than_the_limit_cant_be_reserved() -> None:
    with pytest.raises(UnsupportedError, match="reserves 2, and may have 1"):
        container({"cpus": 1, "deploy": {"resources": {"reservations": {"cpus": 2}}}})


@pytest.mark.parametrize(
    ("check", "action"),
    [
        ({"test": ["CMD", "/ok", "-q"]}, {"exec": {"command": ["/ok", "-q"]}}),
        ({"test": ["CMD-SHELL", "a | b"]}, {"exec": {"command": ["/bin/sh", "-c", "a | b"]}}),
        ({"x-http": ":8080/healthz"}, {"httpGet": {"path": "/healthz", "port": 8080}}),
        ({"x-tcp": ":5432"}, {"tcpSocket": {"port": 5432}}),
    ],
)
def test_a_health_check_is_a_readiness_probe(check: dict[str, Any], action: dict[str, Any]) -> None:
    made = container({"healthcheck": check})
    assert made["readinessProbe"] == {**action, "periodSeconds": 30, "timeoutSeconds": 30, "failureThreshold": 3}
    assert "livenessProbe" not in made


def test_times_are_whole_seconds_and_liveness_waits_for_the_start() -> None:
    check = {"x-tcp": ":1", "interval": "1.5s", "timeout": "300ms", "retries": 5, "start_period": "9s"}
    made = container({"healthcheck": check, "x-kubernetes": {"liveness": True}})
    times = {"periodSeconds": 2, "timeoutSeconds": 1, "failureThreshold": 5}
    assert made["readinessProbe"] == made["livenessProbe"] == {"tcpSocket": {"port": 1}, **times}
    assert made["startupProbe"]["failureThreshold"] == 10


@pytest.mark.parametrize("check", [{"disable": True}, {"test": ["NONE"]}, {}])
def test_no_check_is_no_probe(check: dict[str, Any]) -> None:
    assert "readinessProbe" not in container({"healthcheck": check})


def test_a_hook_is_one_program() -> None:
    made = container({"pre_stop": [{"command": ["/drain"]}], "post_start": [{"command": ["/warm", "up"]}]})
    assert made["lifecycle"] == {
        "postStart": {"exec": {"command": ["/warm", "up"]}},
        "preStop": {"exec": {"command": ["/drain"]}},
    }
    with pytest.raises(UnsupportedError, match="one hook of a kind"):
        container({"pre_stop": [{"command": ["/a"]}, {"command": ["/b"]}]})


def test_hosts_are_by_address() -> None:
    spec = pod({"web": {"extra_hosts": ["a=10.0.0.1", "b=10.0.0.1", "c=[fd00::1]"]}})
    assert spec["hostAliases"] == [
        {"ip": "10.0.0.1", "hostnames": ["a", "b"]},
        {"ip": "fd00::1", "hostnames": ["c"]},
    ]
    with pytest.raises(UnsupportedError, match="host-gateway"):
        pod({"web": {"extra_hosts": ["host=host-gateway"]}})


def test_a_namespace_of_the_nodes_is_never_silent() -> None:
    made = generated({"web": {"network_mode": "host", "pid": "host", "ipc": "host"}})
    spec = made.manifests[-1]["spec"]["template"]["spec"]
    assert (spec["hostNetwork"], spec["hostPID"], spec["hostIPC"]) == (True, True, True)
    assert sum("has the node's" in note for note in notes(made)) == 3


@pytest.mark.parametrize(
    "wishes",
    [
        {"kind": "Pod"},
        {"writable": "yes"},
        {"scale": 3},
        "Deployment",
        {"autoscale": {"min": 3, "max": 2, "cpu": 50}},
        {"autoscale": {"max": 2}},
        {"autoscale": {"cpu": 50}},
        {"autoscale": {"max": True, "cpu": 50}},
    ],
)
def test_x_kubernetes_is_checked(wishes: object) -> None:
    with pytest.raises(UsageError, match=r"AT services\.web\.x-kubernetes"):
        generated({"web": {"x-kubernetes": wishes}})


@pytest.mark.parametrize(
    "values", [{"stop_grace_period": "soon"}, {"expose": ["http"]}, {"healthcheck": {"x-tcp": "http"}}]
)
def test_what_cant_be_read_is_told_with_the_service(values: dict[str, Any]) -> None:
    with pytest.raises(WhitError, match=r"services\.web"):
        generated({"web": values})
