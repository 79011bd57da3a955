"""``whit run``'s own /tmp, in an image that has files there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.peer("busybox")


def test_what_was_added_below_tmp_is_there_and_tmp_is_still_writable(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("asked for\n")
    (tmp_path / "host").mkdir()
    script = "cat /tmp/q /tmp/deep/er/q; echo x > /tmp/new; echo y >> /tmp/q; cat /tmp/new; touch /tmp/mnt/z; stat -c %a /tmp"
    options = ("--add", f"{tmp_path}/file:/tmp/q", "--add", f"{tmp_path}/file:/tmp/deep/er/q", "--user", "0")
    for volume in ((), ("--volume", f"{tmp_path}/host:/tmp/mnt")):
        place = script if volume else script.replace("touch /tmp/mnt/z; ", "")
        for _ in range(2):
            result = run_whit("run", *options, *volume, BUSYBOX, "sh", "-c", place)
            assert (result.stdout, result.stderr) == ("asked for\nasked for\nx\n1777\n", "")
    assert (tmp_path / "host" / "z").exists()
