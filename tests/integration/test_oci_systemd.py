"""``--systemd-cgroup`` where there is no systemd to ask; with a real one: tests/guests/test_oci_systemd.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static"),
    pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="this machine has a systemd, which would answer"),
]


def test_it_is_refused_in_one_line_and_leaves_nothing(bundle: Bundle) -> None:
    bundle.write("true", {"linux": {"cgroupsPath": "system.slice:whit:test"}})
    done = bundle.call("--systemd-cgroup", "run", "c1")
    message, hint = done.err.splitlines()
    assert done.code == 1
    assert message.startswith("whit-oci: --systemd-cgroup: ")
    assert hint
    assert not (bundle.folder / "state" / "c1").exists()
