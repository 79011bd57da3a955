"""Bridges and tables that nobody will remove any more: their store is gone, and whoever was to do it was killed.

A bridge says in its alias (``ip -d link``) for which network it was made: ``whit``, the number of the mount namespace in which
the path that follows means something, and that path, of the network's folder. All under the host's lock, so that none is
just being made.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks import folder, links, nft

if TYPE_CHECKING:
    from whit.runtime.engine.networks.model import Network
    from whit.runtime.engine.networks.netlink import Netlink

_LONGEST = 255
"""As many bytes as an alias has room for (IFALIASZ in linux/if.h)."""


def _here() -> bytes:
    return b"whit %d " % os.stat("/proc/self/ns/mnt").st_ino  # noqa: PTH116 - a fixed path


def mark(root: Path, network: Network) -> bytes:
    """The alias of a network's bridge; empty where the path is too long for one."""
    alias = _here() + os.fsencode(folder.place(root.absolute(), network.name))
    return alias if len(alias) <= _LONGEST else b""


def remove_orphans(netlink: Netlink) -> None:
    """Remove bridges that nobody is in and whose network isn't on disk any more, and tables without a bridge."""
    there = links.interfaces(netlink)
    gone = {link.name for link in there if _is_orphan(link)}
    tables = {name for name in nft.tables() if folder.is_device(name)}
    for name in sorted(gone | tables - {link.name for link in there}):
        with contextlib.suppress(WhitError):
            remove(netlink, name)


def remove(netlink: Netlink, device: str) -> None:
    """Remove a bridge and its table, which goes first: without it nobody takes the bridge for a whole one."""
    nft.remove_table(device)
    links.remove_link(netlink, device)


def _is_orphan(link: links.Interface) -> bool:
    here = _here()
    if not folder.is_device(link.name) or link.is_master or not link.alias.startswith(here):
        return False
    place = Path(os.fsdecode(link.alias[len(here) :]))
    try:
        network = folder.load(place.parent.parent, place.name)
    except NotFoundError:
        return True
    except (WhitError, OSError):
        return False
    return (network.device, network.mac) != (link.name, link.mac)
