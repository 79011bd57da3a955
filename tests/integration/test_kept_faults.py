"""Kept containers when things go wrong: full disks, floods, forks without end, a log that nobody can take."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine, processes_of, until
from whit.packer.support.errors import StoreError
from whit.runtime.engine import control
from whit.runtime.engine.networks import folder
from whit.runtime.engine.networks.model import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

ROOM = "24m"


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    """A store on a disk of its own, which is small."""
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "whit-test", root], check=True)
    made = Engine(whit, root)
    made("pack", BUSYBOX, "-t", "busybox")
    yield made
    (root / "fill").unlink(missing_ok=True)
    made.clean()
    subprocess.run(["umount", root], check=True)


def _fill(engine: Engine) -> None:
    """Leave no room on the disk."""
    with contextlib.suppress(OSError), open(engine.root / "fill", "wb", buffering=0) as file:  # noqa: PTH123 - unbuffered
        while True:
            file.write(bytes(4096))


def _make_room(engine: Engine) -> None:
    (engine.root / "fill").unlink()


def test_a_full_disk_holds_a_program_that_writes_and_loses_nothing_of_it(engine: Engine) -> None:
    # given a program that writes more than the disk has room for
    lines = 120_000
    engine.box("sh", "-c", f"while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 1 {lines}")
    _fill(engine)
    engine("exec", "box", "/busybox", "touch", "/tmp/go")
    time.sleep(1)
    # then it waits, and goes on when there is room
    assert engine.state()["Status"] == "running"
    _make_room(engine)
    until(lambda: engine.state()["Status"] == "exited")
    until(lambda: engine.log().endswith(f"{lines}\n"))
    assert engine.log() == "".join(f"{number}\n" for number in range(1, lines + 1))


def test_an_end_is_on_record_although_the_disk_is_full(engine: Engine) -> None:
    engine.box("sh", "-c", "sleep 1000 & trap 'exit 9' TERM; wait")
    _fill(engine)
    engine("stop", "box")
    assert engine.state()["Status"] == "exited"
    assert engine.state()["ExitCode"] == 9


def test_a_container_that_there_is_no_room_for_is_told_and_leaves_nothing(engine: Engine) -> None:
    before = (
        sorted(path.name for path in (engine.root / "containers").iterdir())
        if (engine.root / "containers").exists()
        else []
    )
    _fill(engine)
    done = engine.run("run", "-d", "--name", "box", "--network", "none", "busybox", "true")
    assert done.returncode == 125
    assert "no space left" in done.stderr.lower()
    assert len(done.stderr.splitlines()) <= 2
    _make_room(engine)
    containers = engine.root / "containers"
    left = sorted(path.name for path in containers.iterdir()) if containers.exists() else []
    assert [name for name in left if name not in before and name != "names"] == []
    engine.box("true")


def test_places_in_networks_that_there_is_no_room_for_are_told_and_leave_nothing(engine: Engine) -> None:
    told = engine.box("sleep", "1000")
    container = engine.root / "containers" / told
    before = sorted(path.name for path in container.iterdir())
    _fill(engine)

    with pytest.raises(
        StoreError, match=r"can't write the container's places in networks: no space left on the device"
    ):
        folder.write_member(engine.root, Member(told, "box", ("box",)))

    assert sorted(path.name for path in container.iterdir()) == before


def test_forks_without_end_end_at_the_container_s_limit(engine: Engine) -> None:
    options = ("--network", "none", "--pids-limit", "40")
    told = engine.box("sh", "-c", "f() { f | f & f | f & wait; }; f", options=options)
    until(lambda: len(processes_of(told)) > 20 or engine.state()["Status"] != "running")
    assert len(processes_of(told)) <= 40
    engine("rm", "-f", "box")
    assert processes_of(told) == []


@pytest.mark.slow
def test_who_is_attached_and_takes_nothing_holds_the_program_for_a_while_only(engine: Engine) -> None:
    # given somebody who has attached, and is stopped
    engine.box("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 1 300000; echo done")
    words = [str(engine.program), "attach", "--no-stdin", "box"]
    client = subprocess.Popen(words, env=engine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        line = Path(f"/proc/{client.pid}/cmdline")
        until(lambda: b"_attach" in line.read_bytes())
        os.kill(client.pid, signal.SIGSTOP)
        # when the program floods it, then it comes to its end all the same, and the log has all
        engine("exec", "box", "/busybox", "touch", "/tmp/go")
        until(lambda: engine.state()["Status"] == "exited")
    finally:
        client.kill()
        client.wait()
        for pipe in (client.stdout, client.stderr):
            assert pipe is not None
            pipe.close()
    assert engine.log().endswith("300000\ndone\n")


def test_a_damaged_description_is_told_in_a_line_and_can_be_removed(engine: Engine) -> None:
    told = engine.box("true")
    engine("wait", "box")
    (engine.folder() / "container.json").write_text('{"schema": "whit-container/1", "id": 5}')
    done = engine.run("inspect", "--type", "container", "box")
    assert done.returncode == 1
    assert "damaged" in done.stderr
    assert engine("ps", "-aq") == ""
    engine("rm", "-f", told)
    assert not (engine.root / "containers" / told).exists()


def test_a_container_whose_log_fills_the_disk_can_be_stopped_and_removed(engine: Engine) -> None:
    engine.box("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; trap '' TERM; yes")
    _fill(engine)
    engine("exec", "box", "/busybox", "touch", "/tmp/go")
    time.sleep(0.5)
    engine("stop", "-t", "1", "box")
    assert engine.state()["Status"] == "exited"
    engine("rm", "box")


def test_one_that_ended_while_its_log_had_no_room_is_removed_by_force(engine: Engine) -> None:
    engine.box("sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; seq 1 9000")
    _fill(engine)
    engine("exec", "box", "/busybox", "touch", "/tmp/go")
    until(lambda: engine.state()["Status"] == "exited")
    engine("rm", "-f", "box")


@pytest.mark.parametrize("verb", ["stop", "kill", "rm"])
def test_one_that_is_paused_ends_all_the_same(engine: Engine, verb: str) -> None:
    told = engine.box("sleep", "1000")
    engine("pause", "box")
    engine(verb, *(["-f"] if verb == "rm" else []), "box")
    until(lambda: processes_of(told) == [])


def test_however_many_wait_for_a_container_it_can_be_stopped(engine: Engine) -> None:
    engine.box("sleep", "1000")
    waiting = [control.connect(engine.folder()) for _ in range(140)]
    for connection in waiting:
        with contextlib.suppress(OSError):
            connection.send(b"wait")
    engine("stop", "box")
    assert engine.state()["Status"] == "exited"
    for connection in waiting:
        connection.close()


def test_a_rename_that_there_is_no_room_for_leaves_the_name_it_had(engine: Engine) -> None:
    engine.box("sleep", "1000")
    _fill(engine)
    assert engine.run("rename", "box", "crate").returncode == 1
    _make_room(engine)
    assert engine("ps", "--format", "{{.Names}}") == "box"
    assert not (engine.root / "containers" / "names" / "crate").is_symlink()


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_description_that_is_no_file_hides_no_other_container(engine: Engine, kind: str) -> None:
    engine.box("sleep", "1000", name="other")
    told = engine.box("true")
    engine("wait", "box")
    place = engine.folder() / "container.json"
    until(lambda: engine.state()["Status"] == "exited" and not engine.supervisors())
    place.unlink()
    if kind == "link":
        place.symlink_to(place)
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    assert engine("ps", "-a", "--format", "{{.Names}}") == "other"
    assert engine.run("inspect", "--type", "container", told).returncode == 1
    engine("rm", "-f", told)


def test_two_starts_at_once_are_one(engine: Engine) -> None:
    engine("create", "--name", "box", "--network", "none", BUSYBOX, "sleep", "1000")
    words = [str(engine.program), "start", "box"]
    starts = [subprocess.Popen(words, env=engine.environment, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [start.wait() for start in starts] == [0, 0, 0, 0]
    assert engine.state()["Status"] == "running"


def test_one_that_removes_itself_is_removed_by_force_without_a_word(engine: Engine) -> None:
    told = engine.box("sleep", "1000", options=("--network", "none", "--rm"))
    engine("rm", "-f", "box")
    until(lambda: not (engine.root / "containers" / told).exists())
    assert processes_of(told) == []


def test_text_that_is_no_utf_8_is_refused_in_words(engine: Engine) -> None:
    odd = os.fsdecode(b"/\xff\xfe")
    done = engine.run("create", "--name", "box", "--network", "none", "-w", odd, BUSYBOX, "true")
    assert done.returncode != 0
    assert "UTF-8" in done.stderr
    assert "bug" not in done.stderr
    assert engine("ps", "-aq") == ""


def test_a_file_for_the_id_that_can_not_be_made_leaves_no_container(engine: Engine, tmp_path: Path) -> None:
    done = engine.run("create", "--cidfile", str(tmp_path / "none" / "id"), BUSYBOX, "true")
    assert done.returncode != 0
    assert done.stderr.startswith(f"whit: --cidfile: there is no folder {tmp_path}/none\nhint: ")
    assert engine("ps", "-aq") == ""


def test_what_would_be_written_to_a_read_only_store_is_told_with_its_folder(engine: Engine) -> None:
    subprocess.run(["mount", "-o", "remount,ro", engine.root], check=True)
    try:
        done = engine.run("volume", "create", "data")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", engine.root], check=True)
    assert (done.returncode, "the file system is read-only\nhint: set WHIT_ROOT" in done.stderr) == (1, True), (
        done.stderr
    )


def test_a_store_whose_path_is_long_has_writable_containers(whit: Path, tmp_path: Path) -> None:
    place = tmp_path / ("long" * 50) / "root"
    place.parent.mkdir()
    engine = Engine(whit, place)
    try:
        engine.box("sh", "-c", "echo there > /file; sleep 1000", options=("--writable", "-u", "0", "--network", "none"))
        until(lambda: engine("exec", "box", "/busybox", "cat", "/file") == "there")
        engine("stop", "-t", "0", "box")
        engine("cp", "box:/file", str(tmp_path / "file"))
        assert (tmp_path / "file").read_text() == "there\n"
    finally:
        engine.clean()
