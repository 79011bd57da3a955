"""What a plan does for a program's network."""

from __future__ import annotations

import struct
from dataclasses import replace

from tests.unit.runtime.plans import PROGRAM, ROOT_V1, ROOTLESS, names, only
from whit.runtime.mounts import NAMES, Volume
from whit.runtime.options import Bridge, Network, RunOptions, WayOut
from whit.runtime.plan import NEW_NETWORK, NEW_USER, compile_plan

BRIDGE = Bridge(
    networks="/store/networks", network="bridge", device="whit0", mac=bytes(6), number=0xABCDEF0123456, gateway=1, first=2,
    count=3, prefix=24, mtu=1400, hosts_head="127.0.0.1\tlocalhost\n",
)  # fmt: skip
IN_BRIDGE = RunOptions(network=Network.BRIDGE, bridge=BRIDGE, hostname="me")


def test_the_bridge_is_found_outside_and_joined_inside_before_the_root_is_changed() -> None:
    plan = compile_plan(PROGRAM, IN_BRIDGE, ROOT_V1)

    order = names(plan)
    assert order.index("BRIDGE_FIND") < order.index("CLONE") < order.index("BRIDGE_JOIN") < order.index("ROOT_ATTACH")
    assert int(str(only(plan, "CLONE").args[0])) & NEW_NETWORK
    assert only(plan, "BRIDGE_FIND").args == ("whit0", bytes(6))
    place = struct.pack("=Q6I", 0xABCDEF0123456, 1, 2, 3, 24, 1400, 0)
    assert only(plan, "BRIDGE_JOIN").args == ("/store/networks", "bridge", place, "me", b"127.0.0.1\tlocalhost\n")


def test_its_hosts_file_stands_where_a_volume_would() -> None:
    shown = (Volume(NAMES, "/etc/hosts", read_only=True, is_directory=False),)

    plan = compile_plan(PROGRAM, replace(IN_BRIDGE, volumes=shown), ROOT_V1)

    assert only(plan, "HOSTS_BIND").args == ("/etc/hosts",)


def test_a_user_s_way_out_is_started_outside_and_awaited_inside_by_users_of_its_own() -> None:
    way_out = WayOut("/usr/bin/slirp4netns", ("slirp4netns", "--configure"))

    plan = compile_plan(PROGRAM, RunOptions(network=Network.BRIDGE, bridge=way_out), ROOTLESS)

    order = names(plan)
    assert order.index("WAY_OUT") < order.index("CLONE") < order.index("MAP_IDS") < order.index("WAY_OUT_WAIT")
    assert int(str(only(plan, "CLONE").args[0])) & NEW_USER
    assert only(plan, "WAY_OUT").args == ("/usr/bin/slirp4netns", ("slirp4netns", "--configure"))
    # the caller is the root of the users in between
    assert (only(plan, "MAP_IDS").args[1], only(plan, "MAP_IDS").args[3]) == (0, 0)


def test_what_a_person_should_know_is_said_at_each_start() -> None:
    plan = compile_plan(PROGRAM, RunOptions(warning=("no network", "why")), ROOT_V1)

    assert only(plan, "WARN").args == ("warning: no network", "why")
    assert "BRIDGE_FIND" not in names(plan)
