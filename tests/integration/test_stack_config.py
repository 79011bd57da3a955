"""``whit stack config``, checked by ``docker stack config``, which needs no engine."""

from __future__ import annotations

import os
import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.peers import find_peer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.peer("docker")

FILE = """
name: shop
x-more: {a: 1}
services:
  web:
    image: localhost:5000/web:1
    entrypoint: [/web]
    command: [-l, "$$HOME"]
    ports: ["8080:80", "53:53/udp", {target: 7, published: 7, mode: host}, "55"]
    environment: {A: 1, B: , C: "$${x}"}
    env_file: [more.env]
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully}}
    networks: {front: {aliases: [w], priority: 5}, default: }
    volumes: ["data:/data:ro", "./x:/x", {type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0700}}, /anonymous, "/y:/y:rslave"]
    tmpfs: ["/tmp:size=1m,mode=1777", /run]
    secrets: [key, {source: key, target: /q, uid: "1", gid: "2", mode: 0400}]
    configs: [{source: text, target: /etc/text}, other]
    cpus: 0.5
    mem_limit: 64m
    mem_reservation: 3m
    pids_limit: 7
    shm_size: 9m
    restart: "on-failure:3"
    extra_hosts: ["a:1.2.3.4", "b=::1"]
    dns: 1.1.1.1
    dns_search: [x]
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 3}
    sysctls: {net.core.somaxconn: 1024}
    stop_grace_period: 1m3s
    stop_signal: SIGUSR1
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    init: true
    read_only: true
    user: "5:6"
    working_dir: /w
    hostname: "{{.Node.Hostname}}"
    tty: true
    stdin_open: true
    container_name: front
    expose: ["99"]
    labels: {a: b, c: 1}
    healthcheck: {test: [CMD, /x], interval: 1s, timeout: 2s, retries: 3, start_interval: 2s, start_period: 9s}
    logging: {driver: json-file, options: {max-size: 1m}}
    platform: linux/arm64
    pull_policy: always
    profiles: [on]
    x-own: 5
    deploy:
      replicas: 1
      labels: {q: 1}
      placement: {constraints: [node.role==worker], preferences: [{spread: node.labels.z}], max_replicas_per_node: 1}
      update_config: {parallelism: 1, delay: 1s, order: start-first, failure_action: rollback, monitor: 3s, max_failure_ratio: 0.1}
      rollback_config: {parallelism: 0, order: stop-first}
      resources: {reservations: {cpus: "0.1", memory: 3m, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 1}}]}}
  db: {image: db, scale: 3, healthcheck: {disable: true}, network_mode: host, restart: unless-stopped}
  job: {image: job, restart: on-failure, deploy: {mode: replicated-job, replicas: 2}}
  each: {image: each, networks: [ext], deploy: {mode: global, restart_policy: {condition: any, delay: 1s, max_attempts: 4, window: 9s}}}
networks:
  front: {driver: bridge, attachable: true, internal: true, labels: {n: 1}, ipam: {driver: default, config: [{subnet: 10.1.0.0/16, gateway: 10.1.0.1}]}}
  ext: {external: true, name: theirs}
volumes: {data: {driver: local, driver_opts: {type: none}, labels: {v: 1}}}
secrets: {key: {file: ./key}}
configs: {text: {content: "hi $$HOME"}, other: {file: ./key}}
"""


def _plain(value: Any) -> Any:
    """With single dollars, and without what docker doesn't read (a tmpfs's mode) or leaves out (nothing)."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        made = {key: _plain(item) for key, item in value.items()}
        if made.get("type") == "tmpfs":
            made["tmpfs"] = {key: item for key, item in made.get("tmpfs", {}).items() if key != "mode"}
        return {key: item for key, item in made.items() if item not in ({}, [])}
    return value


@pytest.mark.parametrize("routing", ["mesh", "direct"])
def test_what_is_exported_means_the_same_to_docker(whit: Path, tmp_path: Path, routing: str) -> None:
    (tmp_path / "compose.yaml").write_text(dedent(FILE))
    (tmp_path / "more.env").write_text("D=4\n")
    (tmp_path / "key").write_text("secret")
    words = ["stack", "config", "-c", "compose.yaml", "--profile", "on", "--routing", routing]
    environment = {**os.environ, "WHIT_ROOT": str(tmp_path / "root"), "PWD": str(tmp_path)}
    ours = subprocess.run([whit, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ours.returncode == 0, ours.stderr
    docker = find_peer("docker")
    assert docker is not None
    theirs = subprocess.run(
        [docker, "stack", "config", "-c", "-"],
        cwd=tmp_path,
        input=ours.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert theirs.returncode == 0, theirs.stderr
    assert "Ignoring" not in theirs.stderr
    assert _plain(yaml.safe_load(ours.stdout)) == _plain(yaml.safe_load(theirs.stdout))
    assert all(line.startswith("note: ") for line in ours.stderr.splitlines())
    for key in ("container_name", "depends_on", "expose", "pull_policy", "cpus", "platform", "shm_size", "tmpfs"):
        assert f"services.web.{key}: " in ours.stderr, key
