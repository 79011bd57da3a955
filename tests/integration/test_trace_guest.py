"""whit trace on another kernel, with cgroup v2 alone: in the guest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.peers import PROJECT
from tests.vm.guest import run_guest
from tests.vm.installed import installed_whit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.peer("qemu-system-x86_64", "guest-kernel", "busybox-static")]

SCRIPT = r"""
export WHIT_ROOT=/tmp/store PATH=@VENV@:$PATH
whit trace --memory 64m -o /tmp/report /bin/busybox sh -c 'cat /etc/passwd /etc/mime.types; echo >/etc/x' >/tmp/said 2>&1 </dev/null
echo "status $?"
cat /tmp/report
echo "=== left"
find /sys/fs/cgroup/whit -mindepth 1 -type d
"""


def test_a_trace_on_cgroup_v2(whit: Path) -> None:
    result = run_guest(SCRIPT.replace("@VENV@", str(whit.parent)), timeout=180, trees=installed_whit())

    status, _, rest = result.output.partition("\n")
    text, _, left = rest.partition("=== left\n")
    report: dict[str, Any] = json.loads(text)
    jsonschema.validate(report, json.loads((PROJECT / "docs" / "trace.schema.json").read_text()))
    assert status == "status 0"
    assert [item["path"] for item in report["missed"]] == ["/etc/mime.types"]
    assert [(item["path"], item["works"]) for item in report["written"]] == [("/etc/x", False)]
    assert {item["path"] for item in report["used"]} == {"/busybox", "/etc/passwd"}
    assert left.strip() == ""
