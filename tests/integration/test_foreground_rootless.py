"""The way out of a user's program in the foreground, which the launcher makes from its second start on without Python."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, PATIENCE_S, until
from tests.integration.netlab import CLIENT, HOST, lab
from tests.integration.test_networks_rootless import only

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import User
    from tests.integration.netlab import Lab

pytestmark = [pytest.mark.root, pytest.mark.peer("ip", "setpriv", "unshare", "nsenter", "busybox-static")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path / "root") as made:
        yield made


@dataclass(frozen=True, slots=True)
class OnHost:
    """A user's whit on the host, where /dev/net/tun has a mode."""

    user: User
    before: tuple[str, ...]
    path: str = os.environ["PATH"]

    def popen(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.before, *self.user.command(*words)], env=self.user.environment({"PATH": self.path}), cwd="/", text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.popen(*words) as process:
            out, errors = process.communicate(timeout=PATIENCE_S)
            return process.returncode, out, errors

    def plans(self) -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (self.user.store / "plans").iterdir()}

    def helpers(self) -> int:
        """The programs that speak for others of this test's: they have its user's home in their environment."""
        own = os.fsencode(self.user.home)
        found = 0
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "comm").read_text() == "slirp4netns\n":
                    found += own in (entry / "environ").read_bytes()
        return found


def on_host(place: Lab, user: User, folder: Path, mode: int) -> OnHost:
    """With a /dev/net/tun of that mode."""
    tun = folder / "tun"
    os.mknod(tun, 0o020000 | mode, os.makedev(10, 200))
    tun.chmod(mode)
    setup = f'mount --bind {tun} /dev/net/tun; exec "$@"'
    return OnHost(
        user, ("nsenter", f"--net=/proc/{place.host.pid}/ns/net", "unshare", "--mount", "sh", "-ec", setup, "sh")
    )


@pytest.mark.peer("slirp4netns")
def test_a_user_s_program_goes_out_the_second_time_without_python_and_nothing_is_left(
    place: Lab, user: User, tmp_path: Path
) -> None:
    host = on_host(place, user, tmp_path, 0o666)
    before = host.helpers()

    assert host.run("run", BUSYBOX, "nc", CLIENT, "80") == (0, f"client 80 {HOST}", "")
    kept = host.plans()
    assert host.run("run", BUSYBOX, "nc", CLIENT, "80") == (0, f"client 80 {HOST}", "")
    assert host.run("run", BUSYBOX, "cat", "/etc/resolv.conf")[1].startswith("nameserver 10.0.2.3\n")
    assert kept.items() <= host.plans().items()
    until(lambda: host.helpers() == before, "nobody speaks for it any more")


@pytest.mark.peer("slirp4netns")
def test_what_speaks_for_a_user_s_program_ends_with_its_supervisor_however_that_ends(
    place: Lab, user: User, tmp_path: Path
) -> None:
    host = on_host(place, user, tmp_path, 0o666)
    before = host.helpers()
    for number in (signal.SIGKILL, signal.SIGTERM):
        with host.popen("run", BUSYBOX, "sh", "-c", "echo on; exec sleep 99") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "on\n"
            assert host.helpers() == before + 1

            process.send_signal(number)

        until(lambda: host.helpers() == before, "nobody speaks for it any more")


@pytest.mark.parametrize(
    ("mode", "why"),
    [(0o600, "slirp4netns can't open /dev/net/tun"), (0o666, "slirp4netns isn't installed")],
    ids=["no device", "no program"],
)
def test_a_user_s_program_without_a_way_out_has_none_and_says_so_also_by_its_kept_plan(
    place: Lab, user: User, tmp_path: Path, mode: int, why: str
) -> None:
    host = on_host(place, user, tmp_path, mode)
    if mode == 0o666:
        host = replace(host, path=only(user.home / "bin"))

    kept = None
    for _ in range(2):
        code, _, said = host.run("run", BUSYBOX, "true")
        assert (code, said.splitlines()) == (
            0, [f"whit: warning: the program has no network: {why}", "hint: --network none asks for that, and says nothing"],
        )  # fmt: skip
        assert kept in (None, host.plans())
        kept = host.plans()
    assert host.run("run", "--network", "bridge", BUSYBOX, "true") == (
        125, "", f"whit: the network bridge: {why}\nhint: without a network it runs with --network none\n",
    )  # fmt: skip
    assert host.run("run", "--network", "none", BUSYBOX, "true") == (0, "", "")
