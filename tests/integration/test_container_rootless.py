"""``whit exec`` and ``whit debug`` without root: in the container's own user namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def owner(user: User) -> Iterator[User]:
    """A user with a container, ``box``."""
    done = user.run("run", "-d", "--name", "box", "--network", "none", "/bin/busybox", "sleep", "100000")
    assert done.returncode == 0, done.stderr
    yield user
    user.run("rm", "-f", "box")


def test_a_user_s_container_is_gone_into_and_looked_at_by_its_user(owner: User) -> None:
    def said(*words: str) -> str:
        done = owner.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    # given that a further process is in the container, with its exit code
    assert "uid=65532" in said("exec", "box", "/busybox", "id")
    assert owner.run("exec", "box", "/busybox", "sh", "-c", "exit 7").returncode == 7
    assert owner.run("exec", "box", "nothing").returncode == 127
    # then tools are beside it, too, and an image's
    shown = said("debug", "box", "sh", "-c", "cat /proc/1/comm; ls -a /; mkdir /x 2>&1 || true")
    assert shown.startswith("busybox\n.\n..\n.whit-debug\n")
    assert "Read-only file system" in shown
    said("pack", "-t", "tools:1", "/bin/bash")
    script = 'echo "$(</container/proc/1/comm)"; echo mine > /tmp/file && echo "$(</tmp/file)"'
    assert said("debug", "--image", "tools:1", "box", "/bash", "-c", script) == "busybox\nmine\n"
    # and the policy can be changed, and processes seen
    assert said("update", "--restart", "always", "box") == "box\n"
    assert "/busybox sleep 100000" in said("top", "box")
    assert "box" in said("stats", "--no-stream", "--format", "{{.Name}}")
