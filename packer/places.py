"""Where whit keeps what it has."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from whit.packer import durable
from whit.packer.errors import StoreError


def default_root() -> Path:
    """Where the store is: $WHIT_ROOT, else /var/lib/whit for root, else the user's data folder (XDG)."""
    chosen = os.environ.get("WHIT_ROOT")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/whit")
    data = os.environ.get("XDG_DATA_HOME", "")
    home = os.environ.get("HOME", "")
    if data.startswith("/"):
        return Path(data) / "whit"
    if home.startswith("/"):
        return Path(home) / ".local" / "share" / "whit"
    raise StoreError("there is no place for the store: HOME isn't set", hint="set WHIT_ROOT to a folder of your own")


def private_root(chosen: Path | None = None) -> Path:
    """The store's root, ``chosen`` or the default one. Raises :class:`StoreError` if others could change it."""
    root = chosen or default_root()
    with durable.store_errors(f"use the store {root}"), contextlib.suppress(FileNotFoundError):
        durable.check_private(root)
    return root
