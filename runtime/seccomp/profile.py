"""The filter that every container gets: what is allowed, what is refused, and how capabilities widen it.

The lists of names are in ``calls.py``, the conditions on arguments here. Three answers besides yes:

- ENOSYS for calls that a kernel can lack: new or configurable ones. Programs must cope with that already and fall
  back, which many don't on EPERM. Numbers without a name (of kernels newer than the tables) get it too, as the
  filter's default, so that a new kernel adds nothing to what a container can reach.
- EPERM for calls that every kernel has and that need a privilege: the kernel's own answer.
- EAFNOSUPPORT, ESOCKTNOSUPPORT and EPROTONOSUPPORT for sockets: the kernel's own answers when a family, type or
  protocol is not built in. Without this, asking for one loads its module.

The kernel reads many arguments as 32 bits and ignores the rest; conditions that refuse compare just these bits.
"""

from __future__ import annotations

from whit.runtime.seccomp.architecture import architecture_of
from whit.runtime.seccomp.calls import (
    ALLOWED,
    GRANTED,
    REFUSED_ABSENT,
    REFUSED_PRIVILEGED,
)
from whit.runtime.seccomp.model import (
    ALLOW,
    EAFNOSUPPORT,
    ENOSYS,
    EPERM,
    EPROTONOSUPPORT,
    ESOCKTNOSUPPORT,
    Action,
    Condition,
    Filter,
    Operator,
    Rule,
    errno,
)

INT = 0xFFFF_FFFF
"""The bits of an argument that the kernel reads as ``int``."""

# clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET; NEWTIME is no flag of clone.
NEW_NAMESPACES = 0x7E02_0000

# mknod(2): of the file types only character (0x2000) and block devices (0x6000), and symbolic links, have this bit.
DEVICE_TYPE = 0x2000

SOCKETS = ("socket", "socketpair")
AF_UNIX, AF_NETLINK, AF_PACKET = 1, 16, 17
AF_INET_OR_INET6 = (2, INT & ~8)  # 2 and 10: value, and mask without the bit in which they differ
NETLINK_ROUTE, NETLINK_AUDIT = 0, 9
SOCK_DCCP = 6
SOCK_TYPE_MASK = 0xF
IP_PROTOCOLS = (0, 1, 6, 17, 58, 262)  # by type, ICMP, TCP, UDP, ICMPv6, MPTCP

# Terminal ioctls that reach beyond the container: typed-in input, the console's selection, the console's output,
# and line disciplines, whose kernel modules are loaded on demand.
REFUSED_IOCTLS = (0x5412, 0x541C, 0x541D, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD

# personality(2): PER_LINUX, PER_LINUX32, and the question which one is set.
PERSONALITIES = (0x0, 0x8, 0xFFFF_FFFF)


def _equals(index: int, value: int, mask: int = INT) -> Condition:
    return Condition(index, Operator.MASKED_EQ, value, mask)


def _any_of(names: tuple[str, ...], index: int, values: tuple[int, ...], action: Action) -> tuple[Rule, ...]:
    return tuple(Rule(names, action, (_equals(index, value),)) for value in values)


def _netlink_conditions(capabilities: frozenset[str]) -> tuple[tuple[Condition, ...], ...]:
    """Conditions, each enough alone, on which a netlink socket is allowed."""
    family = _equals(0, AF_NETLINK)
    if "CAP_NET_ADMIN" in capabilities:
        return ((family,),)
    audits = capabilities & {"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ"}
    protocols = (NETLINK_ROUTE, NETLINK_AUDIT) if audits else (NETLINK_ROUTE,)
    return tuple((family, _equals(2, protocol)) for protocol in protocols)


def _ip_rules(capabilities: frozenset[str]) -> tuple[Rule, ...]:
    """TCP, UDP and ping over IPv4 and IPv6; any protocol, and packets below IP, for who may make raw sockets."""
    family = _equals(0, *AF_INET_OR_INET6)
    if "CAP_NET_RAW" in capabilities:
        return (Rule(SOCKETS, ALLOW, (family,)), Rule(SOCKETS, ALLOW, (_equals(0, AF_PACKET),)))
    return (
        Rule(SOCKETS, errno(ESOCKTNOSUPPORT), (family, _equals(1, SOCK_DCCP, SOCK_TYPE_MASK))),
        *(Rule(SOCKETS, ALLOW, (family, _equals(2, protocol))) for protocol in IP_PROTOCOLS),
        Rule(SOCKETS, errno(EPROTONOSUPPORT), (family,)),
    )


def _socket_rules(capabilities: frozenset[str]) -> tuple[Rule, ...]:
    """The families of a server: local, IP, and netlink for addresses and routes."""
    return (
        Rule(SOCKETS, ALLOW, (_equals(0, AF_UNIX),)),
        *_ip_rules(capabilities),
        *(Rule(SOCKETS, ALLOW, conditions) for conditions in _netlink_conditions(capabilities)),
        Rule(SOCKETS, errno(EAFNOSUPPORT)),
    )


def _argument_rules(architecture: str, capabilities: frozenset[str]) -> tuple[Rule, ...]:
    flags = 1 if architecture == "s390x" else 0  # clone(2): there the stack comes first
    return (
        Rule(("clone",), ALLOW, (Condition(flags, Operator.MASKED_EQ, 0, NEW_NAMESPACES),)),
        Rule(("mknod",), ALLOW, (Condition(1, Operator.MASKED_EQ, 0, DEVICE_TYPE),)),
        Rule(("mknodat",), ALLOW, (Condition(2, Operator.MASKED_EQ, 0, DEVICE_TYPE),)),
        *_any_of(("ioctl",), 1, REFUSED_IOCTLS, errno(EPERM)),
        Rule(("ioctl",), ALLOW),
        *_any_of(("personality",), 0, PERSONALITIES, ALLOW),
        *_socket_rules(capabilities),
    )


def default_filter(architecture: str, capabilities: frozenset[str] = frozenset()) -> Filter:
    """The filter that whit gives programs of ``architecture``, an OCI platform word (``amd64``).

    ``capabilities`` are those that the person added, as ``CAP_SYS_PTRACE``; each brings the calls that are of no use
    without it (:data:`calls.GRANTED`). Names that are no capability change nothing.
    Raises :class:`UnsupportedError` for an architecture without a table of calls.
    """
    architecture_of(architecture)
    granted = tuple(Rule(names, ALLOW) for capability, names in GRANTED.items() if capability in capabilities)
    rules = (
        *granted,
        *(Rule(names, ALLOW) for names in ALLOWED.values()),
        *_argument_rules(architecture, capabilities),
        *(Rule(names, errno(EPERM)) for names in REFUSED_PRIVILEGED.values()),
        *(Rule(names, errno(ENOSYS)) for names in REFUSED_ABSENT.values()),
    )
    return Filter(errno(ENOSYS), (architecture,), rules)
