"""``linux.netDevices``: messages to rtnetlink, and the plan's part."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.runtime.oci_plans import V1, spec_of
from whit.packer.support.errors import LaunchError
from whit.runtime.engine.networks.netlink import attributes
from whit.runtime.oci.making import Made, Request, make
from whit.runtime.oci.netdevices import move_devices
from whit.runtime.oci.rtnetlink import (
    FLAGS,
    GET_ADDRESSES,
    LINK_NAME,
    LINK_NAMESPACE,
    PERMANENT,
    address_message,
    move_message,
    read_address,
)

NO_DAD = 2


def given(prefix: int, flags: int, scope: int, *parts: tuple[int, bytes]) -> bytes:
    """An address as the kernel tells of it, of interface 7."""
    body = bytes([socket.AF_INET, prefix, flags & 0xFF, scope, 7, 0, 0, 0])
    for kind, data in parts:
        body += (4 + len(data)).to_bytes(2, "little") + kind.to_bytes(2, "little") + data + bytes(-len(data) % 4)
    return body


def test_an_address_is_given_again_as_it_was_but_for_its_interface() -> None:
    address, label = (2, socket.inet_aton("10.9.0.2")), (3, b"eth7\0")
    told = given(24, PERMANENT, 0, address, label, (FLAGS, (PERMANENT | NO_DAD).to_bytes(4, "little")))
    body = address_message(read_address(told), 3).body
    assert body[:4] == bytes([socket.AF_INET, 24, 0, 0])
    assert int.from_bytes(body[4:8], "little") == 3
    assert dict(attributes(body[8:])) == {2: address[1], FLAGS: NO_DAD.to_bytes(4, "little")}


@pytest.mark.parametrize(
    ("flags", "scope", "lasting"),
    [(PERMANENT, 0, True), (0, 0, False), (PERMANENT, 253, False), (PERMANENT, 254, False)],
)
def test_only_permanent_addresses_of_global_scope_last(flags: int, scope: int, *, lasting: bool) -> None:
    assert read_address(given(24, flags, scope)).lasting is lasting


def test_an_interface_is_moved_and_renamed_at_once() -> None:
    body = move_message(7, "net%d", 5).body
    assert int.from_bytes(body[4:8], "little") == 7
    assert dict(attributes(body[16:])) == {LINK_NAME: b"net%d\0", LINK_NAMESPACE: (5).to_bytes(4, "little")}
    assert len(GET_ADDRESSES.body) == 8


def test_the_host_s_own_namespace_and_a_missing_interface_are_told_before_anything_is_done() -> None:
    with Path("/proc/self/ns/net").open("rb") as own:
        with pytest.raises(LaunchError, match="there is no network interface nowhere0"):
            move_devices((("nowhere0", "x"),), own.fileno())
        with pytest.raises(LaunchError, match="is the host's"):
            move_devices((), own.fileno())


def made(**linux: Any) -> Made:
    document = {"ociVersion": "1.3.0", "root": {"path": "r"}, "process": {"args": ["/a"], "cwd": "/"}}
    namespaces = [{"type": name} for name in ("pid", "network", "mount")]
    data = json.dumps({**document, "linux": {"namespaces": namespaces, **linux}}).encode()
    return make(data, Request("create", "c1", "/b", "/run/x"), replace(V1, launcher="/bin/whit-oci"), "now")


def test_python_moves_them_once_the_network_is_there_and_before_any_mount() -> None:
    ops = made(netDevices={"eth7": {}}).plan.ops
    names = [op.name for op in ops]
    (mover,) = [op for op in ops if op.why == "linux.netDevices"]
    assert mover.args[:2] == ("/bin/whit-oci", ("whit-oci", "_netdevices", "/run/x/c1", "", ""))
    assert names.index("LOOPBACK_UP") < ops.index(mover) < names.index("ROOT_SWITCH")


def test_such_a_plan_is_not_kept_for_other_containers() -> None:
    assert made().lasting
    assert not made(netDevices={"eth7": {}}).lasting


def test_names_are_read_from_the_configuration() -> None:
    spec = spec_of(linux={"netDevices": {"eth7": {"name": "a"}, "eth8": {}}})
    assert spec.linux.network_devices == (("eth7", "a"), ("eth8", "eth8"))
