"""``whit stack`` on a swarm of one: the whole way from a Compose file to tasks that run, and back to nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX
from tests.integration.swarms import IMAGE, WEB, Stacks, stacks
from tests.peers.swarm import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("dockerd", "docker", "docker-registry", "busybox-static"),
]


@pytest.fixture(scope="module")
def swarm(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """One engine that is a manager."""
    with stacks(whit, tmp_path_factory.mktemp("swarm"), 1) as made:
        yield made


@pytest.fixture
def stack(swarm: Stacks) -> Iterator[Stacks]:
    """Nothing of a stack is there, nor left."""
    yield swarm
    swarm.run("rm", "shop")
    assert swarm.json("stacks") == []


def test_a_file_runs_on_the_swarm_is_scaled_and_goes_without_a_trace(stack: Stacks) -> None:
    stack.write(WEB.format(image=IMAGE, replicas=1))
    told = stack.deploy("--push", "--insecure")
    assert "compose.yaml:7:5: services.web.scale: now deploy.replicas" in told
    assert "Creating service shop_web" in told
    assert stack.ask(0)
    [service] = stack.json("services", "shop")
    assert service["image"].startswith(f"{IMAGE}@sha256:")
    assert (service["running"], service["wanted"]) == (1, 1)
    assert stack.json("stacks") == [{"name": "shop", "services": 1}]
    stack("scale", "shop", "web=0")
    assert stack.running() == []
    stack("scale", "shop", "shop_web=1")
    assert stack.running() == ["node1"]
    assert "shop_web.1" in stack("ps", "shop")
    stack("rm", "shop")
    docker = stack.swarm.nodes[0].engine
    assert docker.docker("service", "ls", "-q").stdout == ""
    assert "shop" not in docker.docker("network", "ls").stdout
    assert "there is no stack shop" in stack.run("ps", "shop").stderr


def test_secrets_and_configs_are_shown_and_a_change_makes_other_ones(stack: Stacks) -> None:
    (stack.folder / "key").write_text("one")
    text = f"""
    services:
      web:
        image: {IMAGE}
        entrypoint: [/busybox, httpd, -f, -p, "8080", -h, /run/secrets]
        ports: ["8080:8080"]
        secrets: [key]
        configs: [{{source: text, target: /run/secrets/text}}]
        stop_signal: KILL
    secrets: {{key: {{file: ./key}}}}
    configs: {{text: {{content: hello}}}}
    """
    stack.write(text)
    stack.deploy("--push", "--insecure")
    assert (stack.ask(0, "key"), stack.ask(0, "text")) == ("one", "hello")
    (stack.folder / "key").write_text("two")
    stack.deploy("--insecure")
    assert stack.ask(0, "key") == "two"
    (stack.folder / "key").write_text("three")
    stack.deploy("--insecure")
    names = stack.swarm.nodes[0].engine.docker("secret", "ls", "--format", "{{.Name}}").stdout.split()
    assert len(names) == 2, "the last one, and the one before for a rollback"


def test_what_never_runs_is_told_with_its_cause(stack: Stacks) -> None:
    stack.write(f"services: {{web: {{image: {IMAGE}, entrypoint: [/busybox, sh, -c, exit 3]}}}}")
    failed = stack.run("deploy", "-c", "compose.yaml", "--push", "--insecure", "shop")
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-2:]
    assert last[0].startswith(
        "whit: not all is there: shop_web has 0 of 1 (shop_web.1 on node1: task: non-zero exit (3)"
    )
    assert last[1].startswith("hint: 'docker service logs shop_web'")
    stack.write(f"services: {{web: {{image: {IMAGE}-nowhere}}}}")
    failed = stack.run("deploy", "-c", "compose.yaml", "--insecure", "shop")
    assert "No such image" in failed.stderr
    assert "push it to a registry" in failed.stderr


def test_an_update_that_fails_is_rolled_back_and_that_is_told(stack: Stacks) -> None:
    update = "    deploy: {update_config: {failure_action: rollback, monitor: 2s}}\n"
    good = WEB.format(image=IMAGE, replicas=1).rstrip() + "\n" + update
    stack.write(good)
    stack.deploy("--push", "--insecure")
    stack.write(good.replace("[/busybox, httpd,", "[/busybox, 'false',"))
    failed = stack.run("deploy", "-c", "compose.yaml", "--insecure", "shop")
    assert failed.returncode == 1
    assert "rolled back; shop_web.1 on node1: task: non-zero exit (1)" in failed.stderr
    assert stack.ask(0), "what ran before runs again"


def test_a_job_is_done_and_services_that_are_gone_are_pruned(stack: Stacks) -> None:
    text = f"""
    services:
      web:
        image: {IMAGE}
        entrypoint: [/busybox, sleep, "1000"]
        stop_signal: KILL
        depends_on: {{job: {{condition: service_completed_successfully}}}}
      job: {{image: {IMAGE}, entrypoint: [/busybox, "true"]}}
    """
    stack.write(text)
    stack.deploy("--push", "--insecure")
    rows = {row["name"]: row for row in stack.json("services", "shop")}
    assert rows["shop_job"]["mode"] == "replicated-job"
    assert (rows["shop_job"]["running"], rows["shop_web"]["running"]) == (1, 1)
    stack.write(f"services: {{web: {{image: {IMAGE}, entrypoint: [/busybox, sleep, '1000'], stop_signal: KILL}}}}")
    assert "not in the file any more: shop_job" in stack.deploy("--insecure")
    stack.deploy("--insecure", "--prune")
    assert [row["name"] for row in stack.json("services", "shop")] == ["shop_web"]


def test_what_is_built_is_pushed_and_run_by_its_digest(stack: Stacks) -> None:
    shutil.copy(BUSYBOX, stack.folder / "busybox")
    (stack.folder / "Dockerfile").write_text("FROM scratch\nCOPY busybox /busybox\n")
    stack.write(WEB.format(image=f"{REGISTRY}/built:1\n    build: .", replicas=1))
    told = stack.deploy("--insecure")
    assert "services.web.build: left out: the image is built and pushed before" in told
    [service] = stack.json("services", "shop")
    assert service["image"].startswith(f"{REGISTRY}/built:1@sha256:")
    assert stack.ask(0)


def test_the_exported_file_is_one_that_docker_takes_and_deploys_to_the_same(stack: Stacks) -> None:
    stack.write(WEB.format(image=IMAGE, replicas=1))
    exported = stack.folder / "stack.yaml"
    whit = [str(stack.engine.program), "stack", "config", "-q", "-c", "compose.yaml", "-o", str(exported), "shop"]
    subprocess.run(whit, cwd=stack.folder, check=True, env=stack.engine.environment)
    engine = stack.swarm.nodes[0].engine
    engine.docker("stack", "config", "-c", exported)
    stack.deploy("--push", "--insecure", "--detach", "--resolve-image", "never")
    inspect = ("service", "inspect", "shop_web", "--format", "{{json .Spec}}")
    ours = json.loads(engine.docker(*inspect).stdout)
    engine.docker("stack", "deploy", "--resolve-image", "never", "-c", exported, "shop")
    assert json.loads(engine.docker(*inspect).stdout) == ours


def test_an_engine_that_is_not_there_or_no_manager_is_told_in_a_line(stack: Stacks, tmp_path: Path) -> None:
    stack.write(WEB.format(image=IMAGE, replicas=1))
    socket = f"unix://{tmp_path}/none.sock"
    gone = stack.engine.run("stack", "ls", "-H", socket)
    assert (gone.returncode, gone.stderr.splitlines()) == (
        1,
        [
            f"whit: no Docker Engine answers at {socket}",
            "hint: start it, or name another one: -H, --context, DOCKER_HOST",
        ],
    )


def test_docker_s_contexts_name_an_engine(stack: Stacks, tmp_path: Path) -> None:
    engine = stack.swarm.nodes[0].engine
    environment = {**stack.engine.environment, "DOCKER_CONFIG": str(tmp_path / "docker")}
    docker = [str(engine.client), "context"]
    made = [*docker, "create", "near", "--docker", f"host=unix://{engine.socket}"]
    subprocess.run(made, env=environment, check=True, capture_output=True)
    by_name = [str(stack.engine.program), "stack", "ls", "--json"]
    named = subprocess.run([*by_name, "--context", "near"], env=environment, check=True, capture_output=True)
    assert json.loads(named.stdout) == {"schema": "whit-stack-stacks/1", "stacks": []}
    subprocess.run([*docker, "use", "near"], env=environment, check=True, capture_output=True)
    environment.pop("DOCKER_HOST", None)
    assert subprocess.run(by_name, env=environment, check=True, capture_output=True).stdout == named.stdout
