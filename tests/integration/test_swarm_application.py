"""The shop of examples/ on a swarm of three hosts: deployed by whit, used, scaled, a host killed, updated under load, gone."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.applications import BUILD_SECONDS, EXAMPLES, fetch, fetch_redis
from tests.integration.kept import Engine, until
from tests.integration.swarms import Stacks, stacks
from tests.peers.swarm import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("dockerd", "docker", "docker-registry", "busybox-static", "go"),
]
LOG = logging.getLogger(__name__)
"""What was measured: ``pytest -m slow --log-cli-level=INFO``."""
OPTIONS = ("-c", "swarm.yaml", "--insecure")
ORDER = {"item": "cup", "count": 2}


@pytest.fixture
def three(whit: Path, tmp_path: Path) -> Iterator[Stacks]:
    """One manager, which has the volumes, and two workers; all images are in the store."""
    with stacks(whit, tmp_path, 3) as made:
        shutil.copytree(EXAMPLES / "shop", made.folder, dirs_exist_ok=True)
        (made.folder / ".env").write_text(f"REGISTRY={REGISTRY}/\n")
        fetch("shop", made.engine, f"{REGISTRY}/")
        fetch_redis(made.engine, f"{REGISTRY}/")
        words = ("env", f"--chdir={made.folder}", f"PWD={made.folder}")
        builder = Engine(made.engine.program, made.engine.root, (*made.engine.before, *words))
        built = builder.run("compose", "build", timeout=BUILD_SECONDS)
        assert built.returncode == 0, built.stderr
        yield made


def asked(made: Stacks, path: str, body: object = None) -> Any:
    """The application's answer at the manager; None while there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{made.swarm.nodes[0].address}:8080{path}", data)

    def ask() -> bytes:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text: bytes = answer.read()
        except OSError:
            return b"null"
        return text

    return json.loads(made.beside(ask))


def ordered(made: Stacks) -> int:
    """An order that a worker has done: services start in no order, and again until the others are there."""
    taken: list[int] = []

    def take() -> bool:
        taken.extend(order["id"] for order in [asked(made, "/orders", ORDER)] if order)
        return bool(taken)

    until(take, "an order is taken")
    until(lambda: (asked(made, f"/orders/{taken[0]}") or {}).get("state") == "done", "it is done")
    return taken[0]


@contextlib.contextmanager
def answers(made: Stacks) -> Iterator[list[bool]]:
    """Whether each request was answered, 20 a second, as long as the block lasts and 5 s beyond."""
    ended = threading.Event()
    found: list[bool] = []

    def ask() -> None:
        while not ended.wait(0.05):
            found.append(asked(made, "/") is not None)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield found
        time.sleep(5)
    finally:
        ended.set()
        thread.join()


def left(made: Stacks) -> list[str]:
    """What the nodes have of the stack, but for its volumes, which stay."""
    kinds = {"containers": ("ps", "-q"), "networks": ("network", "ls", "-q", "-f", "name=shop"), "services": ("service", "ls", "-q"),
             "configs": ("config", "ls", "-q")}  # fmt: skip
    found: list[str] = []
    for node in made.swarm.nodes:
        for kind, words in kinds.items():
            there = node.engine.docker(*words, check=False).stdout.split()
            found.extend(f"{node.name}: {kind} {one}" for one in there)
    return found


def test_the_shop_on_three_hosts(three: Stacks) -> None:
    begin = time.monotonic()
    three.deploy(*OPTIONS, "--push")
    numbers: dict[str, float] = {"deploy, s": time.monotonic() - begin}
    first = ordered(three)

    with answers(three) as found:
        begin = time.monotonic()
        three("scale", "shop", "web=4", "worker=3")
        numbers |= {"scale, s": time.monotonic() - begin}
    numbers |= {"scale, requests": len(found), "scale, lost": found.count(False)}
    until(lambda: len({(asked(three, "/") or {}).get("web") for _ in range(20)}) == 4, "all of web are asked")

    # A rolling update, begun with the new one: the proxy asks only those that are there.
    text = (three.folder / "compose.yaml").read_text()
    three.write(text.replace(":-hello}", ":-welcome}").replace("scale: 2", "scale: 4"))
    with answers(three) as found:
        begin = time.monotonic()
        three.deploy(*OPTIONS)
        numbers |= {"update, s": time.monotonic() - begin}
    numbers |= {"update, requests": len(found), "update, lost": found.count(False)}
    assert found.count(False) == 0
    assert asked(three, "/")["greeting"] == "welcome"

    with answers(three) as found:
        three.swarm.nodes[2].crash()
        begin = time.monotonic()
        three.until(lambda: "node3" not in three.running("shop_web") and len(three.running("shop_web")) == 4)
        numbers |= {"worker killed, moved after s": time.monotonic() - begin}
    numbers |= {"worker killed, requests": len(found), "worker killed, lost": found.count(False)}
    assert ordered(three) > first

    begin = time.monotonic()
    three.swarm.restart(three.swarm.nodes[2])
    three("rm", "shop")
    LOG.info("%s", json.dumps(numbers))
    end = time.monotonic() + 60
    while (remains := left(three)) and time.monotonic() < end:
        time.sleep(1)
    assert remains == []
