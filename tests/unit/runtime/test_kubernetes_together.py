"""Services that share one's pods: beside it (``network_mode: service:…``), or first in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.manifests import generated, kinds, notes, of_kind, pod
from whit.packer.support.errors import UnsupportedError
from whit.runtime.scaleout.kubernetes.model import Options

ENDED = {"condition": "service_completed_successfully"}
HEALTHY = {"condition": "service_healthy"}
DATA = {"type": "volume", "source": "data", "target": "/data"}


def _beside(**values: Any) -> dict[str, dict[str, Any]]:
    return {
        "app": {"network_mode": "service:vpn", "restart": "always", **values},
        "vpn": {"restart": "always", "ports": [{"target": 80}]},
    }


def test_who_has_another_ones_network_is_in_its_pods() -> None:
    made = generated(_beside(healthcheck={"x-http": ":80/"}, expose=["9"]))
    assert kinds(made) == [("Deployment", "vpn")]
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["containers"]] == ["vpn", "app"]
    assert spec["containers"][1]["readinessProbe"]["httpGet"] == {"path": "/", "port": 80}
    assert [one["metadata"]["name"] for one in made.manifests if one["kind"] == "Service"] == ["vpn"]
    assert "services.app.expose: only what vpn exposes is its Service's" in notes(made)


def test_who_has_the_network_of_one_that_has_anothers_is_in_the_pods_of_that() -> None:
    services = {**_beside(), "last": {"network_mode": "service:app", "restart": "always"}}
    made = generated(services)
    assert kinds(made) == [("Deployment", "vpn")]
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["containers"]] == ["vpn", "app", "last"]


def test_volumes_of_both_are_the_pods_and_have_names_of_their_own() -> None:
    services = _beside(volumes=[DATA], tmpfs=["/run"])
    services["vpn"] |= {"volumes": [DATA], "tmpfs": ["/run"]}
    made = generated(services, volumes={"data": {}})
    spec = of_kind(made, "StatefulSet")["spec"]["template"]["spec"]
    mounts = [{one["mountPath"]: one["name"] for one in box["volumeMounts"]} for box in spec["containers"]]
    assert mounts[0]["/data"] == mounts[1]["/data"] == "data"
    assert mounts[0]["/run"] != mounts[1]["/run"]
    assert len({one["name"] for one in spec["volumes"]}) == len(spec["volumes"]) == 4


def test_each_has_its_own_user_or_its_images() -> None:
    spec = pod(_beside(user="5") | {"vpn": {"user": "6", "restart": "always"}})
    assert spec["securityContext"]["runAsUser"] == 6
    assert spec["containers"][1]["securityContext"]["runAsUser"] == 5
    spec = pod(_beside() | {"vpn": {"user": "6:7", "restart": "always"}})
    assert "runAsUser" not in spec["securityContext"]
    assert (
        spec["containers"][0]["securityContext"]["runAsUser"],
        spec["containers"][0]["securityContext"]["runAsGroup"],
    ) == (6, 7)
    assert "runAsUser" not in spec["containers"][1]["securityContext"]


def test_who_waits_for_one_beside_another_waits_at_that_ones_name_and_those_of_a_pod_dont_wait_for_each_other() -> None:
    app = {"expose": ["9"], "healthcheck": {"x-tcp": ":9"}, "depends_on": {"vpn": HEALTHY}}
    services = {**_beside(**app), "web": {"depends_on": {"app": HEALTHY}, "restart": "always"}}
    made = generated(services, Options(wait_image="busybox:1"))
    web = of_kind(made, "Deployment", "web")["spec"]["template"]["spec"]
    assert "nc -z -w 2 vpn 9" in web["initContainers"][0]["command"][2]
    assert "initContainers" not in of_kind(made, "Deployment", "vpn")["spec"]["template"]["spec"]


def test_what_runs_first_for_one_beside_runs_in_the_pods_of_both() -> None:
    services = {**_beside(depends_on={"migrate": ENDED}), "migrate": {"x-kubernetes": {"init": True}}}
    spec = of_kind(generated(services), "Deployment")["spec"]["template"]["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["migrate"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"x-kubernetes": {"kind": "DaemonSet"}}, r"services\.app\.x-kubernetes\.kind: it is in vpn's pods"),
        ({"x-kubernetes": {"ingress": {}}}, r"services\.app\.x-kubernetes\.ingress: it is in vpn's pods"),
        ({"x-kubernetes": {"schedule": "@daily"}}, r"services\.app\.x-kubernetes\.schedule: it is in vpn's pods"),
    ],
)
def test_what_is_the_pods_is_said_of_its_service(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        generated(_beside(**values))


def test_nobody_stays_beside_what_ends() -> None:
    with pytest.raises(UnsupportedError, match=r"services\.app\.network_mode: vpn's pods end"):
        generated(_beside() | {"vpn": {"x-kubernetes": {"kind": "Job"}}})
    with pytest.raises(UnsupportedError, match=r"services\.app\.network_mode: others wait for its end"):
        generated(_beside() | {"web": {"depends_on": {"app": ENDED}}})


def test_what_a_guest_says_of_the_whole_pod_is_told() -> None:
    made = generated(
        _beside(sysctls={"net.ipv4.tcp_syncookies": "1"}, deploy={"placement": {"constraints": ["node.hostname==a"]}})
    )
    assert "services.app.sysctls: it is in vpn's pods, and vpn says that" in notes(made)
    assert "services.app.deploy.placement: it is in vpn's pods, and vpn says that" in notes(made)
    assert any(note.startswith("services.app: there are as many") for note in notes(generated(_beside(scale=2))))


def test_a_claim_of_a_guests_is_the_pods_and_no_second_pod_has_it_meanwhile() -> None:
    made = generated(_beside(volumes=[DATA]), volumes={"data": {}})
    assert of_kind(made, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert of_kind(made, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_labels_of_all_are_the_pods() -> None:
    services = _beside(labels={"a": "1", "b": "1"})
    services["vpn"]["labels"] = {"b": "2"}
    head = of_kind(generated(services), "Deployment")["spec"]["template"]["metadata"]
    assert head["annotations"] == {"a": "1", "b": "2"}
