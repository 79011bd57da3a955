"""What ``whit kube generate`` writes, before a real API server, its controllers and scheduler: taken, kept as written, and run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.compose.comparing import written
from tests.compose.corpus import odd, single
from tests.conftest import lacking
from tests.integration.test_kube_corpus import OPTIONS, made_of
from tests.peers import PROJECT
from tests.peers.kubernetes import kubernetes_program, start_cluster
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.kubernetes import Cluster
    from whit.runtime.scaleout.kubernetes.model import Options

pytestmark = pytest.mark.slow

SHOP = """
name: shop
services:
  web:
    image: "web:1"
    restart: always
    user: "1000:1000"
    ports: ["8080:80", "8443:443/udp"]
    environment: {A: "$$(B) 1", EMPTY: "", YES: "yes"}
    secrets: [token]
    configs: [{source: conf, target: /etc/conf, mode: 0440}]
    volumes: ["./site.html:/site.html:ro", "./conf.d:/etc/conf.d:ro"]
    healthcheck: {x-http: ":80/", interval: 5s}
    networks: {front: {aliases: [www]}, back: null}
    depends_on: {db: {condition: service_healthy}, migrate: {condition: service_completed_successfully}}
    deploy:
      replicas: 2
      resources: {limits: {cpus: "0.5", memory: 64M}, reservations: {cpus: "0.25", memory: 32M}}
      update_config: {parallelism: 1, order: start-first, delay: 1s}
      placement: {constraints: ["node.platform.arch == x86_64"], preferences: [{spread: node.labels.zone}]}
    x-kubernetes: {ingress: {host: shop.example, class: nginx}, publish: node-port}
  scaled:
    image: scaled:1
    restart: always
    expose: ["9000"]
    networks: [back]
    deploy: {resources: {reservations: {cpus: "0.1", memory: 16M}}}
    x-kubernetes: {autoscale: {min: 2, max: 4, cpu: 50}}
  db:
    image: db:1
    restart: always
    expose: ["5432"]
    healthcheck: {test: [CMD, /ready]}
    volumes: ["data:/data"]
    networks: [back]
    depends_on: {schema: {condition: service_completed_successfully}}
    stop_grace_period: 1m
  beside:
    image: beside:1
    restart: always
    user: "2000"
    network_mode: service:db
    volumes: ["data:/data"]
    healthcheck: {x-tcp: ":9"}
  agent:
    image: agent:1
    restart: always
    deploy: {mode: global}
    networks: [front]
  migrate:
    image: migrate:1
    networks: [back]
  schema:
    image: schema:1
    networks: [back]
    volumes: ["data:/there"]
    x-kubernetes: {init: true}
  seed:
    image: seed:1
    restart: "no"
    networks: [back]
  backup:
    image: backup:1
    networks: [back]
    volumes: ["shared:/shared"]
    x-kubernetes: {schedule: "0 3 * * *", concurrency: Forbid}
  reader:
    image: reader:1
    restart: always
    networks: [back]
    volumes: ["shared:/shared:ro"]
    tmpfs: ["/run:size=1m"]
networks: {front: null, back: {internal: true}}
volumes: {data: {x-kubernetes: {size: 2Gi}}, shared: null}
secrets: {token: {environment: TOKEN}}
configs: {conf: {content: "a=1\\n"}}
"""

PODS = {"web": 2, "scaled": 2, "db": 1, "agent": 3, "reader": 1}
"""That stay."""

EXAMPLES = {
    "shop": {"proxy": 1, "web": 2, "worker": 2, "store": 1, "cache": 1, "queue": 1},
    "ring": {"one": 1, "two": 1, "three": 1},
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    program = kubernetes_program() or lacking("Kubernetes couldn't be built: no Go, or its proxy doesn't answer")
    with start_cluster(tmp_path_factory.mktemp("cluster"), program) as made:
        yield made


@pytest.fixture
def namespace(cluster: Cluster, tmp_path: Path) -> str:
    """One that takes only what keeps to the ``restricted`` standard."""
    name = tmp_path.name.lower().replace("_", "-")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    answer = cluster.ask(
        "POST",
        "/api/v1/namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )
    assert not answer.message
    return name


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(SHOP)
    (tmp_path / "site.html").write_text("<p>\n")
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.conf").write_bytes(b"\xff\n")
    (tmp_path / "conf.d" / "b.conf").write_text("tab\there, \u2028 \x07 bell\r\n")
    return tmp_path


def _written(run_whit: RunWhit, folder: Path, namespace: str, *more: str) -> Path:
    words = ("kube", "generate", "-o", "k8s", "--namespace", namespace, "--validate", *more)
    done = run_whit(*words, cwd=folder, environment={"TOKEN": "t"})
    assert done.returncode == 0, done.stderr
    return folder / "k8s"


def _applied(cluster: Cluster, folder: Path, namespace: str, *more: str) -> list[str]:
    """What kubectl says of each object, by server-side apply."""
    words = ("apply", "--server-side", "--validate=strict", "-n", namespace, *more, "-k")
    return cluster.kubectl(*words, folder).stdout.splitlines()


def _differences(there: object, wanted: object, at: str = "") -> list[str]:
    """Where what is stored isn't what was written; what the server adds is its own."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return [one for key, value in wanted.items() for one in _differences(there.get(key), value, f"{at}.{key}")]
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        pairs = enumerate(zip(there, wanted, strict=True))
        return [one for number, (a, b) in pairs for one in _differences(a, b, f"{at}[{number}]")]
    return [] if there == wanted or (there is None and wanted == "") else [f"{at}: {there!r}, not {wanted!r}"]


def _documents(folder: Path) -> list[dict[str, Any]]:
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [yaml.safe_load((folder / name).read_text()) for name in listed]


def test_a_server_takes_all_and_keeps_it_as_written(
    cluster: Cluster, namespace: str, run_whit: RunWhit, shop: Path
) -> None:
    folder = _written(run_whit, shop, namespace)
    dry = _applied(cluster, folder, namespace, "--dry-run=server")
    assert all(line.endswith("serverside-applied (server dry run)") for line in dry), dry
    real = _applied(cluster, folder, namespace)
    assert len(real) == len(dry) == len(_documents(folder))
    for document in _documents(folder):
        head = document["metadata"]
        text = cluster.kubectl("get", document["kind"], head["name"], "-n", namespace, "-o", "json").stdout
        assert _differences(json.loads(text), document) == [], head["name"]


def test_a_second_time_changes_nothing(cluster: Cluster, namespace: str, run_whit: RunWhit, shop: Path) -> None:
    folder = _written(run_whit, shop, namespace)
    _applied(cluster, folder, namespace)
    before = _versions(cluster, folder, namespace)
    assert cluster.kubectl("diff", "-k", folder, "--server-side", check=False).stdout == ""
    _applied(cluster, folder, namespace)
    assert _versions(cluster, folder, namespace) == before
    # As who has never heard of server-side apply does it.
    assert cluster.kubectl("diff", "-k", folder, check=False).stdout == ""


def _versions(cluster: Cluster, folder: Path, namespace: str) -> dict[str, int]:
    """Each object's generation: of its ``spec``, which only who applies changes."""
    found: dict[str, int] = {}
    for document in _documents(folder):
        kind, name = document["kind"], document["metadata"]["name"]
        text = cluster.kubectl("get", kind, name, "-n", namespace, "-o", "json").stdout
        found[f"{kind} {name}"] = json.loads(text)["metadata"].get("generation", 0)
    return found


def test_pods_run_and_jobs_are_done(cluster: Cluster, namespace: str, run_whit: RunWhit, shop: Path) -> None:
    _applied(cluster, _written(run_whit, shop, namespace), namespace)
    cluster.wait(lambda: _not_running(cluster, namespace, PODS))
    jobs = cluster.listed("jobs", namespace)
    assert {name.rpartition("-")[0] for name in jobs} == {"migrate", "seed"}
    claims = cluster.listed("persistentvolumeclaims", namespace)
    assert {name: one["status"]["phase"] for name, one in claims.items()} == {
        "data-db-0": "Bound",
        "shop-shared": "Bound",
    }
    slices = cluster.listed("endpointslices", namespace)
    found = {one["metadata"]["labels"]["kubernetes.io/service-name"]: len(one["endpoints"]) for one in slices.values()}
    assert found["web"] == found["www"] == 2


GROUPS = {"v1": "/api/v1"}
PLURALS = {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses", "RuntimeClass": "runtimeclasses"}


def _said(cluster: Cluster, namespace: str, document: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """What the server says of an object, and warns of, without keeping it."""
    kind, version = document["kind"], document["apiVersion"]
    place = "" if kind == "RuntimeClass" else f"/namespaces/{namespace}"
    document["metadata"].pop("namespace", None)
    path = f"{GROUPS.get(version, f'/apis/{version}')}{place}/{PLURALS.get(kind, f'{kind.lower()}s')}"
    query = "dryRun=All&fieldValidation=Strict&fieldManager=tests"
    where = f"{path}/{document['metadata']['name']}?{query}"
    answer = cluster.ask("PATCH", where, document, "application/apply-patch+yaml")
    return answer.message, answer.warnings


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "all"])
def test_every_form_of_every_key_is_taken_and_what_isnt_restricted_is_told(
    cluster: Cluster, namespace: str, tmp_path: Path, options: Options
) -> None:
    labels = {"pod-security.kubernetes.io/warn": "restricted"}
    cluster.ask(
        "PATCH", f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": labels}}, "application/merge-patch+json"
    )
    wrong: dict[str, str] = {}
    seen: set[str] = set()
    for number, case in enumerate((*single(), *odd())):
        folder = tmp_path / str(number)
        folder.mkdir()
        written(case, folder)
        try:
            made = made_of(case, folder, options)
        except WhitError:
            continue
        is_told = any("namespaces" in note.text for note in made.notes)
        for document in made.manifests:
            text = json.dumps(document, sort_keys=True)
            if text in seen:
                continue
            seen.add(text)
            refused, warnings = _said(cluster, namespace, document)
            if refused or (warnings and not is_told):
                wrong[f"{case.name}: {document['kind']}"] = refused or str(warnings)
    assert wrong == {}
    assert len(seen) > 1000


@pytest.mark.parametrize("example", ["shop", "ring"])
@pytest.mark.parametrize("more", [(), ("--publish", "load-balancer", "--seccomp", "whit", "--wait-image", "busybox:1")])
def test_the_examples_run_too(
    cluster: Cluster, namespace: str, run_whit: RunWhit, tmp_path: Path, example: str, more: tuple[str, ...]
) -> None:
    folder = tmp_path / "k8s"
    words = ("kube", "generate", "--namespace", namespace, *more, "-o", str(folder))
    done = run_whit(*words, cwd=PROJECT / "examples" / example)
    assert done.returncode == 0, done.stderr
    _applied(cluster, folder, namespace)
    cluster.wait(lambda: _not_running(cluster, namespace, EXAMPLES[example]))
    assert cluster.kubectl("diff", "-k", folder, "--server-side", check=False).stdout == ""


def _not_running(cluster: Cluster, namespace: str, wanted: Mapping[str, int]) -> str:
    """Which pods are missing, and why; nothing once all are there."""
    pods = cluster.listed("pods", namespace)
    running: dict[str, int] = {}
    for one in pods.values():
        if one["status"]["phase"] == "Running":
            name = one["metadata"]["labels"]["app.kubernetes.io/name"]
            running[name] = running.get(name, 0) + 1
    undone = [
        name for name, one in cluster.listed("jobs", namespace).items() if one.get("status", {}).get("succeeded") != 1
    ]
    if running == wanted and not undone:
        return ""
    events = cluster.kubectl("get", "events", "-n", namespace, "--field-selector", "type=Warning").stdout
    return f"running: {running}; jobs that aren't done: {undone}\n{events[-3000:]}"


def test_what_is_renamed_or_taken_out_is_pruned(
    cluster: Cluster, namespace: str, run_whit: RunWhit, shop: Path
) -> None:
    words = ("apply", "-n", namespace, "--prune", "-l", "app.kubernetes.io/part-of=shop", "-k")
    cluster.kubectl(*words, _written(run_whit, shop, namespace))
    (shop / "compose.yaml").write_text(
        SHOP.replace("  reader:", "  listener:").replace("image: seed:1", "image: seed:2")
    )
    folder = _written(run_whit, shop, namespace)
    assert not (folder / "deployment-reader.yaml").exists()
    said = cluster.kubectl(*words, folder).stdout
    assert "deployment.apps/reader pruned" in said
    assert "service/reader pruned" in said
    assert (
        len([line for line in said.splitlines() if line.startswith("job.batch/seed-") and line.endswith(" pruned")])
        == 1
    )
    made = {(one["kind"].lower(), one["metadata"]["name"]) for one in _documents(folder)}
    for kind in ("deployment", "statefulset", "daemonset", "job", "service", "configmap", "secret"):
        ours = {name for name in cluster.listed(kind, namespace) if name != "kube-root-ca.crt"}
        assert ours == {name for one, name in made if one == kind}
