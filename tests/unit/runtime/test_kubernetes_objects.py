"""What services, volumes, files and networks become, and what is told of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.runtime.manifests import generated, kinds, notes, of_kind, pod
from whit.packer.support.errors import UnsupportedError, UsageError, WhitError
from whit.runtime.scaleout.kubernetes.model import BoundFile, Options, Publish

ENDED = {"condition": "service_completed_successfully"}
DATA = {"type": "volume", "source": "data", "target": "/data"}


def test_a_service_that_stays_is_a_deployment() -> None:
    made = generated({"web": {"restart": "unless-stopped", "deploy": {"replicas": 3}}})
    web = of_kind(made, "Deployment")
    assert web["apiVersion"] == "apps/v1"
    assert web["spec"]["replicas"] == 3
    marks = {"app.kubernetes.io/name": "web", "app.kubernetes.io/part-of": "p"}
    assert web["spec"]["selector"] == {"matchLabels": marks}
    assert marks.items() <= web["spec"]["template"]["metadata"]["labels"].items()
    assert notes(made) == []


def test_who_alone_writes_a_volume_is_a_stateful_set_with_a_claim_for_each_pod() -> None:
    made = generated({"db": {"volumes": [DATA]}}, volumes={"data": {}})
    db = of_kind(made, "StatefulSet")
    assert db["spec"]["serviceName"] == "db"
    claim = db["spec"]["volumeClaimTemplates"][0]
    assert claim["metadata"]["name"] == "data"
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    assert db["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0] == {"name": "data", "mountPath": "/data"}
    assert "PersistentVolumeClaim" not in {one["kind"] for one in made.manifests}


def test_replicas_of_a_stateful_set_have_volumes_of_their_own_and_it_is_told() -> None:
    made = generated({"db": {"volumes": [DATA], "scale": 2}}, volumes={"data": {}})
    assert any("each pod has a data of its own" in note for note in notes(made))


def test_a_volume_of_several_services_is_one_claim() -> None:
    made = generated(
        {"a": {"volumes": [DATA]}, "b": {"volumes": [{**DATA, "read_only": True}]}},
        volumes={"data": {"name": "p_data"}},
    )
    claim = of_kind(made, "PersistentVolumeClaim")
    assert claim["metadata"]["name"] == "p-data"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert ("Deployment", "a") in kinds(made)
    volume = of_kind(made, "Deployment", "b")["spec"]["template"]["spec"]["volumes"][0]
    assert volume == {"name": "data", "persistentVolumeClaim": {"claimName": "p-data", "readOnly": True}}


def test_volumes_say_how_large_and_of_which_class_they_are() -> None:
    wishes = {"size": "20Gi", "class": "fast", "access": "ReadWriteOncePod"}
    made = generated({"db": {"volumes": [DATA]}}, volumes={"data": {"x-kubernetes": wishes}})
    spec = of_kind(made, "StatefulSet")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert spec == {
        "accessModes": ["ReadWriteOncePod"],
        "resources": {"requests": {"storage": "20Gi"}},
        "storageClassName": "fast",
    }
    assert not any("1Gi" in note for note in notes(made))
    with pytest.raises(UsageError, match=r"volumes\.data\.x-kubernetes\.size: big"):
        generated({"db": {"volumes": [DATA]}}, volumes={"data": {"x-kubernetes": {"size": "big"}}})


def test_a_deployment_with_a_volume_of_its_own_is_stopped_before_it_is_started_anew() -> None:
    made = generated({"db": {"volumes": [DATA], "x-kubernetes": {"kind": "Deployment"}}}, volumes={"data": {}})
    assert of_kind(made, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert of_kind(made, "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_a_volume_from_outside_is_named() -> None:
    made = generated({"db": {"volumes": [DATA]}}, volumes={"data": {"name": "theirs", "external": True}})
    assert "PersistentVolumeClaim" not in {one["kind"] for one in made.manifests}
    assert "volumes.data: the PersistentVolumeClaim theirs must be there" in notes(made)


def test_what_others_wait_for_the_end_of_is_a_job_whose_name_changes_with_it() -> None:
    services: dict[str, dict[str, Any]] = {
        "web": {"depends_on": {"migrate": ENDED}},
        "migrate": {"restart": "on-failure:4"},
    }
    job = of_kind(generated(services), "Job")
    assert job["metadata"]["name"].startswith("migrate-")
    assert job["spec"]["backoffLimit"] == 4
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    again = of_kind(generated(services), "Job")
    assert again == job
    services["migrate"]["command"] = ["other"]
    assert of_kind(generated(services), "Job")["metadata"]["name"] != job["metadata"]["name"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"restart": "no"}, "Job"),
        ({"deploy": {"restart_policy": {"condition": "none"}}}, "Job"),
        ({"restart": "no", "ports": [{"target": 80}]}, "Deployment"),
        ({}, "Deployment"),
        ({"restart": "on-failure"}, "Deployment"),
        ({"deploy": {"mode": "global"}}, "DaemonSet"),
        ({"x-kubernetes": {"kind": "Job"}}, "Job"),
        ({"x-kubernetes": {"kind": "StatefulSet"}}, "StatefulSet"),
    ],
)
def test_who_keeps_a_service(values: dict[str, Any], kind: str) -> None:
    assert [one for one, _ in kinds(generated({"web": values}))] == [kind]


def test_that_something_is_restarted_that_compose_lets_end_is_told() -> None:
    made = generated({"web": {"restart": "on-failure"}})
    assert notes(made) == ["services.web: restart: on-failure in the file; a Deployment restarts it whenever it ends"]


def test_a_job_can_run_first_in_the_pods_that_wait_for_it() -> None:
    migrate = {"x-kubernetes": {"init": True}, "user": "5", "tmpfs": ["/scratch"]}
    made = generated({"web": {"depends_on": {"migrate": ENDED}, "user": "6"}, "migrate": migrate})
    assert [kind for kind, _ in kinds(made)] == ["Deployment"]
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    first = spec["initContainers"][0]
    assert first["name"] == "migrate"
    assert first["securityContext"]["runAsUser"] == 5
    assert spec["securityContext"]["runAsUser"] == 6
    volumes = {one["name"] for one in spec["volumes"]}
    assert {one["name"] for one in first["volumeMounts"]} == {"migrate-whit-tmpfs-0", "migrate-whit-tmp"} <= volumes
    with pytest.raises(UnsupportedError, match="nobody waits for its end"):
        generated({"migrate": migrate})


def test_what_runs_first_waits_for_what_it_needs_itself_and_is_in_its_networks() -> None:
    healthy = {"condition": "service_healthy"}
    services: dict[str, Any] = {
        "db": {"expose": ["5432"], "healthcheck": {"x-tcp": ":5432"}, "networks": {"back": None}},
        "schema": {"depends_on": {"db": healthy}, "networks": {"back": None}, "x-kubernetes": {"init": True}},
        "rows": {
            "depends_on": {"schema": ENDED, "db": healthy},
            "networks": {"back": None},
            "x-kubernetes": {"init": True},
        },
        "web": {"depends_on": {"rows": ENDED}, "networks": {"front": None}},
    }
    networks: dict[str, Any] = {"front": {"name": "p_front"}, "back": {"name": "p_back"}}
    made = generated(services, Options(wait_image="busybox:1"), networks=networks)
    template = of_kind(made, "Deployment", "web")["spec"]["template"]
    assert [one["name"] for one in template["spec"]["initContainers"]] == ["wait-for-db", "schema", "rows"]
    assert {"network.whit/p-front", "network.whit/p-back"} <= set(template["metadata"]["labels"])
    assert "services.web.networks: is in back, too, since schema runs in its pods" in notes(made)


def test_volumes_may_be_called_as_whit_calls_its_own() -> None:
    mounts = [{"type": "volume", "source": key, "target": f"/{key}"} for key in ("tmp", "whit-tmp")]
    spec = pod({"db": {"volumes": mounts}}, volumes={"tmp": {}, "whit-tmp": {}})
    assert [one["name"] for one in spec["containers"][0]["volumeMounts"]] == ["tmp", "v-whit-tmp"]
    spec = pod({"db": {"volumes": [{"type": "volume", "source": "tmp", "target": "/x"}]}}, volumes={"tmp": {}})
    assert [one["name"] for one in spec["containers"][0]["volumeMounts"]] == ["tmp", "whit-tmp"]
    alike = [{"type": "volume", "source": key, "target": f"/{key}"} for key in ("a_b", "a-b")]
    with pytest.raises(UsageError, match="two volumes would be called a-b"):
        generated({"db": {"volumes": alike}}, volumes={"a_b": {}, "a-b": {}})


def test_pods_wait_for_the_healthy_where_something_can() -> None:
    services: dict[str, Any] = {
        "web": {"depends_on": {"db": {"condition": "service_healthy"}}},
        "db": {"expose": ["5432"], "healthcheck": {"x-tcp": ":5432"}},
    }
    told = generated(services)
    assert any("--wait-image has it wait" in note for note in notes(told))
    made = generated(services, Options(wait_image="busybox:1"))
    waits = of_kind(made, "Deployment", "web")["spec"]["template"]["spec"]["initContainers"][0]
    assert waits["command"] == ["sh", "-c", "until nc -z -w 2 db 5432; do sleep 1; done"]
    assert waits["securityContext"]["runAsNonRoot"] is True


def test_secrets_and_configs_are_files_with_their_modes() -> None:
    services = {
        "web": {
            "secrets": [{"source": "pw", "target": "/run/secrets/pw", "mode": "0400"}],
            "configs": [{"source": "conf", "target": "/etc/conf"}],
        }
    }
    contents = {("secrets", "pw"): b"hunter2", ("configs", "conf"): b"\xff\x00"}
    made = generated(services, None, contents, secrets={"pw": {"name": "p_pw"}}, configs={"conf": {"name": "p_conf"}})
    assert base64.b64decode(of_kind(made, "Secret", "p-pw")["data"]["pw"]) == b"hunter2"
    assert base64.b64decode(of_kind(made, "ConfigMap", "p-conf")["binaryData"]["conf"]) == b"\xff\x00"
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    assert spec["volumes"][0]["secret"]["items"] == [{"key": "pw", "path": "pw", "mode": 0o400}]
    mounts = spec["containers"][0]["volumeMounts"]
    assert mounts[0] == {"name": "whit-secret-0", "mountPath": "/run/secrets/pw", "subPath": "pw", "readOnly": True}
    assert mounts[1]["mountPath"] == "/etc/conf"
    assert any(note.startswith("secrets.pw: its value is in the manifest") for note in notes(made))


def test_pods_are_made_anew_when_a_file_changes() -> None:
    services = {"web": {"configs": [{"source": "conf", "target": "/c"}]}}

    def digest(text: bytes) -> str:
        made = generated(services, None, {("configs", "conf"): text}, configs={"conf": {}})
        found: str = of_kind(made, "Deployment")["spec"]["template"]["metadata"]["annotations"]["whit/files"]
        return found

    assert digest(b"1") == digest(b"1") != digest(b"2")


def test_secrets_can_be_left_to_others() -> None:
    services = {"web": {"secrets": [{"source": "pw", "target": "/run/secrets/pw"}]}}
    made = generated(services, Options(leave_secrets=True), secrets={"pw": {"name": "p_pw"}})
    assert "Secret" not in {one["kind"] for one in made.manifests}
    assert "secrets.pw: the Secret p-pw with the key pw must be there" in notes(made)


def test_a_file_that_is_too_large_is_refused() -> None:
    services = {"web": {"configs": [{"source": "conf", "target": "/c"}]}}
    with pytest.raises(UnsupportedError, match="more than the 1048576 bytes"):
        generated(services, None, {("configs", "conf"): b"x" * (1 << 20) + b"x"}, configs={"conf": {}})


def test_what_is_bound_goes_along_only_as_a_file_that_is_read() -> None:
    bind = {"type": "bind", "source": "/here/nginx.conf", "target": "/etc/nginx.conf", "read_only": True}
    made = generated({"web": {"volumes": [bind]}}, bound={"/here/nginx.conf": {"": BoundFile(b"x\n")}})
    assert of_kind(made, "ConfigMap", "web-etc-nginx-conf")["data"] == {"file": "x\n"}
    for other in ({**bind, "read_only": False}, {**bind, "source": "/here"}):
        with pytest.raises(UnsupportedError, match=r"AT services\.web\.volumes.*/here"):
            generated({"web": {"volumes": [other]}}, bound={})


def test_a_hosts_path_is_taken_only_on_request_and_told() -> None:
    bind = {"type": "bind", "source": "/here", "target": "/there"}
    made = generated({"web": {"volumes": [bind]}}, Options(host_paths=True))
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["volumes"][0]["hostPath"] == {"path": "/here"}
    assert any("of whichever node" in note for note in notes(made))


def test_one_place_is_mounted_once() -> None:
    with pytest.raises(UsageError, match="/run is given twice"):
        generated({"web": {"tmpfs": ["/run", "/run:size=1m"]}})


def test_memory_has_its_limit() -> None:
    spec = pod({"web": {"tmpfs": ["/run:size=1m,mode=700"], "shm_size": "67108864"}})
    assert [one["emptyDir"] for one in spec["volumes"]][:2] == [
        {"medium": "Memory", "sizeLimit": "1Mi"},
        {"medium": "Memory", "sizeLimit": "64Mi"},
    ]


def test_a_name_stands_for_all_addresses_unless_its_ports_are_known() -> None:
    made = generated({"a": {}, "b": {"expose": ["53/udp", "8000-8001"]}})
    assert of_kind(made, "Service", "a")["spec"]["clusterIP"] == "None"
    known = of_kind(made, "Service", "b")["spec"]
    assert known["type"] == "ClusterIP"
    assert [(one["port"], one["protocol"]) for one in known["ports"]] == [(53, "UDP"), (8000, "TCP"), (8001, "TCP")]
    assert len({one["name"] for one in known["ports"]}) == 3


def test_other_names_are_services_too() -> None:
    networks: dict[str, Any] = {"default": {"aliases": ["www", "no_name"]}}
    made = generated({"web": {"networks": networks, "container_name": "front"}, "job": {"links": ["web:site"]}})
    names = {one["metadata"]["name"] for one in made.manifests if one["kind"] == "Service"}
    assert {"web", "www", "front", "site"} <= names
    assert "services.web.networks.default.aliases: Kubernetes can't have a Service no_name" in notes(made)


def test_a_name_that_kubernetes_cant_have_is_changed_and_told() -> None:
    made = generated({"My_DB": {"restart": "always"}})
    assert of_kind(made, "Deployment", "my-db")
    assert any("is called my-db" in note for note in notes(made))
    with pytest.raises(WhitError, match="would be two Services called my-db"):
        generated({"My_DB": {}, "my-db": {}})


def test_nothing_is_published_unless_it_is_wished_for() -> None:
    ports = [{"target": 80, "published": "8080"}, {"target": 90, "published": "9090", "host_ip": "127.0.0.1"}]
    services: dict[str, Any] = {"web": {"ports": ports}}
    assert any("8080, 9090 can't be reached from outside" in note for note in notes(generated(services)))
    made = generated(services, Options(publish=Publish.LOAD_BALANCER))
    outside = of_kind(made, "Service", "web-published")["spec"]
    assert outside["type"] == "LoadBalancer"
    assert [(one["port"], one["targetPort"]) for one in outside["ports"]] == [(8080, 80)]
    opened = of_kind(made, "NetworkPolicy", "web-published")["spec"]["ingress"]
    assert opened == [{"ports": [{"protocol": "TCP", "port": 80}]}]


def test_a_nodes_port_is_the_published_one_where_it_can_be() -> None:
    ports = [{"target": 80, "published": "30080"}, {"target": 81, "published": "81"}]
    made = generated({"web": {"ports": ports}}, Options(publish=Publish.NODE_PORT))
    first, second = of_kind(made, "Service", "web-published")["spec"]["ports"]
    assert first["nodePort"] == 30080
    assert "nodePort" not in second


def test_a_network_is_who_reaches_whom() -> None:
    networks: dict[str, Any] = {"front": {"name": "p_front"}, "back": {"name": "p_back", "internal": True}}
    services: dict[str, Any] = {
        "web": {"networks": {"front": None, "back": None}},
        "db": {"networks": {"back": None}},
        "alone": {"network_mode": "none"},
    }
    made = generated(services, networks=networks)
    back = of_kind(made, "NetworkPolicy", "p-back")["spec"]
    pods = {"podSelector": {"matchLabels": {"network.whit/p-back": "true"}}}
    assert back["podSelector"] == pods["podSelector"]
    assert back["ingress"] == [{"from": [pods]}]
    assert back["egress"][0] == {"to": [pods]}
    assert {one["port"] for one in back["egress"][1]["ports"]} == {53}
    assert of_kind(made, "NetworkPolicy", "p-front")["spec"]["egress"] == [{}]
    assert "ingress" not in of_kind(made, "NetworkPolicy", "alone-alone")["spec"]
    labels = of_kind(made, "Deployment", "web")["spec"]["template"]["metadata"]["labels"]
    assert {"network.whit/p-back", "network.whit/p-front"} <= set(labels)
    assert not [
        one
        for one in generated(services, Options(policies=False), networks=networks).manifests
        if one["kind"] == "NetworkPolicy"
    ]


def test_a_scaler_has_the_word_about_replicas() -> None:
    reserved = {"resources": {"reservations": {"cpus": 0.5}}, "replicas": 4}
    made = generated({"web": {"deploy": reserved, "x-kubernetes": {"autoscale": {"min": 2, "max": 9, "cpu": 70}}}})
    scaler = of_kind(made, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 9)
    assert scaler["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert "replicas" not in of_kind(made, "Deployment")["spec"]
    with pytest.raises(UnsupportedError, match="percentage of what is reserved"):
        generated({"web": {"x-kubernetes": {"autoscale": {"max": 9, "cpu": 70}}}})


def test_updates_go_as_the_file_says() -> None:
    config = {"parallelism": 2, "order": "start-first", "delay": "10s", "failure_action": "rollback"}
    made = generated({"web": {"deploy": {"update_config": config}}})
    spec = of_kind(made, "Deployment")["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 2, "maxUnavailable": 0}
    assert spec["minReadySeconds"] == 10
    assert any("kubectl rollout undo" in note for note in notes(made))


def test_pods_are_placed() -> None:
    placement = {
        "constraints": ["node.labels.disk == ssd", "node.hostname!=old", "node.platform.arch==x86_64"],
        "preferences": [{"spread": "node.labels.zone"}],
        "max_replicas_per_node": 1,
    }
    spec = pod({"web": {"platform": "linux/arm64/v8", "deploy": {"placement": placement}}})
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"] == [
        {"key": "disk", "operator": "In", "values": ["ssd"]},
        {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["old"]},
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]},
    ]
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "zone"
    assert "podAntiAffinity" in spec["affinity"]
    with pytest.raises(UnsupportedError, match=r"node\.role"):
        pod({"web": {"deploy": {"placement": {"constraints": ["node.role==manager"]}}}})


def test_a_runtime_class_and_a_namespace_come_on_request() -> None:
    made = generated({"web": {}}, Options(namespace="shop", runtime_class="whit"))
    assert of_kind(made, "RuntimeClass") == {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "whit"},
        "handler": "whit",
    }
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["runtimeClassName"] == "whit"
    others = [one for one in made.manifests if one["kind"] != "RuntimeClass"]
    assert {one["metadata"]["namespace"] for one in others} == {"shop"}


def test_built_images_are_of_a_registry() -> None:
    made = generated({"web": {"image": "p-web", "build": {"context": "/x"}}}, Options(registry="r.example/me/"))
    assert of_kind(made, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"] == "r.example/me/p-web"
    assert "services.web.build: nodes pull r.example/me/p-web: push it first" in notes(made)
