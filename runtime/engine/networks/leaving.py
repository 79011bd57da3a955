"""What is removed some time after the last program in the foreground has left a network."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks import bridging, folder, links, nft
from whit.runtime.engine.networks.netlink import Netlink

if TYPE_CHECKING:
    from pathlib import Path


def remove_idle(root: Path) -> None:
    """Remove bridges that nobody is in, and what killed supervisors have left. Raises :class:`WhitError`."""
    if folder.names(root):
        with folder.networks_lock(root), Netlink() as netlink:
            bridging.remove_unused(root, netlink)


def remove_gone(device: str, number: str) -> None:
    """Remove the bridge of a store that isn't there any more, unless it has become another's. Raises :class:`WhitError`."""
    with Netlink() as netlink, bridging.host_lock():
        bridge = links.find_link(netlink, device)
        if bridge and bridge.mac == bridging.mac_of_number(int(number)):
            nft.remove_table(device)
            links.remove_link(netlink, device)
