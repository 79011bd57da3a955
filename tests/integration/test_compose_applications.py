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

from tests.integration.applications import BUILD_SECONDS, Application, fetch, fetch_redis
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


def scaled(app: Application, before: dict[str, str]) -> None:
    """More of two services, of which all are asked, and as many as before again."""
    shop = app.shop
    shop.up("--scale", "web=4", "--scale", "worker=3")
    assert changed(app, before) == {"web", "worker"}
    until(lambda: len({app.get("/")["web"] for _ in range(20)}) == 4, "all of web are asked")
    shop.up()
    assert set(app.ids()) == set(before)


def all_killed(app: Application) -> dict[str, float]:
    """One of each is killed and comes back; the seconds that it takes."""
    names = ("shop-web-1", "shop-worker-1", "shop-cache-1", "shop-queue-1", "shop-store-1", "shop-proxy-1")
    found = {f"{name} killed, back after s": killed(app, name) for name in names}
    until(lambda: all(one["health"] in {"healthy", "none"} for one in app.shop.ps().values()), "all are well")
    return found


def updated_under_load(app: Application, folder: Path) -> dict[str, float]:
    """Another greeting: only ``web`` is made anew, and no request is lost; the numbers."""
    shop, before = app.shop, app.ids()
    shop.write((shop.folder / "compose.yaml").read_text().replace(":-hello}", ":-welcome}"))
    with app.load(folder) as load:
        begin = time.monotonic()
        shop.up("--rolling")
        took = time.monotonic() - begin
    assert changed(app, before) == {"web"}
    assert app.get("/")["greeting"] == "welcome"
    assert (load.lost, load.errors) == (0, ())
    return {"web updated, s": took, "requests meanwhile": load.asked, "lost": load.lost, "slowest, s": load.slowest_s}


def only_what_changed_is_made_anew(app: Application) -> None:
    """Of an image that is another one, and of a file that is shown to the proxy."""
    shop, before = app.shop, app.ids()
    source = shop.folder / "src" / "cmd" / "worker" / "main.go"
    source.write_text(source.read_text().replace('log.Print("ready")', 'log.Print("ready again")'))
    assert shop.run("build", "worker", timeout=BUILD_SECONDS).returncode == 0
    shop.up("--wait")
    assert changed(app, before) == {"worker"}
    before = app.ids()
    proxy = (shop.folder / "Caddyfile").read_text()
    shop.write(proxy.replace(":8080 {", ":8080 {\n\tencode gzip"), "Caddyfile")
    shop.up("--wait")
    assert changed(app, before) == {"proxy"}


def test_a_shop_of_a_proxy_web_servers_a_cache_a_queue_workers_a_database_and_its_migration(
    shop: Composed, tmp_path: Path
) -> None:
    app = Application.of("shop", shop)
    fetch("shop", shop.engine)
    fetch_redis(shop.engine)
    assert shop.run("build", timeout=BUILD_SECONDS).returncode == 0

    begin = time.monotonic()
    shop.up("--wait")
    numbers = {"up, s": time.monotonic() - begin}
    before = app.ids()
    assert shop.ps()["shop-migrate-1"]["exit_code"] == 0
    assert app.get("/")["greeting"] == "hello"
    first = ordered(app)
    numbers["programs, MB"], numbers["whit beside, MB"] = (size / 1e6 for size in app.memory())
    assert shop.up("--wait") == [], "nothing has changed: the migration isn't run again either"

    scaled(app, before)
    numbers |= all_killed(app)
    assert app.get(f"/orders/{first}")["state"] == "done", "what was stored is there"
    assert ordered(app) > first
    numbers |= updated_under_load(app, tmp_path)
    only_what_changed_is_made_anew(app)
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
    assert shop.run("build", timeout=BUILD_SECONDS).returncode == 0
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
