"""The tools of whit debug: which busybox serves, and how its copy is laid out."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from tests.peers import find_peer
from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError
from whit.runtime.engine.tools import busybox_tools, entries, find_busybox


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_busybox_that_needs_a_loader_or_is_a_script_is_passed_over(path: Path) -> None:
    # given one on PATH that is a script, one elsewhere that is dynamic, and none that is static
    (path / "busybox").write_text("#!/bin/sh\n")
    (path / "busybox").chmod(0o755)
    with pytest.raises(NotFoundError) as caught:
        find_busybox((shutil.which("sh", path="/bin:/usr/bin") or "", str(path / "none")))
    # then a person is told what to do
    assert "busybox-static" in (caught.value.hint or "")
    assert "--image" in (caught.value.hint or "")


@pytest.mark.peer("busybox-static")
def test_its_copy_has_a_link_for_each_of_its_tools(path: Path, tmp_path: Path) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    shutil.copy(busybox, path / "busybox")
    tools = busybox_tools(Store(tmp_path / "store"))
    programs = Path(tools.folder, "bin")
    assert entries(tools.folder) == ("bin",)
    assert (programs / "busybox").read_bytes() == busybox.read_bytes()
    assert {"sh", "ls", "ps", "wget", "["} <= set(entries(str(programs)))
    assert {path.readlink() for path in programs.iterdir() if path.is_symlink()} == {Path("busybox")}
    # and any user may execute it, whatever the umask was
    assert stat.S_IMODE(programs.stat().st_mode) == stat.S_IMODE((programs / "busybox").stat().st_mode) == 0o755
    assert busybox_tools(Store(tmp_path / "store")) == tools
