"""Feed the launcher's code for networks any plan, any answer of the kernel's, and any files: netlink.c, bridge_*.c, ops_bridge.c, ops_wayout.c.

``fuzz_network.py SECONDS``: builds the libFuzzer target with ASan and UBSan, starts from plans of programs in networks, on
hosts that say yes, no, and nothing, and ends with status 0 if nothing was found. What was found, and the corpus, stay in
build/fuzz/network. Nothing of the machine's own networks is touched: the target is in a network namespace of its own.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.target import Target
from tests.unit.runtime.plans import PROGRAM, ROOT_V1, ROOTLESS
from whit.runtime.encode import encode
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import BY_NAME, PLAN_VERSION
from whit.runtime.options import Bridge, Network, RunOptions, WayOut
from whit.runtime.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Target(Path(__file__).with_suffix(".c"), ("plan.c", "util.c"), 8192)
BRIDGE = Bridge(
    networks="/networks", network="bridge", device="whit0", mac=b"\6abcde", number=0xABCDEF0123456, gateway=0x0A000001,
    first=0x0A000001, count=6, prefix=24, mtu=1400, hosts_head="127.0.0.1\tlocalhost\n",
)  # fmt: skip
CONCERNED = ("BRIDGE_FIND", "WAY_OUT", "CLONE", "BRIDGE_JOIN", "WAY_OUT_WAIT", "EXEC")
MAC, INDEX = b"\2", b"\5"
YES, NO, THERE_ALREADY = (
    b"\0" + bytes(20),
    b"\5" + bytes(16) + struct.pack("=i", -1),
    b"\5" + bytes(16) + struct.pack("=i", -17),
)


def host(*answers: bytes, leases: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A host that has these leases, and answers so, as fuzz_network_host.h reads it."""
    taken = b"".join(bytes([len(name)]) + name + bytes([len(owner)]) + owner for name, owner in leases)
    return bytes([len(leases)]) + taken + b"".join(answers) + b"10.0.0.9\tdb\n" * 8


LEASES = (
    (b"10.0.0.2", b"0a00000200000" + b"f" * 51),
    (b"10.0.0.3", b"9" * 64),
    (b"10.0.0.4", b"0a000004"),
    (b"10.0.0.999", b"x"),
)
FOUND = (MAC, YES, INDEX)
RANDOM, ID = bytes(4), bytes(26)
JOINED = (RANDOM, ID, YES, INDEX, YES, YES, YES)
HOSTS = (
    host(*FOUND, *JOINED),
    host(*FOUND, b"\4", b"\4", *JOINED, leases=LEASES),
    host(*FOUND, RANDOM, *[ID, THERE_ALREADY] * 8),
    host(*FOUND, RANDOM, ID, NO),
    host(MAC, NO),
    host(b"\4"),
    host(MAC, b"\x0a" + b"short"),
    host(MAC, b"\x7f" + bytes(2000)),
)


def plans() -> Iterator[LaunchPlan]:
    """Plans of programs in networks, with no more than what concerns these."""
    for bridge in (
        BRIDGE,
        replace(BRIDGE, mtu=0, count=1),
        replace(BRIDGE, device="whit_0123456789", prefix=16, count=65000),
    ):
        yield compile_plan(PROGRAM, RunOptions(network=Network.BRIDGE, bridge=bridge, hostname="me"), ROOT_V1)
    arguments = ("slirp4netns", "--configure", "--ready-fd", "3")
    for words in (arguments, arguments * 8):
        way_out = WayOut("/usr/bin/slirp4netns", words)
        yield compile_plan(PROGRAM, RunOptions(network=Network.BRIDGE, bridge=way_out), ROOTLESS)


def concerned(plan: LaunchPlan) -> LaunchPlan:
    """The same without what other targets look at."""
    return LaunchPlan(PLAN_VERSION, tuple(_short(op) for op in plan.ops if op.name in CONCERNED))


def _short(op: Op) -> Op:
    return Op("EXEC", ("/x", ("x",), ()), op.why) if op.name == "EXEC" else op


def seeds() -> Iterator[tuple[str, bytes]]:
    """Each on each host."""
    assert set(CONCERNED) <= set(BY_NAME)
    for number, plan in enumerate(plans()):
        data = encode(concerned(plan))
        for place, answers in enumerate(HOSTS):
            yield f"plan-{number}-{place}", data + answers


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    return TARGET.run(seconds, seeds())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
