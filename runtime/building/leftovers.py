"""Cgroups of RUNs whose build was killed: empty, since the kernel has ended all that was in them, and still there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from whit.runtime.engine.bundle import CGROUPS
from whit.runtime.oci.host import read_oci_host

_BEGINNING = "build-"


def cgroup_name(build: int) -> str:
    """The path of a new cgroup, which tells the process of its build."""
    return f"{CGROUPS}/{_BEGINNING}{build}-{os.urandom(8).hex()}"


def sweep_cgroups() -> None:
    """Remove those of builds that are no more."""
    host = read_oci_host()
    points = [hierarchy.mount for hierarchy in host.hierarchies] + [host.unified]
    for point in filter(None, points):
        for folder in Path(f"{point}{CGROUPS}").glob(f"{_BEGINNING}*"):
            build = folder.name.removeprefix(_BEGINNING).partition("-")[0]
            if not Path(f"/proc/{build}").exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()
