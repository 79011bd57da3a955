"""Where whit keeps what it has."""

from __future__ import annotations

import os

from whit.packer.support.errors import StoreError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.private import check_private

if TYPE_CHECKING:
    from pathlib import Path


def default_place() -> str:
    """Where the store is: $WHIT_ROOT, else /var/lib/whit for root, else the user's data folder (XDG)."""
    chosen = os.environ.get("WHIT_ROOT")
    if chosen:
        return chosen if chosen.startswith("/") else f"{os.getcwd()}/{chosen}"  # noqa: PTH109 - see private_place
    if os.geteuid() == 0:
        return "/var/lib/whit"
    data = os.environ.get("XDG_DATA_HOME", "")
    home = os.environ.get("HOME", "")
    if data.startswith("/"):
        return f"{data}/whit"
    if home.startswith("/"):
        return f"{home}/.local/share/whit"
    raise StoreError("there is no place for the store: HOME isn't set", hint="set WHIT_ROOT to a folder of your own")


def private_place() -> str:
    """The default one, as text for what has to do without pathlib. Raises :class:`StoreError` if others could change it."""
    return _checked(default_place())


def default_root() -> Path:
    """Where the store is."""
    return _path(default_place())


def private_root(chosen: Path | None = None) -> Path:
    """The store's root, ``chosen`` or the default one. Raises :class:`StoreError` if others could change it."""
    root = chosen or default_root()
    _checked(str(root))
    return root


def _checked(root: str) -> str:
    try:
        check_private(root)
    except FileNotFoundError:
        pass
    except OSError:
        from whit.packer.support.durable import store_errors  # noqa: PLC0415 - for what hardly ever happens

        with store_errors(f"use the store {root}"):
            raise
    return root


def _path(text: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - a listing needs none

    return Path(text)
