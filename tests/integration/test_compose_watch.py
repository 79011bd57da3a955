"""``whit compose watch`` and ``up --watch``: services follow the host's files."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.integration.composed import Composed

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

FILE = """
    services:
      web:
        build: {dockerfile_inline: "FROM bb\\nCOPY src /app\\nCOPY version /version"}
        command: [sh, -c, "echo started; exec sleep 1000"]
        init: true
        develop:
          watch:
            - {path: src, action: sync, target: /app, ignore: [skipped], initial_sync: true}
            - {path: etc, action: sync+restart, target: /etc/web}
            - {path: sql, action: sync+exec, target: /sql, exec: {user: "0", command: [/busybox, sh, -c, "cat /sql/* >/loaded"]}}
            - {path: version, action: rebuild}
      other: {image: bb, command: [sleep, "1000"], init: true, read_only: true}
"""


@contextlib.contextmanager
def _watched(shop: Composed, *words: str) -> Iterator[subprocess.Popen[str]]:
    shop.write(FILE)
    for name in ("src", "etc", "sql"):
        (shop.folder / name).mkdir()
    (shop.folder / "src" / "page").write_text("one")
    (shop.folder / "version").write_text("1")
    running = shop.begin(*words)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)


def _read(shop: Composed, path: str) -> str:
    return shop.run("exec", "web", "/busybox", "cat", path).stdout


def _wait(running: subprocess.Popen[str], words: str) -> None:
    assert running.stderr is not None
    said = running.stderr.readline()
    while said and words not in said:
        said = running.stderr.readline()
    assert said, f"never said: {words}"


def test_files_go_into_the_container_restart_it_run_in_it_and_have_it_built(shop: Composed) -> None:
    with _watched(shop, "watch") as running:
        _wait(running, "watching files")
        first = shop.ids()["shop-web-1"]
        # a file that changes, one that is new in a new folder, one that goes, and one that is ignored
        (shop.folder / "src" / "page").write_text("two")
        (shop.folder / "src" / "skipped").write_text("x")
        (shop.folder / "src" / "deep").mkdir()
        (shop.folder / "src" / "deep" / "new").write_text("three")
        until(lambda: (_read(shop, "/app/page"), _read(shop, "/app/deep/new")) == ("two", "three"))
        assert _read(shop, "/app/skipped") == ""
        (shop.folder / "src" / "page").unlink()
        until(lambda: _read(shop, "/app/page") == "")
        # a program that is run after its files have come
        (shop.folder / "sql" / "a").write_text("rows")
        until(lambda: _read(shop, "/loaded") == "rows")
        # a restart: the same container, started anew
        (shop.folder / "etc" / "conf").write_text("c")
        until(lambda: shop("logs", "--no-log-prefix", "web").splitlines() == ["started", "started"])
        assert _read(shop, "/etc/web/conf") == "c"
        assert shop.ids()["shop-web-1"] == first
        # and another image: another container, with the files of now
        (shop.folder / "version").write_text("2")
        until(lambda: shop.ids().get("shop-web-1", first) != first and _read(shop, "/version") == "2")
    assert shop.ps()["shop-web-1"]["state"] == "running", "they run on"


def test_up_watch_shows_lines_of_those_that_were_made_anew_and_ctrl_c_stops_all(shop: Composed) -> None:
    with _watched(shop, "up", "--watch") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "web-1    | started\n"
        _wait(running, "watching files")
        (shop.folder / "version").write_text("2")
        said = running.stdout.readline()
        while "| started" not in said:
            said = running.stdout.readline()
    assert running.returncode == 130
    assert {one["state"] for one in shop.ps().values()} == {"exited"}


def test_nothing_to_watch_is_told(shop: Composed) -> None:
    shop.write("services: {web: {image: bb, command: [sleep, '1000']}}")
    done = shop.run("watch")
    assert done.returncode == 2
    assert "none of these services is to be watched" in done.stderr
    assert shop.leavings() == ""


def test_quietly_nothing_is_said_of_builds_and_no_image_is_left_behind(shop: Composed) -> None:
    with _watched(shop, "watch", "--quiet", "--prune") as running:
        _wait(running, "watching files")
        images, first = shop.engine("images", "-q").split(), shop.ids()["shop-web-1"]
        (shop.folder / "version").write_text("2")
        until(lambda: shop.ids().get("shop-web-1", first) != first and _read(shop, "/version") == "2")
        assert len(shop.engine("images", "-q").split()) == len(images)
        (shop.folder / "etc" / "conf").write_text("c")
        assert running.stderr is not None
        said = [running.stderr.readline()]
        while "restarting web" not in said[-1]:
            said.append(running.stderr.readline())
    assert not any("COPY" in line for line in said)
