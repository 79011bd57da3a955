"""Where what was made for WebAssembly is kept: engines and compiled code, a user's own.

``$WHIT_CACHE``, else /var/cache/whit for root, else ``$XDG_CACHE_HOME/whit``, else ~/.cache/whit. Only its owner can write what
is executed from there. Not in the store: whit-oci, that engines start, runs WebAssembly from it too.
"""

from __future__ import annotations

import os
from pathlib import Path

ALL_USERS = ["0", "0", "4294967295"]
"""The uid_map of whoever isn't in a user namespace."""


def cache_root() -> Path:
    """The folder, which may not be there yet."""
    own = os.environ.get("WHIT_CACHE")
    if own:
        return Path(own)
    if os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ALL_USERS:
        return Path("/var/cache/whit")
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if base.startswith("/") else Path.home() / ".cache") / "whit"
