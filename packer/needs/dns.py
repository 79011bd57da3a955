"""Host names: ``/etc/resolv.conf`` and ``/etc/hosts`` come from the runtime, ``/etc/nsswitch.conf`` from the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs import ca
from whit.packer.needs.facts import is_glibc, linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "dns"

_GO_RESOLVER = "net.(*Resolver).goLookupIPCNAMEOrder"
_GO_CLIENTS = (
    "net.Dial",
    "net.DialTimeout",
    "net.(*Dialer).Dial",
    "net.LookupHost",
    "net.LookupIP",
    "net.LookupAddr",
    "net.LookupCNAME",
    "net.LookupMX",
    "net.LookupNS",
    "net.LookupSRV",
    "net.LookupTXT",
    "net.(*Resolver).LookupHost",
    *ca.GO_CLIENTS,
)
_GO_LISTENERS = ("net.(*ListenConfig).Listen", "net.(*ListenConfig).ListenPacket", "net.ListenTCP", "net.ListenUDP")
_LIBC = (
    "getaddrinfo",
    "gethostbyname",
    "gethostbyname2",
    "gethostbyaddr",
    "gethostent",
    "getnameinfo",
)
_LIBC_INDIRECT = ("gethostbyname_r", "gethostbyname2_r", "gethostbyaddr_r", "res_query", "res_search")
"""glibc links these for any name service, users and groups too."""

_RESOLVER_FILE = b"/etc/resolv.conf"
_GLIBC_ADDRESSES = b"/etc/gai.conf"


def _judge_go(analysis: Analysis) -> Need:
    resolver = linked(analysis, (_GO_RESOLVER,))
    if not resolver:
        return not_needed(NAME, "no resolver is linked")
    clients, listeners = linked(analysis, _GO_CLIENTS), linked(analysis, _GO_LISTENERS)
    if listeners and not clients:
        reason = "only listens: resolves a name if the address it listens on is one"
        return maybe(NAME, reason, resolver + listeners, Grade.LINKED)
    return needed(NAME, "connects to hosts by name", clients + resolver)


def _judge_native(analysis: Analysis) -> Need:
    if evidence := linked(analysis, _LIBC) + present(analysis, (_GLIBC_ADDRESSES,)):
        return needed(NAME, "resolves host names", evidence)
    shared, path = linked(analysis, _LIBC_INDIRECT), present(analysis, (_RESOLVER_FILE,))
    if is_glibc(analysis):
        if evidence := shared if analysis.functions_known else path:
            return maybe(NAME, "uses glibc's name services, which may be for hosts", evidence)
        return not_needed(NAME, "no function that resolves host names is linked")
    if evidence := shared + path:
        return needed(NAME, "resolves host names", evidence)
    return not_needed(NAME, "doesn't know /etc/resolv.conf")


def judge(analysis: Analysis) -> Need:
    """Whether the program resolves host names."""
    return _judge_go(analysis) if reads_go_names(analysis) else _judge_native(analysis)


RULE = Rule(
    NAME,
    Wanted(
        frozenset((_GO_RESOLVER, *_GO_CLIENTS, *_GO_LISTENERS, *_LIBC, *_LIBC_INDIRECT)),
        frozenset((_RESOLVER_FILE, _GLIBC_ADDRESSES)),
    ),
    judge,
    ("/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf"),
)
