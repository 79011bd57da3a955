"""Volumes, writable roots, secrets and files of a user's own containers."""

from __future__ import annotations

import io
import subprocess
import tarfile
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


def test_a_user_copies_and_commits_as_root_does(user: User) -> None:
    script = "mkdir /dir; echo one > /dir/file; rm /etc/hostname 2>/dev/null; echo ready; sleep 1000"
    done = user.run("run", "-d", "--name", "box", "--network", "none", "--writable", BUSYBOX, "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    while user.run("logs", "box").stdout != "ready\n":
        pass
    (user.home / "in").write_text("two\n")
    for state in ("running", "stopped"):
        done = user.run("cp", user.home / "in", f"box:/dir/{state}")
        assert done.returncode == 0, done.stderr
        done = user.run("cp", "box:/dir", user.home / state)
        assert done.returncode == 0, done.stderr
        assert (user.home / state / "file").read_text() == "one\n"
        assert (user.home / state / "file").stat().st_uid == user.number
        assert f"A /dir/{state}" in user.run("diff", "box").stdout.splitlines()
        tar = subprocess.run(
            user.command("export", "box"), env=user.environment(), cwd=user.home, capture_output=True, check=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(tar)) as found:
            assert found.getmember("dir/file").uid == 65532, "in the container's numbers"
        user.run("stop", "-t", "0", "box")
    done = user.run("commit", "box", "new")
    assert done.returncode == 0, done.stderr
    done = user.run("run", "--rm", "--network", "none", "new", "sh", "-c", "cat /dir/stopped; stat -c %u /dir/file")
    assert done.stdout.split() == ["two", "65532"], done.stderr
    user.run("rm", "-f", "box")
