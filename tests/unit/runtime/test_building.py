"""What a RUN's process is told, and what its program is allowed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.buildfile.build.steps import Bound, Layers, Memory, RunOrder, Secret
from whit.packer.image.accounts import Identity
from whit.runtime.building.bundle import Placed, Shown, document
from whit.runtime.building.stubs import Stubs
from whit.runtime.building.wire import Job, decode, encode

if TYPE_CHECKING:
    from pathlib import Path

ORDER = RunOrder(
    layers=Layers(("/a", "/b"), "/upper", "/work"),
    folder="/folder",
    words=("/bin/sh", "-c", "echo \udcff"),
    environment=("A=b",),
    directory="/w",
    user="app",
    network="none",
    architecture="amd64",
    mounts=(
        Bound("/x", Layers(("/c",)), "p", is_readonly=True),
        Bound("/y", None, "/host", is_readonly=False),
        Memory("/m", 5),
    ),
    secrets=(Secret("/run/secrets/s", b"\0\xff", 0o400, 1, 2),),
    script=("/dev/pipes/EOF", b"#!/bin/sh\n"),
)


def test_an_order_comes_through_as_it_was() -> None:
    assert decode(encode(Job(ORDER, "/store", 7))) == Job(ORDER, "/store", 7)


def test_a_run_has_docker_s_capabilities_but_for_devices_and_its_user_has_none() -> None:
    root, user = (
        document(Placed(ORDER, "/r", Identity(uid, uid), "/whit/x", (Shown("/s", "/t", is_readonly=True),)))
        for uid in (0, 5)
    )
    process = root["process"]
    assert isinstance(process, dict)
    kept = process["capabilities"]["effective"]
    assert ("CAP_CHOWN" in kept, "CAP_MKNOD" in kept, "CAP_SYS_ADMIN" in kept, len(kept)) == (True, False, False, 13)
    other = user["process"]
    assert isinstance(other, dict)
    assert "effective" not in other["capabilities"]
    assert "HOME=/" in other["env"]
    mounts = root["mounts"]
    assert isinstance(mounts, list)
    assert mounts[-1] == {
        "destination": "/t", "type": "bind", "source": "/s", "options": ["rbind", "ro", "nosuid", "nodev", "rprivate"],
    }  # fmt: skip


def test_places_that_were_made_go_and_what_is_used_stays(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "link").symlink_to("etc")
    os.utime(tmp_path / "etc", (5, 5))
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    stubs = Stubs(root)
    stubs.note(["/etc/hosts", "/link/resolv.conf", "/a/b/c", "/used/x", "/proc", "/dev/pts"])
    for folder in ("a/b/c", "used/x", "proc"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("etc/hosts", "etc/resolv.conf", "used/file"):
        (tmp_path / file).touch()
    (tmp_path / "etc" / "own").write_text("kept")
    stubs.remove()
    os.close(root)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etc", "link", "used"]
    assert [path.name for path in (tmp_path / "etc").iterdir()] == ["own"]
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["file"]
    assert (tmp_path / "etc").stat().st_mtime == 5
