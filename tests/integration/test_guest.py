"""The guest that cgroup v2 is tested in is what those tests take it for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.floor import build_floor, build_true
from tests.vm.guest import GuestError, run_guest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static"),
]


def test_a_guest_has_cgroup_v2_alone_and_gives_back_output_and_status() -> None:
    script = """
    cat /sys/fs/cgroup/cgroup.subtree_control
    grep -c cgroup /proc/mounts
    echo to stderr >&2
    exit 37
    """

    result = run_guest(script)

    controllers, mounts, error = result.output.splitlines()
    assert {"cpu", "memory", "pids", "io"} <= set(controllers.split())
    assert mounts == "1"
    assert error == "to stderr"
    assert result.status == 37


def test_a_guest_that_hangs_is_ended() -> None:
    with pytest.raises(GuestError, match="within 2 s"):
        run_guest("sleep 1000", timeout=2)


def test_the_physical_floor_confines_on_cgroup_v2_and_leaves_no_cgroup(tmp_path: Path) -> None:
    files = {"/floor": build_floor(tmp_path / "floor"), "/root/true": build_true(tmp_path / "true")}
    script = """
    mkdir -p /root/proc /root/dev /root/sys /root/tmp
    /floor v2 /root /true && find /sys/fs/cgroup -name 'whit-*'
    """

    result = run_guest(script, files)

    assert (result.status, result.output) == (0, "")
