"""The default network of a program that ``whit run`` starts in the foreground: found or made here, joined by the launcher.

So the next start of the same command line needs no Python: it takes its address from the same pool, and gives it back
(runtime/launcher/ops_bridge.c). What it depends on are guards: the network's record, and what the host says of resolvers.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

from whit.packer.showing.console import warn
from whit.packer.support.durable import private_folder, write_whole
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.networks import bridging, folder, nft
from whit.runtime.engine.networks.hosts import HEAD, resolv_conf
from whit.runtime.engine.networks.members import FILE
from whit.runtime.engine.networks.model import DEFAULT
from whit.runtime.engine.networks.neighbours import Neighbours
from whit.runtime.engine.networks.netlink import IncapableError, Netlink, NetlinkError
from whit.runtime.launch import find_launcher
from whit.runtime.mounts import NAMES, Volume
from whit.runtime.options import Bridge, Network, WayOut
from whit.runtime.request import identity_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.engine.networks.model import Network as Made
    from whit.runtime.options import FileIdentity, Guards, RunOptions
    from whit.runtime.request import Request

RESOLVERS = "resolv.conf"
"""In the folder of networks: that of all programs in the foreground."""

_HINT = "without a network it runs with --network none"
_NO_MORE = "--network none asks for that, and says nothing"
_SOURCES = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
_SLIRP, _TUN = "slirp4netns", "/dev/net/tun"
_READY, _WATCHED = 3, 4
"""The descriptors of runtime/launcher/ops_wayout.c."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Options with their place in the network, and what the plan depends on beside what others say.

    ``is_lasting`` is whether it may be kept at all.
    """

    options: RunOptions
    files: tuple[FileIdentity | None, ...] = ()
    absent: tuple[str, ...] = ()
    variables: tuple[tuple[str, str | None], ...] = ()
    is_lasting: bool = True

    def guarded(self, guards: Guards | None) -> Guards | None:
        """The plan's guards with those; None where it isn't to be kept."""
        known = tuple(file for file in self.files if file)
        if guards is None or not self.is_lasting or len(known) < len(self.files):
            return None
        relative = not all(path.startswith("/") for path in self.absent)
        return replace(
            guards,
            files=(*guards.files, *known),
            absent=(*guards.absent, *self.absent),
            environment=(*guards.environment, *self.variables),
            directory=str(Path.cwd()) if relative else guards.directory,
        )


def mounted(request: Request, root: Path) -> Request:
    """The request with what the network will show the program, which its root must have places for. Nothing is made."""
    options = request.options
    if options.network is not Network.BRIDGE:
        return request
    names = {"/etc/hosts": NAMES} if os.geteuid() == 0 else {}
    return replace(request, options=_showing(options, {**names, "/etc/resolv.conf": _resolvers(root)}))


def connected(options: RunOptions, root: Path, *, asked: bool) -> Connected:
    """Options for the default network with all that the launcher must know of it, which is made; others as they are.

    Where this machine can't have networks, the program has none, and a person is told so at each start, unless the network
    was ``asked`` for: then it is an error. Raises :class:`WhitError`.
    """
    if options.network is not Network.BRIDGE:
        return Connected(options)
    sources = [(path, identity_of(path)) for path in _SOURCES]
    try:
        placed, files = _in_bridge(options, root) if os.geteuid() == 0 else _with_way_out(options, root)
    except (IncapableError, NetlinkError) as error:
        if asked or (isinstance(error, NetlinkError) and not error.is_lasting):
            raise LaunchError(f"the network {DEFAULT}: {error.message}", hint=_HINT) from None
        return _alone(options, error)
    absent = tuple(path for path, found in sources if not found)
    return Connected(placed, (*files, *(found for _, found in sources if found)), absent)


def shown(options: RunOptions, root: Path) -> RunOptions:
    """The same for a plan that is only shown: no bridge is made. Raises :class:`WhitError`."""
    if options.network is not Network.BRIDGE or os.geteuid() != 0:
        return connected(options, root, asked=False).options
    with folder.networks_lock(root), Netlink() as netlink:
        network = bridging.recorded(root, netlink, DEFAULT)
    return _joined(options, root, network)


def _alone(options: RunOptions, error: IncapableError | NetlinkError) -> Connected:
    """Without a network, which is said; until what is wanting is there, if it is known what would help."""
    absent, watched = (error.absent, error.watched) if isinstance(error, IncapableError) else ((), ())
    warning = (f"the program has no network: {error.message}", _NO_MORE)
    return Connected(
        replace(options, network=Network.NONE, warning=warning),
        tuple(map(identity_of, watched)),
        tuple(absent),
        (("PATH", os.environ.get("PATH")),),
        is_lasting=bool(absent or watched),
    )


def _in_bridge(options: RunOptions, root: Path) -> tuple[RunOptions, tuple[FileIdentity | None, ...]]:
    """In the network, whose bridge and rules are there; its record's identity."""
    with folder.networks_lock(root), Netlink() as netlink:
        network, _, new = bridging.ready(root, netlink, DEFAULT)
        if not nft.has_table(network.device):
            bridging.write_rules(root, network)
        if new:
            _watch(root, network)
            for warning, hint in bridging.warnings(network):
                warn(warning, hint)
        Neighbours(root).tell_passing(network.name)
        _write_resolvers(root)
        identity = identity_of(str(root / "networks" / network.name / FILE))
    return _joined(options, root, network), (identity,)


def _watch(root: Path, network: Made) -> None:
    """Have the bridge removed when nobody uses it, whatever becomes of this start: a process of the launcher's (bridge_idle.c)."""
    words = [str(find_launcher()), "_watch", _networks(root), network.device, str(bridging.end_number(network.id))]
    os.waitpid(os.posix_spawn(words[0], words, os.environ), 0)


def _joined(options: RunOptions, root: Path, network: Made) -> RunOptions:
    addresses = network.ip_range or network.subnet
    bridge = Bridge(
        networks=_networks(root),
        network=network.name,
        device=network.device,
        mac=bytes.fromhex(network.mac.replace(":", "")),
        number=bridging.end_number(network.id),
        gateway=int(IPv4Address(network.gateway)),
        first=int(addresses.network_address) + 1,
        count=addresses.num_addresses - 2,
        prefix=network.subnet.prefixlen,
        mtu=network.mtu,
        hosts_head=HEAD,
    )
    return _showing(replace(options, bridge=bridge), {"/etc/hosts": NAMES, "/etc/resolv.conf": _resolvers(root)})


def _with_way_out(options: RunOptions, root: Path) -> tuple[RunOptions, tuple[FileIdentity | None, ...]]:
    """Of a user's program, and the identity of what speaks for it."""
    from whit.runtime.engine.networks.rootless import RESOLVER, slirp_words  # noqa: PLC0415 - a user's alone

    places = [f"{place}/{_SLIRP}" for place in os.environ.get("PATH", os.defpath).split(":")]
    program = next((path for path in places if path.startswith("/") and os.access(path, os.X_OK)), None)
    if program is None:
        raise IncapableError(f"{_SLIRP} isn't installed", absent=places)
    if not os.access(_TUN, os.R_OK | os.W_OK):
        raise IncapableError(f"{_SLIRP} can't open {_TUN}", watched=[_TUN])
    private_folder(root)
    (root / "networks").mkdir(mode=0o700, exist_ok=True)
    _write_resolvers(root, RESOLVER)
    way_out = WayOut(program, slirp_words(program, _READY, _WATCHED))
    files = (identity_of(program), identity_of(_TUN))
    return _showing(replace(options, bridge=way_out), {"/etc/resolv.conf": _resolvers(root)}), files


def _networks(root: Path) -> str:
    return str((root / "networks").absolute())


def _resolvers(root: Path) -> str:
    return f"{_networks(root)}/{RESOLVERS}"


def _write_resolvers(root: Path, *servers: str) -> None:
    text = resolv_conf(*map(_read, _SOURCES), servers=servers).encode()
    place = Path(_resolvers(root))
    if not place.is_file() or place.read_bytes() != text:
        write_whole(place, text, private=False)


def _showing(options: RunOptions, files: Mapping[str, str]) -> RunOptions:
    """Files in the container, each with what stands there; not where a person shows the program something else."""
    taken = {mount.target for mount in options.volumes} | {mount.target for mount in options.tmpfs}
    shown = (Volume(source, path, True, False) for path, source in files.items() if path not in taken)
    return replace(options, volumes=(*shown, *options.volumes))


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""
