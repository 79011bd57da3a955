"""What goes wrong: commands that are killed, two at once, services that never get well, ports that others have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until

if TYPE_CHECKING:
    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

FILE = """
    services:
      db: {image: bb, command: [sleep, "1000"], init: true}
      api: {image: bb, command: [sleep, "1000"], init: true, depends_on: [db], environment: {A: "%s"}}
      web: {image: bb, command: [sleep, "1000"], init: true, depends_on: [api], scale: 2}
"""
ALL = {"shop-db-1", "shop-api-1", "shop-web-1", "shop-web-2"}


@pytest.mark.slow
@pytest.mark.parametrize("words", [("up", "-d"), ("up", "-d", "--force-recreate"), ("up", "-d", "--scale", "web=4")])
def test_an_up_that_is_killed_at_any_point_is_gone_on_with_by_the_next(shop: Composed, words: tuple[str, ...]) -> None:
    shop.write(FILE % 1)
    if words != ("up", "-d"):
        shop.up()
    for number in range(6):
        killed = shop.begin(*words)
        time.sleep(0.05 + number * 0.08)
        killed.kill()
        killed.communicate()
        # the next command finds what is there, whatever that is
        shop.up()
        assert {name: one["state"] for name, one in shop.ps().items()} == dict.fromkeys(ALL, "running")
        assert shop.up() == []
        if words == ("up", "-d"):
            shop("down")
            assert shop.leavings() == ""


@pytest.mark.slow
def test_a_down_that_is_killed_is_gone_on_with_by_the_next(shop: Composed) -> None:
    shop.write(FILE % 1)
    for number in range(5):
        shop.up()
        killed = shop.begin("down", "-t", "1")
        time.sleep(0.05 + number * 0.06)
        killed.kill()
        killed.communicate()
        shop("down")
        assert shop.leavings() == ""


def test_two_at_once_wait_for_each_other(shop: Composed) -> None:
    shop.write(FILE % 1)
    both = [shop.begin("up", "-d"), shop.begin("up", "-d")]
    said = [one.communicate(timeout=60)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert set(shop.ps()) == ALL


def test_a_service_that_never_gets_well_fails_the_wait_and_is_fixed_by_the_next_up(shop: Composed) -> None:
    text = """
        services:
          db: {image: bb, command: [sleep, "1000"], init: true, healthcheck: {test: [CMD, /busybox, '%s'], interval: 50ms, retries: 2}}
          web: {image: bb, command: [sleep, "1000"], init: true, depends_on: {db: {condition: service_healthy}}}
    """
    shop.write(text % "false")
    failed = shop.run("up", "-d")
    assert failed.returncode == 1
    assert "container shop-db-1 is unhealthy" in failed.stderr
    assert shop.ps()["shop-web-1"]["state"] == "created"
    shop.write(text % "true")
    shop.up("--wait")
    assert {one["state"] for one in shop.ps().values()} == {"running"}


def test_a_port_that_another_one_has_is_told_and_the_others_run(shop: Composed) -> None:
    shop.engine("run", "-d", "--name", "other", "--init", "-p", "18090:80", "bb", "sleep", "1000")
    shop.write("""
        services:
          db: {image: bb, command: [sleep, "1000"], init: true}
          web: {image: bb, command: [sleep, "1000"], init: true, ports: ["18090:80"]}
    """)
    failed = shop.run("up", "-d")
    assert failed.returncode != 0
    assert "18090" in failed.stderr
    assert "other" in failed.stderr
    assert shop.ps()["shop-db-1"]["state"] == "running"
    shop.engine("rm", "-f", "other")
    shop.up()
    assert shop.ps()["shop-web-1"]["state"] == "running"


def test_a_circle_is_refused_with_its_services(shop: Composed) -> None:
    shop.write("services: {a: {image: bb, depends_on: [b]}, b: {image: bb, depends_on: [a]}}")
    done = shop.run("up", "-d")
    assert done.returncode != 0
    assert shop.leavings() == ""
    assert "Traceback" not in done.stderr


def test_rolling_replaces_each_only_once_the_new_one_is_well(shop: Composed) -> None:
    text = """
        services:
          web: {image: bb, command: [sleep, "%s"], init: true, scale: 2, healthcheck: {test: [CMD, /busybox, 'true'], interval: 100ms}}
    """
    shop.write(text % 1000)
    shop.up("--wait")
    before = set(shop.ids().values())
    rolling = shop.begin("--progress", "plain", "up", "-d", "--rolling")
    rolling.communicate(timeout=60)
    assert set(shop.ids().values()) == before, "nothing has changed"
    shop.write(text % 999)
    rolling = shop.begin("--progress", "plain", "up", "-d", "--rolling")
    least = 9
    while rolling.poll() is None:
        least = min(least, sum(one["health"] == "healthy" for one in shop.ps().values()))
    rolling.communicate()
    assert rolling.returncode == 0
    assert least >= 2
    assert set(shop.ids()) == {"shop-web-1", "shop-web-2"}
    assert not before & set(shop.ids().values())


def test_hooks_run_in_the_container_after_its_start_and_before_its_stop(shop: Composed) -> None:
    shop.write("""
        services:
          web:
            image: bb
            user: "0"
            command: [sleep, "1000"]
            init: true
            volumes: [data:/data]
            post_start: [{command: [/busybox, sh, -c, "echo started >>/data/log"]}]
            pre_stop: [{command: [/busybox, sh, -c, "echo stopping >>/data/log"]}]
        volumes: {data: {}}
    """)
    shop.up()
    shop("stop")
    until(lambda: shop.ps()["shop-web-1"]["state"] == "exited")
    data = shop.engine.root / "volumes" / "shop_data" / "data" / "log"
    assert data.read_text() == "started\nstopping\n"
