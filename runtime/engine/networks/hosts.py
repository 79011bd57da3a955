"""What a container's /etc/hosts and /etc/resolv.conf hold. Pure."""

from __future__ import annotations

from ipaddress import ip_address

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from whit.runtime.engine.networks.model import Endpoint, Member

HOST_GATEWAY = "host-gateway"
"""Stands for the host's address in the container's first network."""

_ALWAYS = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
)
_KEPT = ("domain", "options", "sortlist", "search")


HEAD = "\n".join(_ALWAYS) + "\n"
"""What every hosts file begins with."""


def hosts_file(member: Member, networks: Iterable[str] = (), gateway: str = "") -> str:
    """A container's hosts file; ``networks`` are the lines of all containers of each of its networks.

    Who joins later stands further below, so that files of those who stay only grow at their end.
    """
    lines = list(_ALWAYS)
    for name, address in member.hosts:
        real = gateway if address == HOST_GATEWAY else address
        if real:
            lines.append(f"{real}\t{name}")
    own = [member.hostname, *member.names, short_id(member.id)]
    if not member.endpoints and member.hostname:
        lines.append(f"127.0.1.1\t{_joined(own)}")
    text = "\n".join(lines) + "\n"
    text += "".join(_lines(endpoint, [*own, *endpoint.aliases]) for endpoint in member.endpoints)
    for block, endpoint in zip(networks, member.endpoints, strict=False):
        text += block.replace(peer_lines(member, endpoint), "", 1)
    return text


def peer_lines(member: Member, endpoint: Endpoint) -> str:
    """What others in a network have of a container."""
    return _lines(endpoint, [*member.names, *endpoint.aliases, short_id(member.id)])


def _lines(endpoint: Endpoint, names: Iterable[str]) -> str:
    joined = _joined(names)
    six = f"{endpoint.address6}\t{joined}\n" if endpoint.address6 else ""
    return f"{endpoint.address}\t{joined}\n{six}"


def _joined(names: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(names))


def parse_add_host(text: str) -> tuple[str, str]:
    """``NAME:ADDRESS`` or ``NAME=ADDRESS`` of ``--add-host``. Raises :class:`UsageError`."""
    at = min((at for at in (text.find(":"), text.find("=")) if at > 0), default=-1)
    name, address = text[: max(at, 0)], text[at + 1 :]
    if at < 0 or not is_host_name(name):
        raise UsageError(f"--add-host: '{text}' is not NAME:ADDRESS", hint="as in --add-host db:10.0.0.5")
    if address == HOST_GATEWAY:
        return name, address
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    try:
        return name, str(ip_address(bare))
    except ValueError:
        raise UsageError(f"--add-host {text}: '{address}' is not an address", hint=f"or {HOST_GATEWAY}") from None


def parse_server(text: str) -> str:
    """An address of ``--dns``, in its usual form. Raises :class:`UsageError`."""
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise UsageError(f"--dns: '{text}' is not an address", hint="as in --dns 192.0.2.53") from None


def is_host_name(name: str) -> bool:
    """Whether a line of a hosts file can hold it as one name."""
    return bool(name) and all(char.isalnum() or char in "-_." for char in name) and name.isascii()


def check_host_name(name: str) -> str:
    """A name that a container can have in a network. Raises :class:`UsageError`."""
    if not is_host_name(name):
        raise UsageError(f"'{name}' can't be a host's name", hint="letters, digits, and - _ .")
    return name


def resolv_conf(
    host: str,
    behind_stub: str = "",
    *,
    servers: Sequence[str] = (),
    search: Sequence[str] = (),
    options: Sequence[str] = (),
) -> str:
    """A container's resolv.conf: the host's, with what a person gave in its place.

    A resolver at 127.x or ::1 is the host's own, which a container can't reach: ``behind_stub``, systemd-resolved's list
    of the real ones, is taken then. If nothing is left no server is named: what the container can't reach it needn't try.
    """
    source = host
    if not servers and not _servers(host) and _servers(behind_stub):
        source = behind_stub
    named = list(servers) or _servers(source)
    lines = [f"nameserver {server}" for server in named]
    kept = [line.split() for line in source.splitlines()]
    kept = [words for words in kept if len(words) > 1 and words[0] in _KEPT]
    if search:
        kept = [words for words in kept if words[0] not in {"search", "domain"}]
        lines += [f"search {' '.join(search)}"] if list(search) != ["."] else []
    if options:
        kept = [words for words in kept if words[0] != "options"]
        lines.append(f"options {' '.join(options)}")
    return "".join(f"{line}\n" for line in [*lines, *(" ".join(words) for words in kept)])


def _servers(text: str) -> list[str]:
    """The resolvers that are not the host's own loopback."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                loopback = ip_address(words[1].partition("%")[0]).is_loopback
            except ValueError:
                continue
            if not loopback:
                found.append(words[1])
    return found
