"""Kubernetes itself, built from the Go proxy: etcd, API server, controllers, scheduler, kubectl; kwok pretends that pods run on nodes.

All of them are one program (tests/programs/kubernetes), which takes many minutes to build, once. ``python -m tests.peers.kubernetes`` builds it ahead.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.peers import BUILD, PROJECT, find_peer
from tests.peers.certificates import make_certificates, new_key
from tests.peers.registry import free_port
from whit.packer.support.durable import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

VERSION = "v1.36.3"
SOURCE = PROJECT / "tests" / "programs" / "kubernetes"
PROGRAM = BUILD / "peers" / f"kubernetes-{VERSION}"
TOKEN = "of-the-tests"
NODES = 3
_BUILD_SECONDS = 840
"""Less than a test may take; Go keeps what it has compiled, and the next one who asks goes on from there."""

_START_SECONDS = 120
_ANSWER_SECONDS = 30
_ACCOUNT = "system:masters"


def kubernetes_program(seconds: float = _BUILD_SECONDS) -> Path | None:
    """The program, built if it isn't yet. None where Go isn't installed, its proxy doesn't answer, or the time isn't enough."""
    go = find_peer("go")
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    with locked(PROGRAM.with_name("kubernetes.lock"), exclusive=True):
        if PROGRAM.exists() or go is None:
            return PROGRAM if PROGRAM.exists() else None
        number = "k8s.io/component-base/version.git"
        _, minor, _ = VERSION.split(".")
        flags = f"-s -w -X {number}Version={VERSION} -X {number}Major=1 -X {number}Minor={minor}"
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
        with tempfile.TemporaryDirectory() as work:
            shutil.copytree(SOURCE, work, dirs_exist_ok=True)
            unfinished = PROGRAM.with_name("kubernetes.new")
            words = ["nice", str(go), "build", "-p", "2", "-ldflags", flags, "-o", str(unfinished), "."]
            try:
                subprocess.run(words, cwd=work, env=environment, timeout=seconds, check=True)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                return None
        unfinished.rename(PROGRAM)
    return PROGRAM


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the API server: HTTP's status, and the object or ``Status``."""

    code: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong; empty if nothing is."""
        return "" if self.code < 300 else str(self.body.get("message"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """One that runs; ``folder`` has its certificates, logs and data."""

    program: Path
    folder: Path
    port: int

    @property
    def kubeconfig(self) -> Path:
        """For kubectl and all others."""
        return self.folder / "kubeconfig"

    def kubectl(
        self, *words: str | Path, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; raises with its stderr shown unless ``check`` is false."""
        done = subprocess.run(
            [self.program, "kubectl", "--kubeconfig", self.kubeconfig, *words],
            env={**os.environ, "HOME": str(self.folder)},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"kubectl {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stderr}")
        return done

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> Answer:
        """One request; a body that is JSON is YAML, too, and so a server-side apply's."""
        request = urllib.request.Request(
            f"https://localhost:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": kind},
            method=method,
        )
        trust = ssl.create_default_context(cafile=str(self.folder / "authority.crt"))
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS, context=trust) as answer:
                return Answer(answer.status, json.load(answer), tuple(answer.headers.get_all("Warning") or ()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, json.load(error))

    def listed(self, kind: str, namespace: str) -> dict[str, dict[str, Any]]:
        """All objects of a kind, by name."""
        text = self.kubectl("get", kind, "-n", namespace, "-o", "json").stdout
        return {one["metadata"]["name"]: one for one in json.loads(text)["items"]}

    def wait(self, what: Callable[[], str], seconds: float = _START_SECONDS) -> None:
        """Until ``what`` says nothing any more. Raises with what it said last."""
        end = time.monotonic() + seconds
        while text := what():
            if time.monotonic() > end:
                raise RuntimeError(f"after {seconds} s: {text}")
            time.sleep(0.3)


@contextlib.contextmanager
def start_cluster(folder: Path, program: Path) -> Iterator[Cluster]:
    """A cluster of :data:`NODES` nodes that pretend, on free ports of loopback; gone afterwards."""
    certificates = make_certificates(folder)
    accounts = new_key(folder / "accounts.key")
    (folder / "tokens.csv").write_text(f"{TOKEN},tests,tests,{_ACCOUNT}\n")
    stages = folder / "stages.yaml"
    stages.write_bytes(
        subprocess.run([program, "kwok-stages"], capture_output=True, check=True, timeout=_ANSWER_SECONDS).stdout
    )
    store, peers, port = free_port(), free_port(), free_port()
    cluster = Cluster(program, folder, port)
    cluster.kubeconfig.write_text(json.dumps(_kubeconfig(port, certificates.authority)))
    at, near = f"http://127.0.0.1:{store}", f"http://127.0.0.1:{peers}"
    parts: dict[str, dict[str, object]] = {
        "etcd": {
            "data-dir": folder / "etcd", "listen-client-urls": at, "advertise-client-urls": at, "listen-peer-urls": near,
            "initial-advertise-peer-urls": near, "initial-cluster": f"default={near}", "unsafe-no-fsync": "true",
        },
        "kube-apiserver": {
            "etcd-servers": at, "bind-address": "127.0.0.1", "advertise-address": "127.0.0.1", "secure-port": port,
            "tls-cert-file": certificates.server, "tls-private-key-file": certificates.server_key,
            "token-auth-file": folder / "tokens.csv", "authorization-mode": "RBAC", "allow-privileged": "true",
            "service-account-issuer": "https://localhost", "service-account-key-file": accounts,
            "service-account-signing-key-file": accounts, "service-cluster-ip-range": "10.96.0.0/16",
            "endpoint-reconciler-type": "none", "cert-dir": folder,
        },
        "kube-controller-manager": {
            "kubeconfig": cluster.kubeconfig, "leader-elect": "false", "secure-port": "0",
            "service-account-private-key-file": accounts, "root-ca-file": certificates.authority,
        },
        "kube-scheduler": {"kubeconfig": cluster.kubeconfig, "leader-elect": "false", "secure-port": "0"},
        "kwok": {"kubeconfig": cluster.kubeconfig, "manage-all-nodes": "true", "config": stages},
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for name, options in parts.items():
            processes[name] = stack.enter_context(_part(cluster, name, options))
            if name == "kube-apiserver":
                cluster.wait(lambda: _unready(cluster, processes))
                _furnish(cluster)
        cluster.wait(lambda: _unready(cluster, processes) or _without_nodes(cluster))
        yield cluster


@contextlib.contextmanager
def _part(cluster: Cluster, name: str, options: Mapping[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    words = [str(cluster.program), name, *(f"--{key}={value}" for key, value in options.items())]
    with (cluster.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "HOME": str(cluster.folder)}
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _unready(cluster: Cluster, processes: Mapping[str, subprocess.Popen[bytes]]) -> str:
    """Why it can't be used yet. Raises with a part's own words if that has ended."""
    for name, process in processes.items():
        if process.poll() is not None:
            log = (cluster.folder / f"{name}.log").read_text(errors="replace")
            raise RuntimeError(f"{name} has ended:\n{log[-3000:]}")
    try:
        return cluster.ask("GET", "/api/v1/namespaces/default").message
    except (OSError, ValueError) as error:
        return str(error)


def _without_nodes(cluster: Cluster) -> str:
    """Whether pods can be had: nodes that are ready, and the account that pods have."""
    nodes = cluster.ask("GET", "/api/v1/nodes").body["items"]
    ready = [
        one
        for one in nodes
        if {"type": "Ready", "status": "True"}.items()
        <= next((c for c in one.get("status", {}).get("conditions", ()) if c["type"] == "Ready"), {}).items()
        and not one["spec"].get("taints")
    ]
    if len(ready) < NODES:
        return f"{len(ready)} of {NODES} nodes are ready"
    return cluster.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default").message


def _furnish(cluster: Cluster) -> None:
    """Nodes, and volumes that claims can have: there is nobody else here who makes any."""
    made: list[tuple[str, dict[str, Any]]] = []
    for number in range(NODES):
        labels = {"kubernetes.io/hostname": f"node{number}", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        head = {"name": f"node{number}", "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        made.append(("nodes", {"apiVersion": "v1", "kind": "Node", "metadata": head}))
    for number in range(20):
        spec = {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
            "hostPath": {"path": f"/volumes/{number}"},
        }
        head = {"name": f"volume{number}"}
        made.append(
            ("persistentvolumes", {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": head, "spec": spec})
        )
    for kind, document in made:
        answer = cluster.ask("POST", f"/api/v1/{kind}", document)
        if answer.message:
            raise RuntimeError(answer.message)


def _kubeconfig(port: int, authority: Path) -> dict[str, object]:
    where = {"server": f"https://localhost:{port}", "certificate-authority": str(authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "tests", "cluster": where}],
        "users": [{"name": "tests", "user": {"token": TOKEN}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        "current-context": "tests",
    }


if __name__ == "__main__":
    sys.stdout.write(f"{kubernetes_program(seconds=24 * 3600) or 'not built'}\n")
