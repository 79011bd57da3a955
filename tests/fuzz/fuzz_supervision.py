"""Feed changed settings of a supervisor to the launcher's settings_check and to what reads them.

``fuzz_supervision.py SECONDS``: builds the libFuzzer target with ASan and UBSan, and starts from settings of real
containers. What was found, and the corpus, stay in build/fuzz/supervision.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.target import Target
from whit.runtime.engine.model import Container, LogOptions, Policy, Probe, ProbeKind, Restart, Root, Secret, Users
from whit.runtime.engine.networks.model import Joining
from whit.runtime.engine.supervision import encode_supervision, supervision_ops

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Target(Path(__file__).with_suffix(".c"), ("plan.c", "engine_settings.c", "util.c"), 8192)
BASE = Container(
    id="0" * 64, name="box", created=0, image="box", image_id="", image_digest="", command=("/box",), root=Root("/rootfs", "/lock")
)  # fmt: skip


def containers() -> Iterator[Container]:
    """Containers that have all that there is between them."""
    yield BASE
    yield replace(BASE, root=Root("/rootfs:1", "/lock", is_writable=True), terminal=True, interactive=True)
    yield replace(
        BASE, restart=Restart(Policy.ON_FAILURE, 5), log=LogOptions(max_size=1 << 20, max_file=3), stop_seconds=-1
    )
    yield replace(BASE, secrets=(Secret("/source", False, "target", 0, 0, 0o400),))
    yield replace(BASE, users=Users(1000, 1000))
    more = ((100000, 65536), (300000, 1000))
    yield replace(BASE, users=Users(1000, 100, more, more[:1], ("/usr/bin/newuidmap", "/usr/bin/newgidmap")))
    joined = Joining("red", ("alias",), "10.0.0.5", "fd00::5", "02:42:ac:11:00:02")
    yield replace(BASE, network="red", networks=(joined, Joining()))
    yield replace(BASE, parameters=(("net/core/somaxconn", "77"), ("net/ipv4/ip_forward", "1")))
    yield replace(BASE, probe=Probe(ProbeKind.EXEC, words=("/probe", "-x")))
    yield replace(BASE, probe=Probe(ProbeKind.TCP, port=80))
    yield replace(BASE, probe=Probe(ProbeKind.HTTP, address="::1", port=8080, path="/healthz"))


def seeds() -> Iterator[tuple[str, bytes]]:
    """Their settings."""
    for number, container in enumerate(containers()):
        for network in (None, "", "/proc/1/ns/net"):
            ops = supervision_ops(container, "/folder", "/records", network)
            yield f"container-{number}-{network is None}-{bool(network)}", encode_supervision(ops)


def main(seconds: int) -> int:
    """Build and run; the status of libFuzzer."""
    return TARGET.run(seconds, seeds())


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
