"""Options and variables of docker compose's that people have in their scripts: each does here what it does there."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.composed import Composed
from tests.integration.kept import Engine

if TYPE_CHECKING:
    import subprocess

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox", "nft", "ip", "setpriv", "unshare", "nsenter")]

TWO = """
    services:
      web: {image: bb, command: [sleep, "1000"], init: true, scale: 2, ports: ["18080-18081:80"], volumes: [data:/data]}
      db: {image: bb, command: [sleep, "1000"], init: true, environment: {A: file}}
    volumes:
      data:
"""
OLD = "services: {web: {image: bb, command: [sleep, '1000'], init: true}, gone: {image: bb, command: [sleep, '1000'], init: true}}"


def _with(shop: Composed, variable: str, *words: str) -> subprocess.CompletedProcess[str]:
    """``whit compose`` with a variable set."""
    before = (*shop.engine.before, "env", variable)
    return Composed(Engine(shop.engine.program, shop.engine.root, before), shop.folder).run(*words)


def test_what_is_said_by_variables(shop: Composed) -> None:
    # given a container of a service that the file doesn't have any more
    shop.write(OLD)
    shop.up()
    shop.write(TWO)
    assert "shop-gone-1" in shop.run("up", "-d").stderr
    # then it is told of unless that isn't wished for, and removed where a variable says so
    assert "shop-gone-1" not in _with(shop, "COMPOSE_IGNORE_ORPHANS=true", "up", "-d").stderr
    assert "shop-gone-1" in shop.ps()
    quiet = _with(shop, "COMPOSE_PROGRESS=quiet", "stop", "-t", "0", "db")
    assert (quiet.returncode, quiet.stderr) == (0, "")
    removed = _with(shop, "COMPOSE_REMOVE_ORPHANS=1", "up", "-d").stderr
    assert " Container shop-gone-1  Removed" in removed
    assert sorted(shop.ps()) == ["shop-db-1", "shop-web-1", "shop-web-2"]
    # and so by kill
    shop.write(OLD)
    shop.run("up", "-d", "gone")
    shop.write(TWO)
    shop("kill", "--remove-orphans", "db")
    assert "shop-gone-1" not in shop.ps()
    shop("start", "--wait", "--wait-timeout", "20", "db")
    assert shop.ps()["shop-db-1"]["state"] == "running"


def test_files_and_images_of_services(shop: Composed) -> None:
    shop.write(TWO)
    (shop.folder / "more.env").write_text('A=more\nB="b c"\n')
    shop.up()
    # variables of a file are over the service's own, and those of the command line over both
    words = ("run", "--rm", "-q", "-T", "--env-from-file", "more.env", "-e", "C=1", "db", "env")
    assert {"A=more", "B=b c", "C=1"} <= set(shop(*words).splitlines())
    missing = shop.run("run", "--rm", "--env-from-file", "no.env", "db", "env")
    assert (missing.returncode, "no.env: no such file" in missing.stderr) == (1, True)
    # what is copied into a service is in each of its containers
    shop("cp", "more.env", "web:/data/more.env")
    for number in ("1", "2"):
        assert shop("exec", "--index", number, "web", "/busybox", "head", "-n", "1", "/data/more.env") == "A=more"
    # and a container becomes a tar, or an image
    shop("export", "-o", "db.tar", "db")
    with tarfile.open(shop.folder / "db.tar") as archive:
        assert any(name.endswith("busybox") for name in archive.getnames())
    shop("commit", "-m", "as it was", "db", "changed:1")
    assert "changed:1" in shop.engine("images", "--format", "{{.Repository}}:{{.Tag}}")


def test_lists_in_docker_compose_s_json(shop: Composed) -> None:
    shop.write(TWO)
    shop.up()
    rows = [json.loads(line) for line in shop("ps", "--format", "json").splitlines()]
    published = {
        row["Name"]: [(one["PublishedPort"], one["TargetPort"], one["Protocol"]) for one in row["Publishers"]]
        for row in rows
    }
    assert published == {"shop-db-1": [], "shop-web-1": [(18080, 80, "tcp")], "shop-web-2": [(18081, 80, "tcp")]}
    (image, *_) = json.loads(shop("images", "--format", "json"))
    assert image["Platform"].startswith("linux/")
    assert "PLATFORM" in shop("images").splitlines()[0]
    (volume,) = [json.loads(line) for line in shop("volumes", "--format", "json").splitlines()]
    assert (volume["Name"], volume["Driver"]) == ("shop_data", "local")
    assert "com.docker.compose.volume=data" in volume["Labels"]
    assert shop("port", "--index", "2", "web") == "80/tcp -> 127.0.0.1:18081"
    # events are those of the services that are named, with no label of Compose's
    seen = [
        json.loads(line)
        for line in shop("events", "--json", "--since", "1h", "--until", "0s", "web", "db").splitlines()
    ]
    starts = sorted(one["attributes"]["name"] for one in seen if one["action"] == "start")
    assert starts == ["shop-db-1", "shop-web-1", "shop-web-2"]
    assert {key for one in seen for key in one} == {"time", "type", "service", "id", "action", "attributes"}
    assert not any(key.startswith("com.docker.compose.") for one in seen for key in one["attributes"])
    lines = shop("events", "--since", "1h", "--until", "0s", "db").splitlines()
    assert all(" container " in line and "name=shop-db-1" in line for line in lines)


def test_run_splits_its_entrypoint_and_ps_shows_all_that_runs_of_a_project(shop: Composed) -> None:
    shop.write("services: {web: {image: bb, command: [sleep, '1000'], init: true}}")
    assert shop("run", "--rm", "-T", "--entrypoint", "/busybox echo 'a b' c", "web", "d") == "a b c d"
    refused = shop.run("run", "--rm", "--entrypoint", "echo 'a", "web")
    assert (refused.returncode, "close the quotation" in refused.stderr) == (2, True)
    name = shop("run", "-d", "web", "sleep", "100")
    assert shop("ps", "-q") == ""
    assert shop("ps", "-a", "--orphans=false", "--format", "{{.Name}}") == name
    shop("down", "-t", "0")
    assert shop.leavings() == ""


def test_a_file_without_a_service_that_is_on_is_told_so(shop: Composed) -> None:
    # given a container of a service that isn't in the file any more
    shop.write(OLD)
    shop.up()
    for text, hint in (
        ("services: {}", "services: {NAME"),
        ("services: {a: {image: bb, profiles: [x]}}", "profiles switch a on"),
    ):
        shop.write(text)
        for words in (("up",), ("up", "-d")):
            done = shop.run(*words)
            assert (done.returncode, "no service that is switched on" in done.stderr, hint in done.stderr) == (
                1,
                True,
                True,
            )


def test_down_leaves_what_others_use_and_top_shows_whose_processes_they_are(shop: Composed) -> None:
    # given another project in this one's network, with its volume
    shop.write("""
        services: {web: {image: bb, command: [sleep, "1000"], init: true, volumes: [data:/data]}}
        volumes: {data: {name: shared_data}}
        networks: {default: {name: shared}}
    """)
    shop.write(
        """
        name: second
        services: {other: {image: bb, command: [sleep, "1000"], init: true, volumes: [data:/data]}}
        volumes: {data: {external: true, name: shared_data}}
        networks: {default: {external: true, name: shared}}
        """,
        "other.yaml",
    )
    shop.up()
    shop("-f", "other.yaml", "up", "-d")
    head, *rows = shop("top").splitlines()
    assert head.split()[:3] == ["SERVICE", "#", "UID"]
    assert any(row.split()[:2] == ["web", "1"] and row.endswith("sleep 1000") for row in rows)
    assert len(shop("logs", "--tail", "-1").splitlines()) == 0
    # then both stay, which is told, and is no failure
    done = shop.run("--progress", "plain", "down", "-v", "-t", "0")
    assert done.returncode == 0
    assert " Network shared  Error: the network shared is in use by second-other-1" in done.stderr
    assert " Volume shared_data  Error: volume shared_data is used by container second-other-1" in done.stderr
    # until nobody needs them any more
    shop("-f", "other.yaml", "down", "-t", "0")
    shop("down", "-v")
    assert shop.leavings() == ""


def test_dry_runs_by_the_verb_s_own_option_and_renewed_volumes_are_a_new_container_s(shop: Composed) -> None:
    shop.write("services: {web: {image: bb, command: [sleep, '1000'], init: true, volumes: [/anon]}}")
    told = shop.run("up", "-d", "--dry-run")
    assert (told.returncode, " DRY-RUN MODE -  Container shop-web-1  Created" in told.stderr) == (0, True)
    assert shop.leavings() == ""
    shop.up()
    assert " DRY-RUN MODE -  Container shop-web-1  Stopped" in shop.run("stop", "--dry-run").stderr
    first = shop.ids()["shop-web-1"]
    shop.up("-V", "-t", "0")
    assert shop.ids()["shop-web-1"] != first
    absent = shop.run("logs", "--index", "2", "web")
    assert (absent.returncode, "no container 2 of web" in absent.stderr) == (1, True)
