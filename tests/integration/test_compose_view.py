"""What ``up`` and ``logs`` of a project show, when they end, and with which exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import PATIENCE_S

if TYPE_CHECKING:
    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

JOB = """
    services:
      web: {image: bb, command: [sh, -c, "echo from web"], depends_on: [db]}
      db: {image: bb, command: [sh, -c, "echo from db; exec sleep 1000"], init: true}
"""


def test_up_of_a_service_shows_it_alone_ends_with_it_and_leaves_what_it_needs(shop: Composed) -> None:
    shop.write(JOB)
    # when a service is named
    done = shop.run("up", "web")
    # then that is what is seen, and its end is that of the command, as docker compose has it
    assert (done.returncode, done.stdout) == (0, "web-1  | from web\nweb-1 exited with code 0\n")
    assert {name: one["state"] for name, one in shop.ps().items()} == {"shop-db-1": "running", "shop-web-1": "exited"}
    # and what it needs is seen when that is asked for
    done = shop.run("up", "--force-recreate", "--always-recreate-deps", "-t", "0", "--attach-dependencies", "web")
    assert {"db-1   | from db", "web-1  | from web"} <= set(done.stdout.splitlines())
    both = shop.run("up", "--attach", "db", "--attach-dependencies", "web")
    assert (both.returncode, both.stderr.count("--attach-dependencies")) == (2, 1)


def test_whatever_keeps_a_service_from_starting_ends_up_with_one(shop: Composed) -> None:
    shop.write("services: {web: {image: bb, entrypoint: [/nosuch]}, db: {image: bb, depends_on: [web]}}")
    done = shop.run("--progress", "plain", "up", "-d")
    assert done.returncode == 1
    assert f"whit: {shop.folder}/compose.yaml:1:29: services.web.entrypoint[0]: " in done.stderr
    assert done.stderr.count("Container shop-db-1  Left out") == 1
    # and the exit code of a service that is asked for is that of the service
    shop.write("services: {web: {image: bb, command: [sh, -c, 'exit 7']}}")
    assert shop.run("up", "--exit-code-from", "web").returncode == 7


@pytest.mark.parametrize("words", [("logs",), ("logs", "-f"), ("up", "--no-color")])
def test_a_reader_that_has_enough_ends_it_without_a_word(shop: Composed, words: tuple[str, ...]) -> None:
    shop.write("services: {web: {image: bb, init: true, command: [sh, -c, 'seq 100000; exec sleep 1000']}}")
    shop.up()
    # when nobody reads on after the first line
    with shop.begin(*words) as ends:
        assert ends.stdout is not None
        assert ends.stderr is not None
        assert ends.stdout.readline() == "web-1  | 1\n"
        ends.stdout.close()
        # then it ends as what a signal ends, and says nothing
        try:
            ends.wait(PATIENCE_S)
        finally:
            ends.kill()
        assert (ends.returncode, ends.stderr.read()) == (141, "")
