"""``whit compose up`` and ``down``: what is made, in which order, what is left alone, and that nothing is left."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until

if TYPE_CHECKING:
    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

TWO = """
    services:
      db:
        image: bb
        command: [sleep, "1000"]
        init: true
        healthcheck: {test: [CMD, /busybox, test, -e, /data/ready], interval: 100ms, start_period: 30s, start_interval: 50ms}
        volumes: [data:/data]
      web:
        image: bb
        command: [sleep, "1000"]
        init: true
        depends_on: {db: {condition: service_healthy}}
    volumes:
      data:
"""


def test_a_service_starts_once_the_one_that_it_needs_is_healthy_and_down_leaves_nothing(shop: Composed) -> None:
    # given a database that is healthy once a file is there, which another service makes
    shop.write(TWO)
    shop.engine("volume", "create", "--label", "com.docker.compose.project=shop", "shop_data")
    starting = shop.begin("up", "-d")
    until(lambda: shop.ps().get("shop-db-1", {}).get("health") == "starting")
    assert shop.ps()["shop-web-1"]["state"] == "created"
    # when the file comes
    shop("exec", "db", "/busybox", "touch", "/data/ready")
    starting.communicate(timeout=60)
    assert starting.returncode == 0
    # then the other one runs, and both are found by their names
    assert {name: one["state"] for name, one in shop.ps().items()} == {"shop-db-1": "running", "shop-web-1": "running"}
    # also when they are stopped and started again
    shop("stop")
    started = shop.run("--progress", "plain", "start").stderr
    assert started.index("Service db  Healthy") < started.index("shop-web-1  Starting")
    hosts = shop("exec", "web", "/busybox", "cat", "/etc/hosts")
    assert any({"db", "shop-db-1"} <= set(line.split()) for line in hosts.splitlines())
    # and after down there is nothing but the volume, which goes when that is asked for
    shop("down")
    assert shop.leavings() == ""
    assert "shop_data" in shop.engine("volume", "ls", "-q")
    shop("down", "-v")
    assert "shop_data" not in shop.engine("volume", "ls", "-q")


SIMPLE = """
    services:
      db: {image: bb, command: [sleep, "1000"], init: true}
      web: {image: bb, command: [sleep, "1000"], init: true, depends_on: [db]}
"""


def test_up_again_does_nothing_and_only_what_changed_is_made_anew(shop: Composed) -> None:
    shop.write(SIMPLE)
    shop.up()
    before = shop.ids()
    assert shop.up() == []
    # when one service says something else
    shop.write(
        SIMPLE.replace(
            'image: bb, command: [sleep, "1000"], init: true, depends_on',
            "image: bb, command: [sleep, '999'], init: true, depends_on",
        )
    )
    shop.up()
    # then it alone is another container, under the same name
    after = shop.ids()
    assert after["shop-db-1"] == before["shop-db-1"]
    assert after["shop-web-1"] != before["shop-web-1"]
    assert set(after) == {"shop-db-1", "shop-web-1"}


def test_another_image_of_the_same_name_and_another_config_file_make_a_container_anew(shop: Composed) -> None:
    (shop.folder / "site.conf").write_text("one")
    shop.write("""
        services:
          web: {image: bb, command: [sleep, "1000"], init: true, configs: [{source: site, target: /site.conf, mode: 0444}]}
        configs:
          site: {file: site.conf}
    """)
    shop.up()
    first = shop.ids()
    assert shop("exec", "web", "/busybox", "cat", "/site.conf") == "one"
    (shop.folder / "site.conf").write_text("two")
    shop.up()
    second = shop.ids()
    assert first != second
    assert shop("exec", "web", "/busybox", "cat", "/site.conf") == "two"
    # an image that was packed anew under its name
    shop.engine("pack", "/bin/busybox", "-t", "bb", "--needs", "+zones")
    shop.up()
    assert shop.ids() != second


def test_what_is_made_anew_keeps_its_volumes_without_a_name(shop: Composed) -> None:
    shop.write("""
        services:
          web: {image: bb, command: [sleep, "1000"], init: true, user: "0", volumes: [/state]}
    """)
    shop.up()
    shop("exec", "web", "/busybox", "touch", "/state/kept")
    shop.up("--force-recreate")
    assert shop("exec", "web", "/busybox", "ls", "/state") == "kept"
    shop.up("--force-recreate", "-V")
    assert shop("exec", "web", "/busybox", "ls", "/state") == ""
    shop("down", "-v")
    assert shop.engine("volume", "ls", "-q") == ""


def test_a_job_that_is_done_is_not_done_again_and_one_that_failed_is_and_keeps_others_back(shop: Composed) -> None:
    job = """
        services:
          job: {image: bb, user: "0", command: [sh, -c, "echo x >>/data/runs; exit ${CODE:-0}"], volumes: [data:/data]}
          web: {image: bb, user: "0", command: [sleep, "1000"], init: true, volumes: [data:/data], depends_on: {job: {condition: service_completed_successfully}}}
        volumes: {data: {}}
    """
    shop.write(job.replace("${CODE:-0}", "3"))
    failed = shop.run("up", "-d")
    assert failed.returncode == 1
    assert "container shop-job-1 has failed: it ended with 3" in failed.stderr
    assert shop.ps()["shop-web-1"]["state"] == "created"
    # the next one goes on where that stopped
    shop.write(job.replace("${CODE:-0}", "0"))
    shop.up()
    shop.up()
    assert shop("exec", "web", "/busybox", "cat", "/data/runs").split() == ["x", "x"]


def test_the_scale_changes_names_and_ports_with_it(shop: Composed) -> None:
    shop.write("""
        services:
          web: {image: bb, command: [sleep, "1000"], init: true, ports: ["18080-18082:80"]}
          ask: {image: bb, command: [sleep, "1000"], init: true}
    """)
    shop.up("--scale", "web=3")
    shown = [line.split() for line in shop("exec", "ask", "/busybox", "cat", "/etc/hosts").splitlines()]
    addresses = {line[0] for line in shown if "web" in line}
    assert len(addresses) == 3
    ports = {port["published"] for one in shop.ps("web").values() for port in one["ports"]}
    assert ports == {18080, 18081, 18082}
    assert shop("port", "--index", "2", "web", "80") == "127.0.0.1:18081"
    shop("scale", "web=1")
    shown = [line.split() for line in shop("exec", "ask", "/busybox", "cat", "/etc/hosts").splitlines()]
    assert len({line[0] for line in shown if "web" in line}) == 1
    too_many = shop.run("up", "-d", "--scale", "web=4")
    assert too_many.returncode == 1
    assert 'give a range, "18080-18083:80"' in too_many.stderr


def test_a_key_that_cannot_be_honoured_is_refused_by_its_place_and_nothing_is_made(shop: Composed) -> None:
    shop.write("""
        services:
          web:
            image: bb
            oom_kill_disable: true
    """)
    done = shop.run("up", "-d")
    assert done.returncode == 1
    assert "compose.yaml:5:" in done.stderr
    assert "services.web: whit can't do 'oom_kill_disable'" in done.stderr
    assert shop.leavings() == ""


def test_in_the_foreground_lines_have_their_container_in_front_and_ctrl_c_stops_in_order(shop: Composed) -> None:
    shop.write("""
        services:
          one: {image: bb, command: [sh, -c, "echo from one; exec sleep 1000"], init: true}
          two: {image: bb, command: [sh, -c, "echo from two; exec sleep 1000"], init: true, depends_on: [one]}
    """)
    running = shop.begin("up")
    assert running.stdout is not None
    lines = {running.stdout.readline(), running.stdout.readline()}
    assert lines == {"one-1  | from one\n", "two-1  | from two\n"}
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert said.index("shop-two-1  Stopped") < said.index("shop-one-1  Stopping")
    assert {one["state"] for one in shop.ps().values()} == {"exited"}


def test_the_end_of_one_can_end_all_with_its_exit_code(shop: Composed) -> None:
    shop.write("""
        services:
          test: {image: bb, command: [sh, -c, "exit 7"]}
          web: {image: bb, command: [sleep, "1000"], init: true}
    """)
    assert shop.run("up", "--exit-code-from", "test").returncode == 7
    assert shop.ps()["shop-web-1"]["state"] == "exited"


def test_logs_are_shown_with_and_without_names_in_front(shop: Composed) -> None:
    shop.write(
        'services: {one: {image: bb, command: [sh, -c, "echo a; echo b"]}, two: {image: bb, command: [echo, c]}}'
    )
    shop.up()
    until(lambda: {one["state"] for one in shop.ps().values()} == {"exited"})
    assert shop("logs").splitlines() == ["one-1  | a", "one-1  | b", "two-1  | c"]
    assert shop("logs", "--no-log-prefix", "-n", "1", "one") == "b"


def test_orphans_are_told_of_and_removed_when_asked(shop: Composed) -> None:
    shop.write(SIMPLE)
    shop.up()
    shop.write("services: {db: {image: bb, command: [sleep, '1000'], init: true}}")
    assert any("shop-web-1" in line for line in shop.up())
    assert "shop-web-1" in shop.ps()
    shop.up("--remove-orphans")
    assert "shop-web-1" not in shop.ps()


def test_projects_are_listed_and_brought_down_by_name_without_their_file(shop: Composed) -> None:
    shop.write(SIMPLE)
    shop.up()
    (shop.folder / "compose.yaml").unlink()
    listed = json.loads(shop("ls", "--json"))["projects"]
    assert [(one["name"], one["containers"]) for one in listed] == [("shop", {"running": 2})]
    shop("-p", "shop", "down")
    assert shop.leavings() == ""


def test_run_starts_what_is_needed_and_passes_on_the_exit_code(shop: Composed) -> None:
    shop.write(SIMPLE)
    done = shop.run("run", "--rm", "web", "sh", "-c", "echo here; exit 5")
    assert (done.returncode, done.stdout) == (5, "here\n")
    until(lambda: set(shop.ps()) == {"shop-db-1"})


def test_a_second_ctrl_c_kills_what_does_not_stop(shop: Composed) -> None:
    # given a program that hears no SIGTERM: the first of its namespace, and without a handler
    shop.write('services: {one: {image: bb, command: [sh, -c, "echo up; exec sleep 1000"], stop_grace_period: 10m}}')
    running = shop.begin("up")
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.readline() == "one-1  | up\n"
    running.send_signal(signal.SIGINT)
    for said in running.stderr:
        if "Stopping" in said:
            break
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    until(lambda: shop.ps()["shop-one-1"]["state"] == "exited")


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(shop: Composed) -> None:
    shop.write(SIMPLE)
    told = shop.run("--dry-run", "up")
    assert (told.returncode, shop.leavings()) == (0, "")
    assert [line.removeprefix(" DRY-RUN MODE -  ") for line in told.stderr.splitlines()] == [
        "Network shop_default  Created",
        "Container shop-db-1  Created",
        "Container shop-db-1  Started",
        "Container shop-web-1  Created",
        "Container shop-web-1  Started",
    ]
    shop.up()
    before = shop.ids()
    told = shop.run("--dry-run", "down")
    assert "Container shop-web-1  Removed" in told.stderr
    assert shop.ids() == before
    assert {one["state"] for one in shop.ps().values()} == {"running"}
    refused = shop.run("--dry-run", "exec", "web", "true")
    assert refused.returncode == 2
    assert "--dry-run is of no use for exec" in refused.stderr


def test_a_project_s_volumes_are_listed_and_the_version_is_whit_s(shop: Composed) -> None:
    shop.write(TWO.replace("depends_on: {db: {condition: service_healthy}}", ""))
    shop.up()
    assert shop("volumes", "-q") == "shop_data"
    assert shop("volumes").splitlines()[1].split() == ["local", "shop_data"]
    assert shop("volumes", "-q", "web") == ""
    assert json.loads(shop("volumes", "--json"))["volumes"] == [{"name": "shop_data", "driver": "local"}]
    assert shop("version", "--short") in shop("version")
