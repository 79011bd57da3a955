"""What ``x-kubernetes`` asks for beyond Compose: schedules, Ingresses, ways in, accounts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.manifests import generated, kinds, notes, of_kind, pod
from whit.packer.support.errors import UnsupportedError, UsageError
from whit.runtime.scaleout.kubernetes.model import BoundFile, Options, Publish
from whit.runtime.scaleout.kubernetes.schedules import is_schedule

ENDED = {"condition": "service_completed_successfully"}


def _wishing(wishes: dict[str, Any], **values: Any) -> dict[str, dict[str, Any]]:
    return {"web": {"restart": "always", **values, "x-kubernetes": wishes}}


def test_what_has_a_schedule_is_a_cron_job() -> None:
    made = generated({"backup": {"restart": "on-failure:2", "x-kubernetes": {"schedule": "0 3 * * *"}}})
    assert kinds(made) == [("CronJob", "backup")]
    spec = of_kind(made, "CronJob")["spec"]
    assert spec["schedule"] == "0 3 * * *"
    assert "concurrencyPolicy" not in spec
    job = spec["jobTemplate"]["spec"]
    assert job["backoffLimit"] == 2
    assert job["template"]["spec"]["restartPolicy"] == "OnFailure"
    assert not [one for one in made.manifests if one["kind"] == "Service"]


def test_a_cron_job_says_what_is_done_while_the_last_one_still_runs() -> None:
    made = generated({"a": {"x-kubernetes": {"kind": "CronJob", "schedule": "@daily", "concurrency": "Forbid"}}})
    assert of_kind(made, "CronJob")["spec"]["concurrencyPolicy"] == "Forbid"


@pytest.mark.parametrize(
    "text",
    ["* * * * *", "*/5 0-23/2 1,15 JAN-MAR mon", "0 0 ? 12 6", "@hourly", "59 23 31 12 0", "0/15 * * * *"],
)  # fmt: skip
def test_schedules_are_crons(text: str) -> None:
    assert is_schedule(text)


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "5-1 * * * *",
     "*/0 * * * *", "a * * * *", "@reboot", "* * * * MONDAY", "1- * * * *", "² * * * *"],
)  # fmt: skip
def test_other_texts_are_no_schedules(text: str) -> None:
    assert not is_schedule(text)


def test_what_is_run_again_and_again_isnt_waited_for() -> None:
    backup = {"x-kubernetes": {"schedule": "@daily"}}
    with pytest.raises(UnsupportedError, match=r"services\.backup\.x-kubernetes\.schedule: it is run again"):
        generated({"backup": backup, "web": {"depends_on": {"backup": ENDED}}})


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"schedule": "daily"}, "schedule: daily"),
        ({"kind": "CronJob"}, "schedule: isn't said"),
        ({"kind": "Deployment", "schedule": "@daily"}, "schedule: @daily"),
        ({"concurrency": "Forbid"}, "concurrency: nothing is run again"),
        ({"publish": "everywhere"}, "publish: everywhere"),
        ({"service_account": "A b"}, "service_account: A b"),
        ({"pull_secret": ""}, "pull_secret: "),
        ({"ingress": {"host": "a_b"}}, "ingress.host: a_b"),
        ({"ingress": {"path": "shop"}}, "ingress.path: shop"),
        ({"ingress": {"path": "/a/../b"}}, "ingress.path: /a/../b"),
        ({"ingress": {"port": "80"}}, "ingress.port: 80"),
        ({"ingress": {"hosts": []}}, "ingress.hosts: there is no such key"),
        ({"ingress": "shop.example"}, "ingress: shop.example"),
    ],
)
def test_a_wish_that_cant_be_is_told_with_its_place(wishes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        generated(_wishing(wishes))
    assert f"services.web.x-kubernetes.{said}" in error.value.message


def test_an_ingress_asks_the_services_first_port() -> None:
    made = generated(_wishing({"ingress": {}}, ports=[{"target": 80, "published": "8080"}]))
    assert of_kind(made, "Ingress", "web-ingress")["spec"] == {
        "rules": [
            {
                "http": {
                    "paths": [
                        {
                            "path": "/",
                            "pathType": "Prefix",
                            "backend": {"service": {"name": "web", "port": {"number": 80}}},
                        }
                    ]
                }
            }
        ]
    }
    assert of_kind(made, "NetworkPolicy", "web-ingress")["spec"]["ingress"] == [
        {"ports": [{"protocol": "TCP", "port": 80}]}
    ]
    assert notes(made) == []


def test_an_ingress_has_a_host_a_class_and_a_certificate() -> None:
    wish = {"host": "shop.example", "path": "/api", "port": 9000, "class": "nginx", "tls": "cert"}
    made = generated(_wishing({"ingress": wish}, expose=["80", "9000"]))
    spec = of_kind(made, "Ingress")["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": ["shop.example"], "secretName": "cert"}]
    assert spec["rules"][0]["host"] == "shop.example"
    assert spec["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"] == {"number": 9000}
    assert any("the Secret cert must be there" in note for note in notes(made))


@pytest.mark.parametrize(("ports", "said"), [({}, "no port of it is known"), ({"expose": ["81"]}, "listen at 80")])
def test_an_ingress_needs_a_port(ports: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedError, match=said):
        generated(_wishing({"ingress": {"port": 80} if ports else {}}, **ports))


def test_a_service_says_itself_how_it_is_reached() -> None:
    ports = [{"target": 80, "published": "30080"}]
    made = generated({**_wishing({"publish": "node-port"}, ports=ports), "other": {"ports": ports}})
    assert of_kind(made, "Service", "web-published")["spec"]["type"] == "NodePort"
    assert "other-published" not in {one["metadata"]["name"] for one in made.manifests}
    none = generated(_wishing({"publish": "none"}, ports=ports), Options(publish=Publish.LOAD_BALANCER))
    assert "web-published" not in {one["metadata"]["name"] for one in none.manifests}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("kompose.service.expose", "x-kubernetes: {ingress: {host: …, class: …, tls: …}} says it here"),
        ("kompose.service.expose.tls-secret", "x-kubernetes: {ingress: {host: …, class: …, tls: …}} says it here"),
        ("kompose.hpa.replicas.max", "x-kubernetes: {autoscale: {min: …, max: …, cpu: …}} says it here"),
        ("kompose.image-pull-policy", "pull_policy says it here"),
        ("kompose.service.group", "network_mode: service:… says it here"),
        ("kompose.service.external-traffic-policy", "and means nothing here"),
    ],
)
def test_what_speaks_to_kompose_is_told_and_goes_nowhere(label: str, said: str) -> None:
    made = generated({"web": {"restart": "always", "labels": {label: "1"}}})
    assert [note for note in notes(made) if note.startswith(f"services.web.labels.{label}: ") and note.endswith(said)]
    assert "annotations" not in of_kind(made, "Deployment")["spec"]["template"]["metadata"]


def test_accounts_and_the_secrets_of_registries_are_named() -> None:
    wishes = {"service_account": "reader", "pull_secret": "mine"}
    spec = pod(_wishing(wishes), Options(pull_secret="all"))
    assert spec["serviceAccountName"] == "reader"
    assert spec["imagePullSecrets"] == [{"name": "mine"}]
    assert pod(_wishing({}), Options(pull_secret="all"))["imagePullSecrets"] == [{"name": "all"}]


def test_a_folder_of_files_that_is_only_read_goes_along() -> None:
    bind = {"type": "bind", "source": "/here/conf.d", "target": "/etc/conf.d", "read_only": True}
    held = {
        "a.conf": BoundFile(b"a\n"),
        "start.sh": BoundFile(b"#!/bin/sh\n", is_executable=True),
        "x": BoundFile(b"\xff"),
    }
    made = generated({"web": {"volumes": [bind]}}, bound={"/here/conf.d": held})
    config = of_kind(made, "ConfigMap", "web-etc-conf-d")
    assert config["data"] == {"a.conf": "a\n", "start.sh": "#!/bin/sh\n"}
    assert config["binaryData"] == {"x": "/w=="}
    spec = of_kind(made, "Deployment")["spec"]["template"]["spec"]
    assert [(one["path"], one["mode"]) for one in spec["volumes"][0]["configMap"]["items"]] == [
        ("a.conf", 0o444), ("start.sh", 0o555), ("x", 0o444),
    ]  # fmt: skip
    mount = {"name": "whit-bound-0", "mountPath": "/etc/conf.d", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"][0] == mount


def test_pods_are_made_anew_when_a_file_of_a_folder_changes() -> None:
    bind = {"type": "bind", "source": "/here", "target": "/etc/conf.d", "read_only": True}

    def digest(**files: bytes) -> str:
        held = {name: BoundFile(data) for name, data in files.items()}
        made = generated({"web": {"volumes": [bind]}}, bound={"/here": held})
        found: str = of_kind(made, "Deployment")["spec"]["template"]["metadata"]["annotations"]["whit/files"]
        return found

    assert digest(a=b"1") == digest(a=b"1")
    assert len({digest(a=b"1"), digest(a=b"2"), digest(b=b"1")}) == 3


def test_pods_are_made_anew_when_a_file_of_what_runs_first_in_them_changes() -> None:
    migrate = {"configs": [{"source": "sql", "target": "/sql"}], "x-kubernetes": {"init": True}}
    services: dict[str, dict[str, Any]] = {"web": {"depends_on": {"migrate": ENDED}}, "migrate": migrate}

    def template(data: bytes) -> dict[str, Any]:
        made = generated(services, None, {("configs", "sql"): data}, configs={"sql": {}})
        found: dict[str, Any] = of_kind(made, "Deployment")["spec"]["template"]
        return found

    assert template(b"1") == template(b"1")
    assert template(b"1") != template(b"2")


def test_groups_of_what_runs_first_are_its_pods() -> None:
    migrate = {"group_add": ["7"], "x-kubernetes": {"init": True}}
    made = generated({"web": {"depends_on": {"migrate": ENDED}, "group_add": ["8"]}, "migrate": migrate})
    box = of_kind(made, "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert box["supplementalGroups"] == [8, 7]
    assert "services.migrate.group_add: all containers of web's pods are in these groups" in notes(made)


def test_a_file_whose_name_no_config_map_can_have_is_refused() -> None:
    bind = {"type": "bind", "source": "/here", "target": "/etc/conf.d", "read_only": True}
    with pytest.raises(UsageError, match=r"services\.web: 'a b' can't be in a ConfigMap"):
        generated({"web": {"volumes": [bind]}}, bound={"/here": {"a b": BoundFile(b"")}})
