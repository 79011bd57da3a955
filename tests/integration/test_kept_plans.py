"""What a kept plan can't be checked for makes it one that isn't kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.peer("busybox-static")


def test_a_plan_is_not_kept_where_certificates_come_from_the_host(run_whit: RunWhit, whit_root: Path) -> None:
    # No guard tells whether the host's bundle or time zones have changed since.
    for source, kept in (("host", 0), ("packages", 1)):
        done = run_whit("run", "--sources", source, BUSYBOX, "true")
        assert done.returncode == 0, done.stderr
        plans = whit_root / "plans"
        assert len(list(plans.iterdir()) if plans.exists() else []) == kept
