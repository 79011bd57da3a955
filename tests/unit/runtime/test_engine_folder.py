"""Containers' folders: what a command that was killed has left goes with the next removal."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.runtime.engine.folder import Containers
from whit.runtime.engine.model import Container, Root

if TYPE_CHECKING:
    from pathlib import Path


def made(containers: Containers, digit: str) -> Container:
    root = Root(str(containers.root), str(containers.root / "lock"))
    container = Container(digit * 64, f"box-{digit}", 1, "image", "", "", ("/program",), root, network="none")
    containers.add(container, {"supervision": b""})
    return container


def unfinished(containers: Containers) -> list[str]:
    return sorted(path.name for path in containers.folder.iterdir() if path.name.startswith(durable.TEMPORARY))


def test_a_folder_that_a_killed_command_left_is_swept_and_one_at_work_is_not(tmp_path: Path) -> None:
    # Given a container, a folder that somebody works in, and one whose maker was killed
    containers = Containers(tmp_path)
    container = made(containers, "a")
    busy, dead = (containers.folder / f"{durable.TEMPORARY}{name}" for name in ("busy", "dead"))
    for folder in (busy, dead):
        (folder / "upper").mkdir(parents=True)
        (folder / "upper" / "file").write_text("x")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with durable.locked_folder(dead, exclusive=True):
            os.write(writer, b"x")
            signal.pause()
    assert os.read(reader, 1) == b"x"
    with durable.locked_folder(busy, exclusive=True):
        containers.sweep()
    assert unfinished(containers) == [busy.name, dead.name]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    # When a container is removed while somebody works in the other folder
    with durable.locked_folder(busy, exclusive=True):
        containers.remove(container.id, container.name)
        found = unfinished(containers)

    # Then only what is being worked on is left
    assert found == [busy.name]
    assert not containers.ids()


def test_nothing_is_swept_while_somebody_begins(tmp_path: Path) -> None:
    containers = Containers(tmp_path)
    made(containers, "a")
    (containers.folder / f"{durable.TEMPORARY}new").mkdir()
    with durable.locked_folder(containers.folder, exclusive=False):
        containers.sweep()
        assert unfinished(containers) == [f"{durable.TEMPORARY}new"]
    containers.sweep()
    assert unfinished(containers) == []
