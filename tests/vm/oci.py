"""whit-oci in the guest: bundles of busybox, and a script whose parts tell their names, exit codes and words."""

from __future__ import annotations

import copy
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.oci_bundle import APPLETS, MINIMAL, merged
from tests.peers import find_peer
from tests.vm.guest import run_guest
from tests.vm.installed import VENV, chain, installed_whit, libraries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PRELUDE = """
export PATH=@VENV@/bin:$PATH
mkdir -p /rootfs/proc /rootfs/sys /rootfs/dev /rootfs/tmp /rootfs/data
chmod 1777 /rootfs/tmp
for applet in @APPLETS@; do ln -sf busybox /rootfs/bin/$applet; done

# NAME COMMAND...: run it, and say what it said and how it ended
case_of() {
    name=$1
    shift
    "$@" >/tmp/said 2>&1 </dev/null
    echo "=== $name $?"
    cat /tmp/said
}
# COMMAND...: until it succeeds, for two minutes at most
until_so() {
    tries=0
    while ! "$@" >/dev/null 2>&1 && test $tries -lt 600; do sleep 0.2; tries=$((tries + 1)); done
    "$@"
}
"""


@dataclass(frozen=True, slots=True)
class Case:
    """How one command of the script ended, and what it said."""

    status: int
    said: str

    @property
    def lines(self) -> list[str]:
        """What it said, line by line."""
        return self.said.splitlines()


def _configuration(script: str, change: Mapping[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = merged(copy.deepcopy(MINIMAL), dict(change))
    config["process"]["args"] = ["/bin/sh", "-c", script]
    config["root"]["path"] = "/rootfs"
    return config


def guest_cases(
    script: str, bundles: Mapping[str, tuple[str, Mapping[str, Any]]], programs: Iterable[str] = (), **options: Any
) -> dict[str, Case]:
    """Boot, run the script's cases, and give them by name.

    ``bundles``: name → (the container's shell script, changes of the minimal config.json); they are /b/NAME there and
    share one root, /rootfs. ``programs`` are further peers that the guest has.
    """
    busybox = find_peer("busybox-static")
    assert busybox is not None
    prelude = PRELUDE.replace("@VENV@", str(VENV)).replace("@APPLETS@", " ".join(APPLETS))
    extra = [path for path in map(find_peer, programs) if path is not None]
    trees = [*installed_whit(), *(link for path in extra for link in chain(path)), *libraries(*extra)]
    with tempfile.TemporaryDirectory(prefix="whit-guest-") as name:
        files = {"/rootfs/bin/busybox": busybox}
        for bundle, (inside, change) in bundles.items():
            files[f"/b/{bundle}/config.json"] = Path(name, f"{bundle}.json")
            files[f"/b/{bundle}/config.json"].write_text(json.dumps(_configuration(inside, change)))
        result = run_guest(prelude + script, files, trees=trees, **options)
    parts = re.split(r"^=== ([\w-]+) (\d+)\n", result.output, flags=re.MULTILINE)[1:]
    names, statuses, texts = parts[0::3], parts[1::3], parts[2::3]
    return {name: Case(int(status), said) for name, status, said in zip(names, statuses, texts, strict=True)}
