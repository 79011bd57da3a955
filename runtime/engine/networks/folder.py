"""Networks on disk: ``networks/NAME/network.json``, who has which address, and containers' places in them.

Everything is changed under one lock, the file ``networks/lock``; reading needs none.
"""

from __future__ import annotations

import contextlib
import os
import time

from whit.packer.support.durable import locked, private_folder, remove_tree, store_errors, temporary_beside, write_whole
from whit.packer.support.errors import NotFoundError, UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id
from whit.runtime.engine.networks import pool
from whit.runtime.engine.networks.documents import member_document, network_document, parse_network
from whit.runtime.engine.networks.members import FILE, LEASES, read_member
from whit.runtime.engine.networks.model import DEFAULT, PREDEFINED, Endpoint, Network

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from ipaddress import IPv4Network, IPv6Network
    from pathlib import Path

    from whit.runtime.engine.networks.model import Joining, Member, Place

HOSTS = "hosts"
"""A container's hosts file; in a network's folder those of programs in the foreground, by their addresses."""

NAMES = "names"
"""In a network's folder: the lines of all containers in it that are kept."""

FIRST_DEVICE = "whit0"

_ID_BYTES, _DEVICE_DIGITS = 32, 10
_OWN_DEVICE = "whit_"


@contextlib.contextmanager
def networks_lock(root: Path) -> Iterator[None]:
    """Whoever changes something of networks is alone for so long: some milliseconds."""
    folder = root / "networks"
    with contextlib.ExitStack() as held:
        with store_errors("change networks"):
            private_folder(root)
            folder.mkdir(mode=0o700, exist_ok=True)
            held.enter_context(locked(folder / "lock", exclusive=True))
        yield


def own_device(network_id: str) -> str:
    """The name that a network's bridge has unless it is the first default one on this host."""
    return f"{_OWN_DEVICE}{network_id[:_DEVICE_DIGITS]}"


def is_device(name: str) -> bool:
    """Whether a bridge or a table of that name is a network's."""
    digits = name.removeprefix(_OWN_DEVICE)
    return name == FIRST_DEVICE or (
        len(digits) == _DEVICE_DIGITS < len(name) and set(digits) <= set("0123456789abcdef")
    )


def place(root: Path, name: str) -> Path:
    """A network's folder."""
    return root / "networks" / name


def new_id() -> str:
    """A network's ID."""
    return os.urandom(_ID_BYTES).hex()


def predefined_id(root: Path, name: str) -> str:
    """That of a network of whit's own: always the same in one store, another one in another."""
    import hashlib  # noqa: PLC0415 - slow to import, and rarely needed

    return hashlib.blake2s(f"{name} {root.absolute()}".encode()).hexdigest()


def now() -> str:
    """The time as a network's record has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def names(root: Path) -> list[str]:
    """Of all networks that are on disk."""
    try:
        return sorted(entry.name for entry in os.scandir(root / "networks") if entry.is_dir() and entry.name[0] != ".")
    except FileNotFoundError:
        return []


def load(root: Path, name: str) -> Network:
    """A network by its name. Raises :class:`NotFoundError`."""
    record = place(root, name) / FILE
    absent = NotFoundError(f"there is no network {name}", hint="whit network ls lists them")
    if "/" in name:
        raise absent
    try:
        return parse_network(record.read_bytes(), str(record))
    except (FileNotFoundError, NotADirectoryError):
        raise absent from None


def every(root: Path) -> list[Network]:
    """All networks, by name; one that was removed meanwhile isn't there."""
    found = []
    for name in names(root):
        with contextlib.suppress(NotFoundError):
            found.append(load(root, name))
    return found


def save(root: Path, network: Network) -> None:
    """Write a network's record, in a folder that is there with it or not at all."""
    folder = root / "networks" / network.name
    if folder.exists():
        write_whole(folder / FILE, network_document(network))
        return
    new = temporary_beside(folder)
    (new / LEASES).mkdir(parents=True, mode=0o700)
    write_whole(new / FILE, network_document(network))
    new.rename(folder)


def make_default(root: Path, routes: Collection[IPv4Network | IPv6Network]) -> None:
    """The network of containers that name none."""
    subnet = pool.free_subnet([*routes, *(network.subnet for network in every(root))])
    save(root, Network(DEFAULT, predefined_id(root, DEFAULT), FIRST_DEVICE, subnet, pool.first_host(subnet), now()))


def remove(root: Path, network: Network) -> None:
    """Remove a network that nobody uses. Raises :class:`WhitError` naming who does."""
    if network.name in PREDEFINED:
        raise UsageError(f"{network.name} is a network of whit's own, and stays")
    users = sorted({_called(root, user) for user in leases(root, network.name).values()})
    if users:
        raise WhitError(
            f"the network {network.name} is in use by {', '.join(users)}",
            hint=f"whit network disconnect {network.name} {users[0]}, or stop it",
        )
    remove_tree(root / "networks" / network.name)


def called(member: Member) -> str:
    """What people know it as."""
    return member.names[0] if member.names else short_id(member.id)


def _called(root: Path, container: str) -> str:
    member = read_member(root, container)
    return called(member) if member else short_id(container)


def leases(root: Path, name: str) -> dict[str, str]:
    """Who has which address, in the order in which they came."""
    found: list[tuple[int, str, str]] = []
    folder = root / "networks" / name / LEASES
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name, os.readlink(entry.path)))  # noqa: PTH115
    return {address: container for _, address, container in sorted(found)}


def is_leased(root: Path, name: str) -> bool:
    """Whether anybody has an address in a network."""
    with contextlib.suppress(FileNotFoundError), os.scandir(root / "networks" / name / LEASES) as entries:
        return next(entries, None) is not None
    return False


def lease(root: Path, network: Network, container: str, wish: Joining, members: Iterable[Member]) -> Place:
    """Take addresses: those that are wanted, or the first that are free beside its ``members``'. Raises :class:`WhitError`."""
    taken: dict[str, str] = {}
    for member in members:
        endpoint = member.at(network.name)
        if endpoint:
            own = (endpoint.address, endpoint.address6, endpoint.mac)
            taken |= dict.fromkeys(filter(None, own), called(member))
    folder = root / "networks" / network.name / LEASES
    for address in os.listdir(folder):  # noqa: PTH208 - names alone
        if address not in taken:
            with contextlib.suppress(OSError):
                taken[address] = short_id(os.readlink(folder / address))  # noqa: PTH115
    found = pool.place(network, wish, taken)
    (folder / found.address).symlink_to(container)
    return found


def release(root: Path, name: str, container: str) -> bool:
    """Give a container's addresses in a network back; whether it had any."""
    mine: list[str] = []
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(root / "networks" / name / LEASES):
            with contextlib.suppress(OSError):
                if os.readlink(entry.path) == container:  # noqa: PTH115 - of each container in a network
                    mine.append(entry.name)
    for address in mine:
        (root / "networks" / name / HOSTS / address).unlink(missing_ok=True)
        (root / "networks" / name / LEASES / address).unlink(missing_ok=True)
    return bool(mine)


def _record(root: Path, container: str) -> Path:
    return root / "containers" / container / FILE


def write_member(root: Path, member: Member) -> None:
    """Write them. Not flushed to the disk: nothing of it is true any more after the machine's end."""
    place = _record(root, member.id)
    new = temporary_beside(place)
    with store_errors("write the container's places in networks"):
        try:
            new.write_bytes(member_document(member))
            new.replace(place)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def forget_member(root: Path, container: str) -> None:
    """Remove them."""
    _record(root, container).unlink(missing_ok=True)


def members(root: Path, name: str) -> list[tuple[Member, Endpoint]]:
    """The containers in a network, in the order in which they came, each with its place."""
    found = []
    for container in leases(root, name).values():
        member = read_member(root, container)
        endpoint = member.at(name) if member else None
        if member and endpoint:
            found.append((member, endpoint))
    return found


def write_hosts(root: Path, container: str, text: str) -> None:
    """Change a container's hosts file where it is, since it is mounted there: only what differs, so a line more is only added."""
    _change_in_place(f"{root}/containers/{container}/{HOSTS}", text.encode())


def tell_passing(root: Path, network: str, own: int, block: str) -> None:
    """Have programs in the foreground know a network's containers: those that come by its names, those that run below ``own`` lines."""
    folder = root / "networks" / network
    with contextlib.suppress(FileNotFoundError):
        (folder / HOSTS).mkdir(mode=0o700, exist_ok=True)
        _change_in_place(str(folder / NAMES), block.encode())
        for entry in os.scandir(folder / HOSTS):
            with contextlib.suppress(FileNotFoundError), open(entry.path, "rb") as file:  # noqa: PTH123 - it may go just now
                first = b"".join(file.readline() for _ in range(own))
                _change_in_place(entry.path, first + block.encode())


def _change_in_place(place: str, data: bytes) -> None:
    try:
        file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except FileNotFoundError:
        return
    try:
        old = os.pread(file, len(data), 0)
        same = _same(old, data)
        if same < len(data):
            os.pwrite(file, data[same:], same)
        os.ftruncate(file, len(data))
    finally:
        os.close(file)


def _same(one: bytes, other: bytes) -> int:
    """How many bytes of the beginning are the same; by halves, since comparing is quick."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
