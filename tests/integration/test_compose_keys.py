"""What a service's keys come to in a container that runs: networks, names, secrets, limits, namespaces, images that are built."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.kept import until

if TYPE_CHECKING:
    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

SLEEP = 'image: bb, command: [sleep, "1000"], init: true'


def _inspect(shop: Composed, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shop.engine("inspect", "--type", "container", name))[0]
    return found


def _network(shop: Composed, name: str) -> str:
    """The namespace that a container is in."""
    return os.readlink(f"/proc/{_inspect(shop, name)['State']['Pid']}/ns/net")  # noqa: PTH115 - not a file's name


def _names(shop: Composed, service: str) -> dict[str, str]:
    """Name → address, as a service's container sees it."""
    lines = shop("exec", service, "/busybox", "cat", "/etc/hosts").splitlines()
    return {name: line.split()[0] for line in lines for name in line.split()[1:]}


def test_networks_names_and_addresses_are_those_of_the_file(shop: Composed) -> None:
    shop.engine("network", "create", "--subnet", "10.98.0.0/24", "outside")
    shop.write(f"""
        services:
          db: {{{SLEEP}, networks: {{back: {{ipv4_address: 10.97.0.9, aliases: [database]}}}}}}
          web: {{{SLEEP}, networks: [front, back, given], links: ["db:store"]}}
          other: {{{SLEEP}, networks: [front]}}
        networks:
          front: {{}}
          back: {{internal: true, ipam: {{config: [{{subnet: 10.97.0.0/24}}]}}}}
          given: {{external: true, name: outside}}
    """)
    shop.up()
    seen = _names(shop, "web")
    assert seen["db"] == seen["database"] == seen["store"] == seen["shop-db-1"] == "10.97.0.9"
    assert seen["other"] != seen["db"]
    assert "db" not in _names(shop, "other")
    assert set(_inspect(shop, "shop-web-1")["NetworkSettings"]["Networks"]) == {"shop_front", "shop_back", "outside"}
    shop("down")
    assert shop.leavings() == "outside"
    shop.engine("network", "rm", "outside")


def test_an_external_network_that_is_not_there_is_told_before_anything_is_made(shop: Composed) -> None:
    shop.write(f"services: {{web: {{{SLEEP}, networks: [given]}}}}\nnetworks: {{given: {{external: true}}}}")
    done = shop.run("up", "-d")
    assert done.returncode == 1
    assert "network given is external, and isn't there" in done.stderr
    assert shop.leavings() == ""


def test_secrets_and_configs_have_the_owner_and_mode_that_the_file_asks_for(shop: Composed) -> None:
    (shop.folder / "key.txt").write_text("hidden")
    shop.write("""
        services:
          web:
            image: bb
            command: [sleep, "1000"]
            init: true
            user: "0"
            secrets: [key, {source: token, target: tok, uid: "5", gid: "6", mode: 0440}]
            configs: [{source: site, target: /etc/site}]
        secrets: {key: {file: key.txt}, token: {environment: TOKEN}}
        configs: {site: {content: "a=${TOKEN}"}}
    """)
    (shop.folder / ".env").write_text("TOKEN=t1\n")
    shop.up()
    assert shop("exec", "web", "/busybox", "cat", "/run/secrets/key") == "hidden"
    assert shop("exec", "web", "/busybox", "cat", "/etc/site") == "a=t1"
    assert shop("exec", "web", "/busybox", "stat", "-c", "%u %g %a", "/run/secrets/tok") == "5 6 440"


def test_limits_labels_and_the_rest_are_what_inspect_shows(shop: Composed) -> None:
    shop.write("""
        services:
          web:
            image: bb
            command: [sleep, "1000"]
            init: true
            hostname: front
            user: "1000:1000"
            working_dir: /
            environment: {A: "1", B: }
            labels: {team: x}
            restart: on-failure:3
            stop_signal: SIGINT
            stop_grace_period: 3s
            mem_limit: 64m
            pids_limit: 50
            cpus: 0.5
            read_only: true
            tmpfs: [/scratch:size=1m]
            cap_add: [NET_BIND_SERVICE]
            ulimits: {nofile: {soft: 100, hard: 200}}
            extra_hosts: ["far:10.1.2.3"]
            logging: {driver: json-file, options: {max-size: 1m, max-file: "2"}}
            healthcheck: {x-tcp: ":1", interval: 1m}
            sysctls: {kernel.msgmax: 4096, net.core.somaxconn: 77, net.ipv4.conf.eth0.rp_filter: "2"}
    """)
    shop.up()
    found = _inspect(shop, "shop-web-1")
    assert found["Config"]["Labels"]["team"] == "x"
    assert found["Config"]["Labels"]["com.docker.compose.service"] == "web"
    assert found["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert found["Config"]["StopTimeout"] == 3
    assert found["HostConfig"]["Memory"] == 64 << 20
    inside = ("exec", "web", "/busybox")
    assert shop(*inside, "hostname") == "front"
    assert shop(*inside, "id", "-u") == "1000"
    assert shop(*inside, "sh", "-c", "echo $A-$B") == "1-"
    assert shop(*inside, "sh", "-c", "ulimit -n") == "100"
    assert shop(*inside, "cat", "/proc/sys/kernel/msgmax") == "4096"
    assert shop(*inside, "cat", "/proc/sys/net/core/somaxconn") == "77"
    assert shop(*inside, "cat", "/proc/sys/net/ipv4/conf/eth0/rp_filter") == "2"
    assert _names(shop, "web")["far"] == "10.1.2.3"


def test_services_share_a_network_and_volumes(shop: Composed) -> None:
    shop.write(f"""
        services:
          main: {{{SLEEP}, user: "0", volumes: [data:/data]}}
          side: {{{SLEEP}, user: "0", network_mode: "service:main", volumes_from: ["main:ro"]}}
        volumes: {{data: {{}}}}
    """)
    shop.up()
    shop("exec", "main", "/busybox", "touch", "/data/x")
    assert shop("exec", "side", "/busybox", "ls", "/data") == "x"
    assert _network(shop, "shop-main-1") == _network(shop, "shop-side-1")
    # and who shares it goes along when it is made anew
    shop.up("--force-recreate", "main")
    assert _network(shop, "shop-main-1") == _network(shop, "shop-side-1")


def test_an_image_is_built_where_it_is_not_there_and_removed_when_that_is_asked_for(shop: Composed) -> None:
    app = shop.folder / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM bb\nARG WORD=none\nENV SAID=$WORD\nLABEL x=y\n")
    shop.write("""
        services:
          web: {build: {context: app, args: {WORD: built}}, command: [sleep, "1000"], init: true}
    """)
    shop.up()
    assert shop("exec", "web", "/busybox", "sh", "-c", "echo $SAID") == "built"
    first = shop.ids()
    (app / "Dockerfile").write_text("FROM bb\nENV SAID=again\n")
    assert shop.up() == []
    shop.up("--build")
    assert shop.ids() != first
    assert shop("exec", "web", "/busybox", "sh", "-c", "echo $SAID") == "again"
    shop("down", "--rmi", "local")
    assert "shop-web" not in shop.engine("images")


def test_profiles_are_off_until_they_or_their_services_are_named(shop: Composed) -> None:
    shop.write(f"services: {{web: {{{SLEEP}}}, tool: {{{SLEEP}, profiles: [tools]}}}}")
    shop.up()
    assert set(shop.ps()) == {"shop-web-1"}
    shop.up("tool")
    assert set(shop.ps()) == {"shop-web-1", "shop-tool-1"}
    assert shop.up() == []
    shop("down")
    assert shop.leavings() == ""


def test_start_stop_restart_kill_and_pause_act_on_services(shop: Composed) -> None:
    shop.write(
        f"services: {{db: {{{SLEEP}}}, web: {{{SLEEP}, depends_on: {{db: {{condition: service_started, restart: true}}}}}}}}"
    )
    shop.up()
    pids = {name: _inspect(shop, name)["State"]["Pid"] for name in shop.ps()}
    shop("restart", "db")
    now = {name: _inspect(shop, name)["State"]["Pid"] for name in shop.ps()}
    assert not set(pids.values()) & set(now.values()), "who says so is restarted, too"
    shop("pause", "web")
    assert shop.ps()["shop-web-1"]["state"] == "paused"
    shop("unpause")
    shop("kill", "web")
    until(lambda: shop.ps()["shop-web-1"]["state"] == "exited")
    shop("start")
    shop("stop")
    assert {one["state"] for one in shop.ps().values()} == {"exited"}
    shop("rm", "-f", "web")
    assert set(shop.ps()) == {"shop-db-1"}


def test_annotations_are_the_configuration_s_and_swappiness_is_the_kernel_s(shop: Composed) -> None:
    shop.write("""
        services:
          web: {image: bb, command: [sleep, "1000"], init: true, annotations: {com.example.a: b}, mem_swappiness: 10}
    """)
    done = shop.run("up", "-d")
    if done.returncode and "cgroup v2 has none" in done.stderr:
        pytest.skip("cgroup v2 has no swappiness")
    assert done.returncode == 0, done.stderr
    (identity,) = shop("ps", "-q").split()
    made = json.loads((shop.engine.root / "containers" / identity / "bundle" / "config.json").read_bytes())
    assert made["annotations"]["com.example.a"] == "b"
    assert made["linux"]["resources"]["memory"]["swappiness"] == 10
    # what can't be is told with its place, and what runs goes on
    for key, value in (("mem_swappiness", "101"), ("annotations", "{dev.whit.wasm: x}")):
        shop.write(f"services: {{web: {{image: bb, command: [sleep, '1000'], {key}: {value}}}}}")
        refused = shop.run("up", "-d")
        assert (refused.returncode, "compose.yaml:1:" in refused.stderr, f"services.web.{key}" in refused.stderr) == (
            1,
            True,
            True,
        )
        assert shop.ps()["shop-web-1"]["state"] == "running"
