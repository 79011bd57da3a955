"""Volumes, writable roots and secrets of a user's own containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX

if TYPE_CHECKING:
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


def test_a_user_s_container_writes_to_its_volume_and_root_and_reads_its_secrets(user: User) -> None:
    key = user.home / "key"
    key.write_text("d0-n0t-tell\n")
    script = (
        "echo kept > /data/file; echo own > /file; cat /data/file /file /run/secrets/key; stat -c %a /run/secrets/key"
    )
    options = ("--network", "none", "--writable", "-v", "data:/data", "--secret", str(key))
    done = user.run("run", "--rm", *options, BUSYBOX, "sh", "-c", script)
    assert done.stdout.splitlines() == ["kept", "own", "d0-n0t-tell", "400"], done.stderr
    file = user.store / "volumes" / "data" / "data" / "file"
    assert file.read_text() == "kept\n"
    assert file.stat().st_uid == user.number, "what it writes is the user's"
    done = user.run("run", "--rm", "--network", "none", "--secret", f"{key},uid=7", BUSYBOX, "true")
    assert "without root it can only be the container's user's" in done.stderr
