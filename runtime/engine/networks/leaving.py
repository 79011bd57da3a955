"""What is removed some time after the last program in the foreground has left a network."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks import bridging, folder, links, orphans
from whit.runtime.engine.networks.netlink import Netlink

if TYPE_CHECKING:
    from pathlib import Path


def remove_idle(root: Path) -> None:
    """Remove bridges that nobody is in, and what killed supervisors have left, also of other stores that are gone.

    Raises :class:`WhitError`.
    """
    if not folder.names(root):
        return
    with Netlink() as netlink:
        with folder.networks_lock(root):
            bridging.remove_unused(root, netlink)
        with bridging.host_lock():
            orphans.remove_orphans(netlink)


def remove_gone(root: Path, device: str, number: int) -> None:
    """Remove a bridge of the store's that nobody is in, if the store doesn't know of it any more. Raises :class:`WhitError`.

    ``number`` is made of its network's ID: it may have become another's.
    """
    mac = mac_of_number(number)
    if any((network.device, network.mac) == (device, mac) for network in folder.every(root)):
        return
    with Netlink() as netlink, bridging.host_lock():
        for link in links.interfaces(netlink):
            if (link.name, link.mac, link.is_master) == (device, mac, False):
                orphans.remove(netlink, device)


def mac_of_number(number: int) -> str:
    """A bridge's MAC address, which is made of the same digits (:attr:`Network.mac`)."""
    digits = f"06{number:013x}"
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
