"""Whose a volume is, and how pods that start together find each other."""

from __future__ import annotations

from typing import Any

from tests.unit.runtime.manifests import generated, kinds, notes, of_kind

DATA = {"type": "volume", "source": "data", "target": "/data"}
FIRST = {"volumes": [DATA], "x-kubernetes": {"init": True}}
ENDED = {"condition": "service_completed_successfully"}


def test_a_volume_is_its_services_also_where_another_one_fills_it_first_in_its_pods() -> None:
    store: dict[str, Any] = {"volumes": [{**DATA, "target": "/store"}], "depends_on": {"migrate": ENDED}}
    made = generated({"store": store, "migrate": FIRST}, volumes={"data": {}})
    assert kinds(made) == [("StatefulSet", "store")]
    spec = of_kind(made, "StatefulSet")["spec"]
    assert [one["metadata"]["name"] for one in spec["volumeClaimTemplates"]] == ["data"]
    pod = spec["template"]["spec"]
    places = [{one["name"]: one["mountPath"] for one in box[0]["volumeMounts"]}["data"] for box in (
        pod["initContainers"], pod["containers"],
    )]  # fmt: skip
    assert places == ["/data", "/store"]
    assert "persistentVolumeClaim" not in str(pod["volumes"])
    assert not any("several pods" in note for note in notes(made))


def test_a_volume_that_is_filled_first_in_the_pods_of_several_is_a_claim_of_all() -> None:
    user: dict[str, Any] = {"volumes": [DATA], "depends_on": {"migrate": ENDED}}
    made = generated({"a": user, "b": user, "migrate": FIRST}, volumes={"data": {}})
    assert of_kind(made, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_a_volume_that_only_what_runs_first_has_can_be_written_to() -> None:
    made = generated({"web": {"depends_on": {"migrate": ENDED}}, "migrate": FIRST}, volumes={"data": {}})
    assert of_kind(made, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["securityContext"]["fsGroup"] == 65532


def test_pods_of_a_stateful_set_are_found_before_they_are_well_as_they_may_wait_for_each_other() -> None:
    check = {"x-http": ":2379/health"}
    made = generated({"etcd": {"volumes": [DATA], "healthcheck": check}, "web": {}}, volumes={"data": {}})
    assert of_kind(made, "Service", "etcd")["spec"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in of_kind(made, "Service", "web")["spec"]
