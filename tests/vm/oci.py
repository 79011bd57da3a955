"""whit-oci in the guest: bundles of busybox, and a script of cases."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.oci_bundle import APPLETS, MINIMAL, merged
from tests.peers import find_peer
from tests.vm.cases import run_cases
from tests.vm.installed import VENV, chain, installed_whit, libraries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.vm.cases import Case

PRELUDE = """
export PATH=@VENV@/bin:$PATH
mkdir -p /rootfs/proc /rootfs/sys /rootfs/dev /rootfs/tmp /rootfs/data
chmod 1777 /rootfs/tmp
for applet in @APPLETS@; do ln -sf busybox /rootfs/bin/$applet; done
"""


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
        return run_cases(prelude + script, files, trees=trees, **options)
