"""Paths that mean something to whit: which need a path belongs to, and which are asked for in vain everywhere. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from whit.packer.needs import RULES
from whit.packer.resolution.choices import GIVEN

_MORE_PLACES: tuple[tuple[str, str], ...] = (
    ("zones", r"/usr/(lib|share/lib)/zoneinfo(/.*)?|/etc/zoneinfo(/.*)?|.*/lib/time/zoneinfo\.zip"),
    ("ca", r"/usr/(lib|local)/ssl(/cert(s(/.*)?|\.pem))?|/system/etc/security/.*"),
    ("users", r"/etc/login\.defs|/run/systemd/userdb(/.*)?"),
    ("services", r"/etc/protocols"),
    ("temp", r"/var/tmp(/.*)?"),  # noqa: S108 - a path in the container
    ("syslog", r"/run/systemd/journal/(dev-log|socket|stdout)"),
    ("gconv", r"/usr/(lib|lib64|lib/[^/]+)/gconv(/.*)?"),
    ("term", r".*/\.terminfo(/.*)?|/etc/termcap"),
    ("dlopen", r".*/[^/]+\.so(\.[0-9][^/]*)?"),
)
"""(need, what its paths look like) beyond the places that the rules themselves know (packer/needs)."""

_COMPILED = tuple((need, re.compile(pattern)) for need, pattern in _MORE_PLACES)
_PLACES = tuple((place, rule.name) for rule in RULES for place in rule.places if rule.name != "exec")

_PROBES = re.compile(
    r"/etc/ld\.so\.(preload|cache)|/etc/ld-musl-[^/]+\.path|/etc/(suid-debug|aliases)|/(var/)?run/nscd(/.*)?|/var/db/nscd(/.*)?"
    r"|/usr/lib/locale/(locale-archive|C\.(utf8|UTF-8)(/.*)?)|/usr/share/locale(-langpack)?(/.*)?"
    r"|/usr/(lib|lib64|lib/[^/]+)/gconv/gconv-modules(\.cache|\.d(/.*)?)?|.*/glibc-hwcaps(/.*)?|/etc/(gai|host)\.conf"
    r"|/usr/lib/debug(/.*)?|/etc/gnutls/.*|/dev/(tty|console|tty[0-9]+)|/etc/(selinux|fstab|mtab)(/.*)?|/selinux(/.*)?"
    r"|/etc/system-fips|(/etc|/usr/lib|/usr/local)/ssl(/openssl\.cnf)?|/etc/busybox\.conf"
)
"""What C libraries and their like look for in passing. They do without, and nothing is lost."""

_KERNELS = re.compile(
    r"/(proc|sys)(/.*)?|/dev(/(null|zero|full|u?random|pts(/.*)?|ptmx|tty|console|fd(/.*)?|std(in|out|err)))?"
)


@dataclass(frozen=True, slots=True)
class Cure:
    """What brings what is missing: ``options`` of ``whit pack``; else ``text`` for a person."""

    options: tuple[str, ...] = ()
    text: str = ""


NO_CURE = Cure()

OTHERWISE = {
    "localtime": Cure(
        text="without it, times are in UTC: set TZ and pack with --needs +zones, or mount the file with -v"
    ),
    "syslog": Cure(text="there is no system log in a container: log to standard error, or mount /dev/log with -v"),
    "shm": Cure(text="the runtime gives /dev/shm"),
    "dns": Cure(text="the runtime gives it: whit run --network host"),
}
"""What helps with needs, or with paths, that no file of whit's serves."""

SHARED = frozenset(("/etc/nsswitch.conf",))
"""What several needs read, so that it shows none of them."""

OF_THE_RUNTIME = frozenset(("/etc/hosts", "/etc/resolv.conf"))


@lru_cache(maxsize=1 << 14)
def family(path: str) -> str | None:
    """The need that a path belongs to."""
    for place, need in _PLACES:
        if path == place.rstrip("/") or (place.endswith("/") and path.startswith(place)):
            return need
    return next((need for need, pattern in _COMPILED if pattern.fullmatch(path)), None)


def is_probe(path: str) -> bool:
    """Whether programs look for it in passing and do without it."""
    return _PROBES.fullmatch(path) is not None


def is_kernels(path: str) -> bool:
    """Whether it is the kernel's or the runtime's to give: no image holds it."""
    return _KERNELS.fullmatch(path) is not None


def cure_of(need: str | None, path: str) -> Cure | None:
    """What brings a path, as far as its need tells."""
    if path in OF_THE_RUNTIME:
        return OTHERWISE["dns"]
    if need in GIVEN and path not in ("/etc/shadow", "/etc/gshadow"):
        return Cure(("--needs", f"+{need}"))
    return OTHERWISE.get(need or "")
