"""Commands of whit-oci that are killed on their way, or whose way is short: the container is as it was."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def test_a_start_that_is_killed_before_it_has_said_anything_starts_and_ends_nothing(bundle: Bundle) -> None:
    bundle.write("sleep 600")
    assert bundle.create("t1") == 0
    try:
        gate = bundle.folder / "state" / "t1" / "start"
        for _ in range(3):
            os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
        assert bundle.state("t1")["status"] == "created"
        assert bundle.call("start", "t1").code == 0
        assert bundle.state("t1")["status"] == "running"
    finally:
        bundle.call("delete", "--force", "t1")


def test_a_start_that_is_killed_after_it_has_opened_the_gate_has_started(bundle: Bundle) -> None:
    bundle.write("sleep 600")
    assert bundle.create("t1") == 0
    try:
        gate = os.open(bundle.folder / "state" / "t1" / "start", os.O_WRONLY | os.O_NONBLOCK)
        os.write(gate, b"\0")
        until_closed = select.poll()
        until_closed.register(gate, 0)
        assert until_closed.poll(60_000)
        os.close(gate)
        assert bundle.state("t1")["status"] == "running"
        assert "running" in bundle.call("list").out
        assert "it runs already" in bundle.call("start", "t1").err
        assert bundle.call("exec", "t1", "/bin/true").code == 0
    finally:
        bundle.call("delete", "--force", "t1")


@pytest.mark.parametrize("filtered", [False, True])
def test_start_tells_of_a_program_that_the_kernel_refuses(bundle: Bundle, filtered: bool) -> None:
    (bundle.rootfs / "odd").write_bytes(b"\x7fELF" + bytes(60))
    (bundle.rootfs / "odd").chmod(0o755)
    linux = {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}} if filtered else {}
    for number in range(3):
        bundle.write("", {"process": {"args": ["/odd"]}, "linux": linux})
        assert bundle.create(f"t{number}") == 0
        ran = bundle.call("start", f"t{number}")
        bundle.call("delete", "--force", f"t{number}")
        assert ran.code == 1
        assert "exec format error" in ran.err.lower()


def test_a_creation_that_was_killed_is_deleted(bundle: Bundle) -> None:
    folder = bundle.folder / "state" / "t1"
    folder.mkdir(parents=True)
    assert bundle.call("delete", "--force", "t1").code == 0
    assert not folder.exists()
