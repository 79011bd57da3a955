"""``whit exec`` and ``whit debug`` without root: in the container's own user namespaces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

FIRST = {"the program first": (), "--init": ("--init",), "--init, another user": ("--init", "--user", "1000")}


@dataclass(frozen=True, slots=True)
class Owner:
    """A user with a container, ``box``, that has been given these options."""

    user: User
    options: tuple[str, ...]

    def said(self, *words: str) -> str:
        """What whit says when all goes well."""
        done = self.user.run(*words)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    @property
    def has_init(self) -> bool:
        return "--init" in self.options


@pytest.fixture(params=FIRST.values(), ids=tuple(FIRST))
def owner(user: User, request: pytest.FixtureRequest) -> Iterator[Owner]:
    """A user with a container, whose first process is the program or whit's own."""
    made = Owner(user, request.param)
    made.said("run", "-d", "--name", "box", "--network", "none", *made.options, BUSYBOX, "sleep", "100000")
    yield made
    user.run("rm", "-f", "box", "beside")


def test_a_user_s_container_is_gone_into_and_looked_at_by_its_user(owner: Owner) -> None:
    said = owner.said
    number = "1000" if "--user" in owner.options else "65532"
    first = said("exec", "box", "/busybox", "cat", "/proc/1/comm").strip()
    assert first == ("whit-init" if owner.has_init else "busybox")
    # given that a further process is in the container, the first time and the next, with its exit code
    for _ in range(2):
        assert f"uid={number}" in said("exec", "box", "/busybox", "id")
    assert owner.user.run("exec", "box", "/busybox", "sh", "-c", "exit 7").returncode == 7
    assert owner.user.run("exec", "box", "nothing").returncode == 127
    # whose first process tells nothing of where the user's files are
    assert str(owner.user.home) not in said("exec", "box", "/busybox", "cat", "/proc/1/cmdline")
    # then tools are beside it, too, and an image's
    shown = said("debug", "box", "sh", "-c", "cat /proc/1/comm; ls -a /; mkdir /x 2>&1 || true")
    assert shown.startswith(f"{first}\n.\n..\n.whit-debug\n")
    assert "Read-only file system" in shown
    said("pack", "-t", "tools:1", "/bin/bash")
    script = 'echo "$(</container/proc/1/comm)"; echo mine > /tmp/file && echo "$(</tmp/file)"'
    assert said("debug", "--image", "tools:1", "box", "/bash", "-c", script) == f"{first}\nmine\n"
    # and the policy can be changed, and processes seen, further ones too
    assert said("update", "--restart", "always", "box") == "box\n"
    said("exec", "-d", "box", "/busybox", "sleep", "77777")
    shown = said("top", "box")
    assert "/busybox sleep 100000" in shown
    assert "/busybox sleep 77777" in shown
    assert "box" in said("stats", "--no-stream", "--format", "{{.Name}}")


def test_the_container_s_first_process_stays_out_of_reach_of_who_is_in_it(owner: Owner) -> None:
    reached = owner.user.run("exec", "box", "/busybox", "sh", "-c", "readlink /proc/1/exe && readlink /proc/1/ns/mnt")
    assert (reached.returncode == 0) is not owner.has_init


def test_its_namespaces_are_the_container_s_own(owner: Owner) -> None:
    # given the namespaces of the container's program
    program = owner.said("top", "box", "-o", "pid,args")
    number = next(line.split()[0] for line in program.splitlines() if line.endswith(" sleep 100000"))
    kinds = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
    theirs = [str(Path(f"/proc/{number}/ns/{kind}").readlink()) for kind in kinds]
    # then a further process has all of them
    script = "; ".join(f"readlink /proc/self/ns/{kind}" for kind in kinds)
    assert owner.said("exec", "box", "/busybox", "sh", "-c", script).splitlines() == theirs


def test_files_go_in_and_out_and_another_container_shares_its_network(owner: Owner) -> None:
    mine = owner.user.home / "mine"
    mine.write_text("text")
    os.chown(mine, owner.user.number, owner.user.number)
    # given one with a root of its own to write to
    owner.said(
        "run",
        "-d",
        "--name",
        "beside",
        "--network",
        "container:box",
        "--writable",
        *owner.options,
        BUSYBOX,
        "sleep",
        "1000",
    )
    owner.said("cp", str(mine), "beside:/there")
    owner.said("cp", "beside:/there", str(owner.user.home / "back"))
    # then what is copied is the same, and so is the network
    assert (owner.user.home / "back").read_text() == "text"
    networks = [owner.said("exec", name, "/busybox", "readlink", "/proc/self/ns/net") for name in ("box", "beside")]
    assert networks[0] == networks[1]
    assert "/there" in owner.said("diff", "beside")
    assert owner.said("export", "beside", "-o", str(owner.user.home / "all.tar")) == ""


def test_a_service_with_init_is_gone_into(user: User) -> None:
    (user.home / "compose.yaml").write_text(
        "services: {one: {image: bb, command: [sleep, '1000'], init: true, network_mode: none}}\n"
    )
    assert user.run("pack", BUSYBOX, "-t", "bb").returncode == 0
    try:
        up = user.run("compose", "up", "-d")
        assert up.returncode == 0, up.stderr
        for _ in range(2):
            done = user.run("compose", "exec", "-T", "one", "/busybox", "echo", "inside")
            assert (done.returncode, done.stdout) == (0, "inside\n"), done.stderr
    finally:
        user.run("compose", "down", "-t", "0")
