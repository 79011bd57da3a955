"""Who is in which network, read once for all that one command does, and what each of them is told of the others."""

from __future__ import annotations

import contextlib

from whit.packer.support.errors import NotFoundError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.networks import folder
from whit.runtime.engine.networks.hosts import HEAD, HOST_GATEWAY, hosts_file, peer_lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from whit.runtime.engine.networks.model import Endpoint, Member


_OWN_LINES = HEAD.count("\n") + 1
"""Of the hosts file of a program in the foreground: what all have, and itself."""


class Neighbours:
    """The members of networks as they are when they are first asked for; under the lock they stay so."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._members: dict[str, list[tuple[Member, Endpoint]]] = {}
        self._lines: dict[str, str] = {}

    def of(self, network: str) -> list[Member]:
        """The containers in a network, in the order in which they came."""
        if network not in self._members:
            self._members[network] = folder.members(self._root, network)
        return [member for member, _ in self._members[network]]

    def joined(self, member: Member) -> None:
        """A container has come into networks whose members were read before that."""
        for endpoint in member.endpoints:
            if endpoint.network in self._members:
                self._members[endpoint.network].append((member, endpoint))

    def around(self, member: Member) -> list[Member]:
        """All that share a network with a container, itself among them."""
        found = {member.id: member}
        for endpoint in member.endpoints:
            found |= {peer.id: peer for peer in self.of(endpoint.network)}
        return list(found.values())

    def write_hosts(self, members: Iterable[Member]) -> None:
        """Have each of them know its neighbours; programs in the foreground of their networks too."""
        told: dict[str, None] = {}
        for member in members:
            told |= dict.fromkeys(endpoint.network for endpoint in member.endpoints)
            networks = [self._block(endpoint.network) for endpoint in member.endpoints]
            folder.write_hosts(self._root, member.id, hosts_file(member, networks, self._gateway(member)))
        for network in told:
            self.tell_passing(network)

    def tell_passing(self, network: str) -> None:
        """Have programs in the foreground know who is in a network."""
        folder.tell_passing(self._root, network, _OWN_LINES, self._block(network))

    def _block(self, network: str) -> str:
        """The lines of all in a network."""
        if network not in self._lines:
            self.of(network)
            self._lines[network] = "".join(peer_lines(member, place) for member, place in self._members[network])
        return self._lines[network]

    def _gateway(self, member: Member) -> str:
        """The host's address for ``host-gateway``."""
        if any(address == HOST_GATEWAY for _, address in member.hosts) and member.endpoints:
            with contextlib.suppress(NotFoundError):
                return folder.load(self._root, member.endpoints[0].network).gateway
        return ""
