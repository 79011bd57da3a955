"""Names of ports and protocols: asked when an address says ``:imap`` instead of ``:143``, a socket ``icmp``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Libc, Wanted
from whit.packer.needs.facts import linked, maybe, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "services"

_GO_READS = "net.readServices"
_GO_ASKS = ("net.LookupPort",)
_LIBC_ASKS = ("getservbyname", "getservbyport", "getservent")
_LIBC_INDIRECT = ("getservbyname_r", "getservbyport_r", "__nss_services_lookup2", "getaddrinfo", "__lookup_serv")
"""What getaddrinfo and getnameinfo bring with them."""
_FILE = b"/etc/services"
_GLIBC_READER = "_nss_files_getservbyname_r"
"""It is linked for any of glibc's name services, with the path."""
_PROTOCOLS = ("getprotobyname", "getprotobynumber", "getprotoent", "getprotobyname_r", "getprotobynumber_r")
_PROTOCOLS_FILE = b"/etc/protocols"
"""musl has the names of protocols inside, and so has Go, but for rare ones."""


def asks_protocols(analysis: Analysis) -> bool:
    """Whether it looks up IP protocols (``icmp``) by name, in ``/etc/protocols``."""
    if reads_go_names(analysis) or analysis.libc is Libc.MUSL:
        return False
    return not analysis.functions.isdisjoint(_PROTOCOLS) or (
        analysis.has_string(_PROTOCOLS_FILE) and not analysis.functions_known
    )


def judge(analysis: Analysis) -> Need:
    """Whether the program turns names of services into ports."""
    go = reads_go_names(analysis)
    if asks := linked(analysis, _GO_ASKS if go else _LIBC_ASKS):
        return needed(NAME, "looks up ports by their services' names", asks)
    if asks_protocols(analysis) and (asks := linked(analysis, _PROTOCOLS)):
        return needed(NAME, "looks up protocols by their names", asks)
    if indirect := linked(analysis, (_GO_READS,) if go else _LIBC_INDIRECT):
        return maybe(NAME, "reads it if an address has a service's name for its port", indirect, Grade.LINKED)
    path = () if go or linked(analysis, (_GLIBC_READER,)) else present(analysis, (_FILE,))
    if not path:
        return not_needed(NAME, "no code of its own that looks up services was found")
    return maybe(NAME, "reads it if an address has a service's name for its port", path, Grade.LINKED)


RULE = Rule(
    NAME,
    Wanted(
        frozenset((_GO_READS, *_GO_ASKS, *_LIBC_ASKS, *_LIBC_INDIRECT, *_PROTOCOLS, _GLIBC_READER)),
        frozenset((_FILE, _PROTOCOLS_FILE)),
    ),
    judge,
    ("/etc/services", "/etc/protocols"),
)
