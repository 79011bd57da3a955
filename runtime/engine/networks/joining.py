"""``--network`` and what goes with it → the networks that a container is to be in. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from whit.packer.support.errors import UsageError, WhitError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.runtime.engine.model import has_networks
from whit.runtime.engine.networks.hosts import check_host_name
from whit.runtime.engine.networks.model import DEFAULT, INTERFACE, Joining

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALSO = "default"
"""Docker's other name for the network of containers that name none."""

_FIELDS = ("ip", "ip6", "mac-address")
_KNOWN = "name=NETWORK, and alias=, ip=, ip6=, mac-address=, gw-priority=, driver-opt="
_LONGEST_INTERFACE = 15
_INTERFACE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_NO_INTERFACES = frozenset({".", "..", "lo", "all", "default"})
"""What the kernel calls something else, or all of them."""

_DIGITS = 9
_OCTETS = 6


NO_LINK_LOCAL = (
    "a container has one address of each kind in a network, and none of the link alone (docker's link-local-ip)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The words: each ``--network``, and what is meant for the first of them."""

    networks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    address: str | None = None
    address6: str | None = None
    mac: str | None = None


def parse_networks(asked: Asked) -> tuple[str, tuple[Joining, ...]]:
    """(what ``NetworkMode`` is: the first network, or ``none``, ``host``, ``container:NAME``; the networks). Raises :class:`UsageError`."""
    parsed = [_parsed(text) for text in asked.networks] or [(Joining(), 0)]
    wanted, priorities = [wish for wish, _ in parsed], [priority for _, priority in parsed]
    first = _with_first(wanted[0], asked)
    special = [wish.network for wish in wanted if not has_networks(wish.network)]
    if special and len(wanted) > 1:
        raise UsageError(
            f"--network {special[0]} goes with no other network",
            hint="leave it out, or the others; a container can be in several of whit's: bridge, and those of whit network create",
        )
    if special:
        if first != Joining(first.network) or any(priorities):
            raise UsageError(
                f"--network {special[0]}: names and addresses are given in networks of whit's only",
                hint="leave out --network-alias, --ip, --ip6 and --mac-address",
            )
        return special[0], ()
    wishes = (first, *wanted[1:])
    check_once(wishes)
    # It goes out by the first one.
    order = sorted(range(len(wishes)), key=lambda at: -priorities[at])
    return wishes[order[0]].network, tuple(checked(wishes[at]) for at in order)


def check_once(wishes: Sequence[Joining]) -> None:
    """Raises :class:`UsageError` for a network that is there twice."""
    names = [wish.network for wish in wishes]
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise UsageError(f"--network {twice} is given twice", hint="a container is in a network once")
    called = [wish.interface for wish in wishes if wish.interface]
    twice = next((name for at, name in enumerate(called) if name in called[:at]), None)
    if twice is not None:
        raise UsageError(f"two interfaces can't both be called {twice}", hint="give one of them another name")


def _parsed(text: str) -> tuple[Joining, int]:
    """``NETWORK``, or ``name=NETWORK,alias=NAME,ip=ADDRESS,…``, docker's long form; with its priority as the way out."""
    if "=" not in text:
        return Joining(_named(text)), 0
    name, aliases, own, priority = "", [], dict[str, str | None](), 0
    for field in text.split(","):
        key, _, value = (part.strip() for part in field.partition("="))
        key = key.lower()
        if key == "name":
            name = _named(value)
        elif key == "alias":
            aliases.append(value)
        elif key == "gw-priority":
            priority = _priority(text, field, value)
        elif key == "driver-opt":
            own["interface"] = interface_of([value])
        elif key == "link-local-ip":
            raise UsageError(f"--network {text}: {NO_LINK_LOCAL}", hint="leave it out; ip= and ip6= choose addresses")
        elif key in _FIELDS and value:
            own[key] = value
        else:
            raise UsageError(f"--network {text}: '{field}' is none of its options", hint=_KNOWN)
    if not name:
        raise UsageError(f"--network {text} names no network", hint=_KNOWN)
    wish = Joining(name, tuple(aliases), own.get("ip"), own.get("ip6"), own.get("mac-address"), own.get("interface"))
    return wish, priority


def interface_of(options: Sequence[str]) -> str | None:
    """The interface's name that docker's ``--driver-opt NAME=VALUE`` ask for. Raises :class:`UsageError` for others."""
    name = None
    for option in options:
        key, _, value = option.partition("=")
        if key != INTERFACE or not value:
            raise UsageError(
                f"--driver-opt {option}: networks of whit's have no such option",
                hint=f"there is {INTERFACE}=NAME; kernel parameters are set by --sysctl",
            )
        name = value
    return name


def _priority(text: str, field: str, value: str) -> int:
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise UsageError(f"--network {text}: '{field}' is no number", hint="the greatest is the way out; 0 is usual")
    return int(value)


def _named(name: str) -> str:
    if not name or "/" in name:
        raise UsageError(f"--network: '{name}' is no network's name", hint="whit network ls lists them")
    return DEFAULT if name == _ALSO else name


def _with_first(wish: Joining, asked: Asked) -> Joining:
    """What stands in options of its own is meant for the first network, and is said once."""
    for option, own, other in (
        ("--network-alias", wish.aliases, asked.aliases),
        ("--ip", wish.address, asked.address),
        ("--ip6", wish.address6, asked.address6),
        ("--mac-address", wish.mac, asked.mac),
    ):
        if own and other:
            raise UsageError(f"{option}: --network {wish.network} has one already", hint="leave one of them out")
    return replace(
        wish,
        aliases=wish.aliases or asked.aliases,
        address=asked.address if wish.address is None else wish.address,
        address6=asked.address6 if wish.address6 is None else wish.address6,
        mac=asked.mac if wish.mac is None else wish.mac,
    )


def checked(wish: Joining) -> Joining:
    """With names that can be, and addresses in their usual form. Raises :class:`UsageError`."""
    try:
        return Joining(
            wish.network,
            tuple(map(check_host_name, wish.aliases)),
            None if wish.address is None else _address(wish.address),
            None if wish.address6 is None else _address6(wish.address6),
            None if wish.mac is None else _mac(wish.mac),
            None if wish.interface is None else _interface(wish.interface),
        )
    except WhitError as error:
        raise UsageError(f"network {wish.network}: {error.message}", hint=error.hint) from None


def _interface(name: str) -> str:
    if len(name) > _LONGEST_INTERFACE or name in _NO_INTERFACES or not name or not set(name) <= _INTERFACE_LETTERS:
        raise UsageError(f"'{name}' can't be an interface's name", hint="up to 15 letters, digits, and _ - .")
    return name


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise UsageError(
            f"'{text}' is not an IPv4 address", hint="as --ip 10.99.0.5; --ip6 takes one of IPv6"
        ) from None


def _address6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise UsageError(f"'{text}' is not an IPv6 address", hint="as --ip6 fd00::5; --ip takes one of IPv4") from None
    if address.scope_id or address.ipv4_mapped:
        raise UsageError(f"'{text}' is not an address of a network", hint="as --ip6 fd00::5")
    return str(address)


def _mac(text: str) -> str:
    pairs = text.lower().replace("-", ":").split(":")
    if len(pairs) != _OCTETS or not all(len(pair) == 2 and set(pair) <= set("0123456789abcdef") for pair in pairs):  # noqa: PLR2004 - digits
        raise UsageError(f"'{text}' is not a MAC address", hint="six pairs of hexadecimal digits: 02:42:ac:11:00:02")
    if int(pairs[0], 16) & 1 or set(pairs) == {"00"}:
        raise UsageError(
            f"{text} is not the MAC address of one interface", hint="the first pair is even: 02:42:ac:11:00:02"
        )
    return ":".join(pairs)
