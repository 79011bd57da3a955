"""``pre_start``: containers that run to their end before a service's own start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

HOOKED = """
    services:
      web:
        image: bb
        init: true
        command: [sh, -c, "cat /data/log; exec sleep 1000"]
        environment: {A: service, B: service}
        volumes: [data:/data]
        networks: {default: {ipv4_address: 10.93.0.9}}
        depends_on: {db: {condition: service_healthy}}
        pre_start:
          - {command: [sh, -c, 'echo one $$A $$B >>/data/log'], environment: {B: hook}}
          - {command: [sh, -c, 'grep -q shop-db-1 /etc/hosts && cat /run/secrets/key >>/data/log'], secrets: [key]}
      db: {image: bb, init: true, command: [sleep, "1000"], healthcheck: {test: [CMD, /busybox, "true"], interval: 100ms}}
    volumes: {data: {}}
    secrets: {key: {file: ./key}}
    networks: {default: {ipam: {config: [{subnet: 10.93.0.0/24}]}}}
"""


def test_what_runs_before_a_service_has_its_volumes_networks_and_variables_and_is_gone_then(shop: Composed) -> None:
    shop.write(HOOKED)
    (shop.folder / "key").write_text("secret\n")
    shop.up()
    assert shop("logs", "--no-log-prefix", "web").splitlines() == ["one service hook", "secret"]
    assert sorted(shop.engine("ps", "-a", "--format", "{{.Names}}").split()) == ["shop-db-1", "shop-web-1"]
    # it isn't run again while the service runs
    shop.up()
    assert shop("exec", "web", "/busybox", "wc", "-l", "/data/log").split()[0] == "2"
    # but by an up that starts it anew; start alone refuses, as docker compose's
    shop("stop", "-t", "0", "web")
    refused = shop.run("start", "web")
    assert (refused.returncode, "pre_start" in refused.stderr, "compose up -d web" in refused.stderr) == (1, True, True)
    shop.up()
    assert shop("exec", "web", "/busybox", "wc", "-l", "/data/log").split()[0] == "4"
    shop("down", "-v", "-t", "0")
    assert shop.leavings() == ""


def test_one_that_fails_keeps_the_service_from_starting_and_stays_to_be_looked_at(shop: Composed) -> None:
    shop.write("""
        services:
          web:
            image: bb
            command: [sleep, "1000"]
            init: true
            pre_start:
              - {command: [sh, -c, "echo trying; echo no luck >&2; exit 3"]}
              - {command: [echo, never]}
    """)
    for _ in range(2):  # also where one of before is there
        done = shop.run("up", "-d")
        assert done.returncode == 1
        assert f"{shop.folder}/compose.yaml:8:9: services.web.pre_start[0]: ended with 3: no luck" in done.stderr
        assert {name: one["state"] for name, one in shop.ps().items()} == {"shop-web-1": "created"}
        assert shop.engine("logs", "shop-web-pre_start-0").splitlines()[0] == "trying"
    # and goes with the project
    shop("down")
    assert shop.leavings() == ""
    shop.write("services: {web: {image: bb, pre_start: [{command: [a], per_replica: true}]}}")
    assert "services.web.pre_start[0]: whit can't do 'per_replica'" in shop.run("up", "-d").stderr
