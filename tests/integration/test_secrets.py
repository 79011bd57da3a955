"""Secrets of containers that are kept: files in memory, nowhere on the host's disk."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

WORD = "d0-n0t-tell"
SHOW = "stat -c '%n %a %u %g' $0 $(dirname $0); cat $0; mount | grep -c 'ramfs.*(ro'"


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(f"{WORD}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("root", ["--read-only", "--writable"])
def test_a_secret_is_its_user_s_file_in_memory_that_only_it_can_read(engine: Engine, key: Path, root: str) -> None:
    told = engine("run", root, "--secret", f"source={key},target=key", BUSYBOX, "sh", "-c", SHOW, "/run/secrets/key")
    assert told.splitlines() == ["/run/secrets/key 400 65532 65532", "/run/secrets 755 0 0", WORD, "1"]


def test_owner_mode_and_place_can_be_chosen(engine: Engine, key: Path) -> None:
    options = ("--secret", f"{key},target=/etc/app/key,uid=7,gid=65532,mode=0440", "--secret", str(key))
    told = engine("run", *options, BUSYBOX, "sh", "-c", SHOW + "; ls /run/secrets", "/etc/app/key")
    assert told.splitlines() == ["/etc/app/key 440 7 65532", "/etc/app 755 0 0", WORD, "2", "key.pem"]


def test_it_is_in_no_file_of_the_store_s_and_not_seen_by_the_host(engine: Engine, key: Path) -> None:
    engine.box("sleep", "1000", options=("--network", "none", "--writable", "--secret", f"source={key},target=key"))
    found = subprocess.run(["grep", "-r", "-l", WORD, engine.root], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert list((engine.folder() / "secrets").iterdir()) == []


def test_one_that_is_started_again_by_its_supervisor_still_has_it(engine: Engine, key: Path) -> None:
    script = "cat /run/secrets/key; sleep 0.1; exit 1"
    options = ("--network", "none", "--restart", "on-failure:2", "--secret", f"source={key},target=key")
    engine.box("sh", "-c", script, options=options)
    key.unlink()
    until(lambda: engine.state()["Status"] == "exited", "it fails three times")
    assert engine.log() == f"{WORD}\n" * 3


def test_at_each_start_it_is_read_anew_and_what_is_not_there_is_told(engine: Engine, key: Path) -> None:
    engine.box("cat", "/run/secrets/key", options=("--network", "none", "--secret", f"source={key},target=key"))
    engine("wait", "box")
    key.write_text("other\n")
    engine("start", "box")
    engine("wait", "box")
    assert engine.log() == f"{WORD}\nother\n"
    key.unlink()
    done = engine.run("start", "box")
    assert done.returncode != 0
    assert f"secret /run/secrets/key: {key}: no such file" in done.stderr


def test_a_variable_s_value_is_a_secret_too(engine: Engine) -> None:
    command = [
        str(engine.program),
        "run",
        "--name",
        "box",
        "--secret",
        "env=TOKEN",
        BUSYBOX,
        "cat",
        "/run/secrets/TOKEN",
    ]
    environment = {**engine.environment, "TOKEN": WORD}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == WORD
    assert WORD not in (engine.folder() / "container.json").read_text()
    assert "TOKEN" not in os.environ
    done = engine.run("start", "box")
    assert "the variable TOKEN isn't set" in done.stderr
