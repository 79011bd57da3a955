"""The way out of a container whose user isn't root."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.netlab import CLIENT, HOST, Lab
from tests.peers import find_peer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import User

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("nft", "ip", "unshare", "nsenter", "slirp4netns", "pasta", "setpriv"),
]

SCRIPT = r'''
import os, subprocess, sys, time
from pathlib import Path
from whit.packer.support.errors import WhitError, in_words
from whit.runtime.engine.networks.model import Member
from whit.runtime.engine.networks.rootless import rootless_attach, rootless_detach

root, client = Path(sys.argv[1]), sys.argv[2]
name = "a" * 64
(root / "containers" / name).mkdir(parents=True)
watched, held = os.pipe2(os.O_CLOEXEC)
supervisor = subprocess.Popen(["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "echo ready; cat"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=(held,))
supervisor.stdout.readline()
os.close(held)
inside = ["nsenter", f"--target={supervisor.pid}", "--user", "--net", "--preserve-credentials", sys.executable, "-c"]
ASK = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), int(sys.argv[3])); print(s.recv(99).decode())"

def helpers():
    """How many processes were told of the supervisor's namespaces; one that has ended and waits for its parent has no words."""
    told = {str(supervisor.pid), f"/proc/{supervisor.pid}/ns/net"}
    count = 0
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_text().split("\0") if process.name.isdigit() else []
        except OSError:
            continue
        count += words[0].rpartition("/")[2] in ("slirp4netns", "pasta") and bool(told & set(words)) if words else 0
    return count

try:
    print(rootless_attach(root, Member(name, "web", ("web",)), supervisor.pid, watched).address)
except WhitError as error:
    print(in_words(error), end="")
    supervisor.communicate()
    sys.exit(1)
os.close(watched)
print(subprocess.run([*inside, ASK, client, "80", "60"], capture_output=True, text=True).stdout.strip())
print("own:" + subprocess.run([*inside, ASK, "10.0.2.2", "9", "1"], capture_output=True, text=True).stdout.strip())
print((root / "containers" / name / "hosts").read_text().splitlines()[-1])
print(helpers())
supervisor.kill()
supervisor.communicate()
rootless_detach(root, name)
end = time.monotonic() + 60
while helpers() and time.monotonic() < end:
    time.sleep(0.02)
print(helpers(), sorted(path.name for path in (root / "containers" / name).iterdir()))
'''


def as_user(place: Lab, user: User, tmp_path: Path, path: str, mode: int = 0o666) -> subprocess.CompletedProcess[str]:
    """The script on the host, with a /dev/net/tun of this mode, and with what is in the folder alone on PATH."""
    tun = tmp_path / "tun"
    os.mknod(tun, 0o020000 | mode, os.makedev(10, 200))
    tun.chmod(mode)
    python = user.program.parent / "python"
    setup = (
        f'mount --bind {tun} /dev/net/tun; exec setpriv --reuid={user.number} --regid={user.number} --clear-groups "$@"'
    )
    return subprocess.run(
        ["nsenter", f"--net=/proc/{place.host.pid}/ns/net", "unshare", "--mount", "sh", "-ec", setup, "sh",
         python, "-c", SCRIPT, user.store, CLIENT],
        env=user.environment({"PATH": path}), capture_output=True, text=True, check=False, timeout=120, cwd="/",
    )  # fmt: skip


def only(folder: Path, *programs: str) -> str:
    """A PATH on which there are these programs only."""
    folder.mkdir(mode=0o755)
    for name in ("unshare", "nsenter", "sh", "cat", "mount", "setpriv", *programs):
        found = find_peer(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return str(folder)


@pytest.mark.parametrize("program", ["slirp4netns", "pasta"])
def test_a_user_s_container_goes_out_as_the_host_and_nothing_is_left_when_it_has_ended(
    place: Lab, user: User, tmp_path: Path, program: str
) -> None:
    tmp_path.parent.chmod(0o755)
    path = only(user.home / "bin", program)
    place.host.command(f"ip route add default via {CLIENT}")  # pasta wants one

    done = as_user(place, user, tmp_path, path)

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "10.0.2.100",
        f"client 80 {HOST}",
        "own:",
        "10.0.2.100\tweb aaaaaaaaaaaa",
        "1",
        "0 ['hosts']",
    ]


def test_where_users_may_not_open_dev_net_tun_the_error_says_so(place: Lab, user: User, tmp_path: Path) -> None:
    done = as_user(place, user, tmp_path, only(user.home / "bin", "slirp4netns"), 0o600)

    assert done.stdout == (
        'whit: slirp4netns can\'t connect the container: open("/dev/net/tun"): Permission denied\n'
        "hint: let users open /dev/net/tun, as most systems do: chmod 666 /dev/net/tun; or use --network none\n"
    )


def test_without_either_program_the_error_names_their_packages(place: Lab, user: User, tmp_path: Path) -> None:
    done = as_user(place, user, tmp_path, only(user.home / "bin"))

    assert done.stdout.startswith("whit: neither slirp4netns nor pasta is installed")
    assert "passt" in done.stdout
