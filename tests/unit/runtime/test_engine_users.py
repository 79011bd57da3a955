"""The users of a container that isn't root's: who is who, and what its configuration has in another way."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from whit.packer.support.errors import UnsupportedError, UsageError
from whit.runtime.engine.model import Container, Root, Users
from whit.runtime.engine.networks.model import Joining
from whit.runtime.engine.users import (
    check_network,
    inner,
    limits_without,
    settings,
    without_root,
)
from whit.runtime.limits import Limits

ALONE = Users(1000, 100)
MANY = Users(1000, 100, ((100000, 65536),), ((200000, 30000), (300000, 35536)), ("/bin/newuidmap", "/bin/newgidmap"))


def _document() -> dict[str, Any]:
    return {
        "process": {"user": {"uid": 65532, "gid": 65532, "additionalGids": [20, 70000]}, "args": ["/program"]},
        "mounts": [
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "gid=5"]},
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
        ],
        "linux": {
            "namespaces": [{"type": "pid"}],
            "resources": {"devices": [{"allow": False}], "pids": {"limit": 7}},
            "cgroupsPath": "/whit/box",
        },
    }


def _triples(packed: bytes) -> list[tuple[int, ...]]:
    return list(struct.iter_unpack("=III", packed))


def test_who_has_no_subordinate_ids_is_the_only_user() -> None:
    assert inner(65532, 0) == ((65532, 0, 1),)
    newuidmap, uids, newgidmap, gids = settings(ALONE)
    assert (newuidmap, newgidmap) == ("", "")
    assert (_triples(uids), _triples(gids)) == ([(0, 1000, 1)], [(0, 100, 1)])


@pytest.mark.parametrize("number", [0, 1, 1000, 65532, 65535, 65536, 100000])
def test_the_image_s_user_is_the_caller_and_all_others_are_subordinate_each_its_own(number: int) -> None:
    maps = inner(number, 65536)
    outside = [outer + at for _, outer, size in maps for at in range(size)]
    inside = [within + at for within, _, size in maps for at in range(size)]
    assert sorted(outside) == list(range(65537))
    assert len(set(inside)) == len(inside)
    assert dict(zip(inside, outside, strict=True))[number] == 0


def test_all_ranges_are_mapped_one_after_the_other() -> None:
    _, uids, _, gids = settings(MANY)
    assert _triples(uids) == [(0, 1000, 1), (1, 100000, 65536)]
    assert _triples(gids) == [(0, 100, 1), (1, 200000, 30000), (30001, 300000, 35536)]


def test_its_own_user_namespace_and_no_devices_and_what_only_the_host_s_network_may_mount_is_bound() -> None:
    made = without_root(_document(), ALONE, None)
    assert made["linux"]["namespaces"] == [{"type": "pid"}, {"type": "user"}]
    assert made["linux"]["uidMappings"] == [{"containerID": 65532, "hostID": 0, "size": 1}]
    assert made["linux"]["resources"] == {}
    assert made["process"]["user"]["additionalGids"] == []
    sys, terminals, proc = made["mounts"]
    assert (sys["type"], sys["source"]) == ("none", "/sys")
    assert "rro" in sys["options"]
    assert terminals["options"] == ["newinstance"]
    assert proc == _document()["mounts"][2]


def test_with_subordinate_ids_groups_that_they_hold_stay_and_so_does_the_terminals_own() -> None:
    made = without_root(_document(), MANY, "/user/whit/box")
    assert made["process"]["user"]["additionalGids"] == [20]
    assert made["mounts"][1]["options"] == ["newinstance", "gid=5"]
    assert made["linux"]["resources"] == {"pids": {"limit": 7}}
    assert made["linux"]["cgroupsPath"] == "/user/whit/box"


def test_without_a_cgroup_a_limit_that_was_asked_for_is_refused_and_others_are_left_out() -> None:
    assert limits_without(Limits(), "none is yours").pids is None
    with pytest.raises(UnsupportedError, match=r"--memory needs a cgroup: none is yours"):
        limits_without(Limits(memory=1 << 20), "none is yours")


@pytest.mark.parametrize(("network", "address"), [("mine", None), ("bridge", "172.30.0.9")])
def test_networks_and_addresses_of_one_s_own_are_refused(network: str, address: str | None) -> None:
    container = Container(
        id="0" * 64, name="box", created=0, image="", image_id="", image_digest="", command=(), root=Root("/", "/"),
        network=network, networks=(Joining(network, address=address),),
    )  # fmt: skip
    with pytest.raises(UsageError, match="only root can"):
        check_network(container)
