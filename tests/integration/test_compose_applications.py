"""Whole applications of real programs, from nothing to nothing: built, up, used, scaled, killed, updated under load, down."""

from __future__ import annotations

import base64
import json
import logging
import os
import signal
import time
import urllib.error
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.integration.applications import Application, fetch, fetch_redis
from tests.integration.kept import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.composed import Composed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.peer("busybox-static", "go", "nft", "ip", "setpriv", "unshare", "nsenter"),
]
LOG = logging.getLogger(__name__)
"""What was measured: ``pytest -m slow --log-cli-level=INFO``."""
ONE, TWO, THREE = 12379, 22379, 32379
ORDER = {"item": "tea", "count": 3}


def ordered(app: Application) -> int:
    """An order, which a worker has done."""
    number: int = app.get("/orders", ORDER)["id"]
    until(lambda: app.get(f"/orders/{number}")["state"] == "done", f"order {number}")
    assert app.get(f"/orders/{number}") == {"id": number, **ORDER, "state": "done", "price": 9}
    return number


def changed(app: Application, before: dict[str, str]) -> set[str]:
    """The services of which a container isn't the one that it was."""
    return {name.split("-")[1] for name, one in app.ids().items() if before.get(name) != one}


def killed(app: Application, name: str) -> float:
    """Kill a container's first process; the seconds until it runs again."""
    engine, begin = app.shop.engine, time.monotonic()
    before = engine.state(name)
    os.kill(before["Pid"], signal.SIGKILL)
    until(lambda: (now := engine.state(name))["Running"] and now["StartedAt"] != before["StartedAt"], name)
    return time.monotonic() - begin


def test_a_shop_of_a_proxy_web_servers_a_cache_a_queue_workers_a_database_and_its_migration(
    shop: Composed, tmp_path: Path
) -> None:
    app = Application.of("shop", shop)
    fetch("shop", shop.engine)
    fetch_redis(shop.engine)
    assert shop.run("build", timeout=900).returncode == 0
    numbers: dict[str, float] = {}

    begin = time.monotonic()
    shop.up("--wait")
    numbers["up, s"] = time.monotonic() - begin
    before = app.ids()
    assert shop.ps()["shop-migrate-1"]["exit_code"] == 0
    assert app.get("/")["greeting"] == "hello"
    first = ordered(app)
    numbers["programs, MB"], numbers["whit beside, MB"] = (bytes_ / 1e6 for bytes_ in app.memory())

    # Nothing has changed, so nothing is done: the migration isn't run again either.
    assert shop.up("--wait") == []

    shop.up("--scale", "web=4", "--scale", "worker=3")
    assert changed(app, before) == {"web", "worker"}
    until(lambda: len({app.get("/")["web"] for _ in range(20)}) == 4, "all of web are asked")
    shop.up()

    # What is killed comes back, and what was stored is there; an order that a killed worker had is another one's.
    for name in ("shop-web-1", "shop-worker-1", "shop-cache-1", "shop-queue-1", "shop-store-1", "shop-proxy-1"):
        numbers[f"{name} killed, back after s"] = killed(app, name)
    until(lambda: all(one["health"] in {"healthy", "none"} for one in shop.ps().values()), "all are well")
    assert app.get(f"/orders/{first}")["state"] == "done"
    assert ordered(app) > first

    before = app.ids()
    shop.write((shop.folder / "compose.yaml").read_text().replace(":-hello}", ":-welcome}"))
    with app.load(tmp_path) as load:
        begin = time.monotonic()
        shop.up("--rolling")
        numbers["web updated, s"] = time.monotonic() - begin
    assert changed(app, before) == {"web"}
    assert app.get("/")["greeting"] == "welcome"
    assert (load.lost, load.errors) == (0, ())
    numbers |= {"requests meanwhile": load.asked, "lost": load.lost, "slowest, s": load.slowest_s}

    # Of an image that is another one, and of a file that is shown to the proxy, only those services are made anew.
    before = app.ids()
    source = shop.folder / "src" / "cmd" / "worker" / "main.go"
    source.write_text(source.read_text().replace('log.Print("ready")', 'log.Print("ready again")'))
    assert shop.run("build", "worker", timeout=900).returncode == 0
    shop.up("--wait")
    assert changed(app, before) == {"worker"}
    before = app.ids()
    (shop.folder / "Caddyfile").write_text(
        (shop.folder / "Caddyfile").read_text().replace(":8080 {", ":8080 {\n\tencode gzip")
    )
    shop.up("--wait")
    assert changed(app, before) == {"proxy"}
    assert ordered(app) > first

    begin = time.monotonic()
    shop("down", "-v")
    numbers["down, s"] = time.monotonic() - begin
    assert app.left() == {}
    LOG.info("%s", json.dumps(numbers))


def is_put(app: Application, port: int, text: str) -> bool:
    """Whether the member with this port has stored it: none does while they choose who leads."""
    try:
        app.get("/v3/kv/put", {"key": coded("key"), "value": coded(text)}, port)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return False
    return True


def got(app: Application, port: int) -> str:
    """What is stored, as the member with this port has agreed on with the others."""
    return base64.b64decode(app.get("/v3/kv/range", {"key": coded("key")}, port)["kvs"][0]["value"]).decode()


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_ring_of_three_databases_that_agree(shop: Composed) -> None:
    app = Application.of("ring", shop)
    assert shop.run("build", timeout=900).returncode == 0
    shop.up("--wait")
    assert is_put(app, ONE, "first")
    assert [got(app, port) for port in (ONE, TWO, THREE)] == ["first"] * 3

    # One that is away keeps nobody back, and learns what has been stored meanwhile.
    shop("kill", "one")
    until(lambda: is_put(app, TWO, "second"), "two and three agree on who leads")
    assert got(app, THREE) == "second"
    shop.up("--wait")
    assert got(app, ONE) == "second"

    # One that is killed comes back by itself.
    killed(app, "ring-three-1")
    until(lambda: shop.ps()["ring-three-1"]["health"] == "healthy", "three is well")
    assert got(app, THREE) == "second"

    # All made anew keep what is in their volumes, which a down leaves, too.
    before = app.ids()
    text = (shop.folder / "compose.yaml").read_text()
    shop.write(text.replace(":-warn}", ":-error}"))
    shop.up("--wait")
    assert changed(app, before) == {"one", "two", "three"}
    assert got(app, ONE) == "second"
    shop("down")
    shop.up("--wait")
    assert got(app, TWO) == "second"
    shop("down", "-v")
    assert app.left() == {}
