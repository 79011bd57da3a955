"""``linux.netDevices``: interfaces of the host's in the container. The host is a network namespace of the test's own."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.oci_hostile import owned_by_others

if TYPE_CHECKING:
    from tests.integration.oci_bundle import Bundle

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static", "ip"),
    pytest.mark.ours("know no netDevices", "runc", "crun"),
]

MAC = "02:00:00:00:00:07"
HOST = f"""
set -e
ip link set lo up
ip link add eth7 mtu 1400 address {MAC} type veth peer name eth8
ip link set eth7 up
ip link set eth8 up
ip addr add 10.9.0.2/24 brd + dev eth7
ip addr add 10.9.0.3 peer 10.9.0.9/32 dev eth7 noprefixroute
ip addr add 169.254.1.1/16 scope link dev eth7
ip addr add 10.9.1.2/24 valid_lft 600 preferred_lft 600 dev eth7
if test -e /proc/sys/net/ipv6; then ip addr add fd00::7/64 dev eth7 nodad; fi
set +e
"""
LOOK = "/bin/busybox ip -o addr; /bin/busybox ip -o link"
USERS = {name: [{"containerID": 0, "hostID": 200_000, "size": 65536}] for name in ("uidMappings", "gidMappings")}


def on_host(bundle: Bundle, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's script where eth7 and eth8 are one another's ends; ``$whit`` is the runtime with its state."""
    whole = f'{HOST}\nwhit() {{ {shlex.join(bundle.command())} "$@"; }}\n{script}'
    return subprocess.run(
        ["unshare", "--net", "sh", "-c", whole], cwd=bundle.folder, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def devices(bundle: Bundle, script: str, names: dict[str, Any], **linux: Any) -> None:
    """The configuration of a container that gets these."""
    bundle.write(script, {"linux": {"netDevices": names, **linux}})


def test_an_interface_moves_with_its_lasting_addresses_and_is_up(bundle: Bundle) -> None:
    devices(bundle, LOOK, {"eth7": {}})
    done = on_host(bundle, "whit run one && echo outside && ip -o link")
    assert (done.returncode, done.stderr) == (0, "")
    inside, outside = done.stdout.split("outside\n")
    assert "inet 10.9.0.2/24 brd 10.9.0.255 scope global eth7" in inside
    assert "inet 10.9.0.3 peer 10.9.0.9/32 scope global noprefixroute eth7" in inside
    assert ("fd00::7/64" in inside) is ("inet6 ::1" in inside)
    assert "169.254.1.1" not in inside, "it is the link's alone"
    assert "10.9.1.2" not in inside, "it was given for a time"
    (link,) = [line for line in inside.splitlines() if "eth7" in line and "mtu" in line]
    assert "mtu 1400" in link
    assert ",UP," in link
    assert MAC in link
    assert "eth7" not in outside


@pytest.mark.parametrize(("name", "found"), [("inner", "inner"), ("net%d", "net0"), ("eth8", "eth8")])
def test_it_may_have_another_name_there(bundle: Bundle, name: str, found: str) -> None:
    devices(bundle, LOOK, {"eth7": {"name": name}})
    done = on_host(bundle, "whit run one")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"inet 10.9.0.2/24 brd 10.9.0.255 scope global {found}" in done.stdout


def test_several_move_and_reach_each_other(bundle: Bundle) -> None:
    devices(
        bundle,
        "cat /sys/class/net/a/operstate /sys/class/net/b/operstate",
        {"eth7": {"name": "a"}, "eth8": {"name": "b"}},
    )
    done = on_host(bundle, "whit run one")
    assert done.stdout.split() == ["up", "up"], done.stderr


def test_it_moves_into_a_user_namespace_s_network_too(bundle: Bundle) -> None:
    kinds = [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "user")]
    devices(bundle, LOOK, {"eth7": {}}, namespaces=kinds, **USERS)
    owned_by_others(bundle)
    done = on_host(bundle, "whit run one")
    assert "scope global eth7" in done.stdout, done.stderr


def test_it_moves_into_a_network_namespace_that_is_there(bundle: Bundle) -> None:
    kinds = [{"type": name} for name in ("pid", "ipc", "uts", "mount")]
    at = bundle.folder / "net"
    at.touch()
    devices(bundle, LOOK, {"eth7": {}}, namespaces=[*kinds, {"type": "network", "path": str(at)}])
    script = f"""
    unshare --net sleep 1000 & pid=$!
    until ! test /proc/$pid/ns/net -ef /proc/self/ns/net; do sleep 0.1; done
    unshare --mount sh -c 'mount --bind /proc/'$pid'/ns/net {at} && exec "$@"' sh {shlex.join(bundle.command("run", "one"))}
    echo $?
    nsenter --net=/proc/$pid/ns/net ip -o link show eth7
    kill $pid
    """
    done = on_host(bundle, script)
    assert done.stdout.count("scope global eth7") >= 1, done.stderr
    assert done.stdout.splitlines()[-2] == "0"
    assert MAC in done.stdout.splitlines()[-1], "it stays with the namespace"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"eth7": {}, "eth9": {}}, "there is no network interface eth9 here"),
        ({"eth7": {"name": "lo"}}, "['eth7']: the container has an interface lo already"),
        ({"eth7": {"name": "x"}, "eth8": {"name": "x"}}, "['eth8']: the container has an interface x already"),
        ({"lo": {"name": "lo2"}}, "['lo']: can't move it"),
    ],
)
def test_what_cannot_be_moved_is_said_in_one_line_and_leaves_nothing(
    bundle: Bundle, names: dict[str, Any], said: str
) -> None:
    devices(bundle, "echo ran", names)
    done = on_host(bundle, "whit run one; echo $?; ip -o link show eth7; whit list -q")
    assert "ran" not in done.stdout
    assert done.stdout.splitlines()[0] == "1"
    assert MAC in done.stdout.splitlines()[1], "all of them are looked at before one moves"
    assert len(done.stdout.splitlines()) == 2, "no container is left"
    message, hint = done.stderr.splitlines()
    assert message.startswith("whit-oci: linux.netDevices")
    assert said in message
    assert hint.startswith("hint: ")


def test_when_one_cannot_be_moved_the_others_come_back_with_their_addresses(bundle: Bundle) -> None:
    devices(bundle, "echo ran", {"eth7": {"name": "net%d"}, "lo": {"name": "lo2"}})
    done = on_host(bundle, "whit run one; ip -o addr show eth7; ip -o link show eth7")
    assert "['lo']: can't move it" in done.stderr
    assert "ran" not in done.stdout
    assert "inet 10.9.0.2/24 brd 10.9.0.255 scope global eth7" in done.stdout
    assert MAC in done.stdout
    assert ",UP," in done.stdout


def test_the_host_s_own_network_is_no_place_to_move_to(bundle: Bundle) -> None:
    kinds = [{"type": name} for name in ("pid", "ipc", "uts", "mount")]
    devices(bundle, "echo ran", {"eth7": {"name": "x"}}, namespaces=kinds)
    done = on_host(bundle, "whit run one; ip -o link show eth7")
    assert "shares the host's network namespace" in done.stderr
    assert MAC in done.stdout
