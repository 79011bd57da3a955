"""Whether the engine's kernel has IP_VS, as far as that can be told: of an engine on this machine alone."""

from __future__ import annotations

import os
from pathlib import Path

_MODULE = "ip_vs"


def has_ipvs(host: str) -> bool:
    """False only where the engine is on this machine, and its kernel has no IP_VS, nor a module of it."""
    if not host.startswith("unix://"):
        return True
    if Path("/proc/net/ip_vs").exists():
        return True
    folder = Path("/lib/modules") / os.uname().release
    for name in ("modules.dep", "modules.builtin"):
        try:
            text = (folder / name).read_text(errors="replace")
        except OSError:
            continue
        if any(f"/{_MODULE}.ko" in line.partition(":")[0] for line in text.splitlines()):
            return True
    return False
