"""What the objects of a process take from each other, as far as rules ask: who can look users up, resolve names … Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.resolution.model import Imports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.packer.closure.model import Loaded

_OWN_PARTS = (
    *("libc.so", "ld-linux", "ld64.so", "ld-musl", "libpthread.so", "libm.so", "libdl.so", "librt.so", "libresolv.so"),
    *("libnss_", "libutil.so", "libanl.so", "libmvec.so", "libthread_db.so", "libBrokenLocale.so", "libnsl.so"),
)
"""A C library's own parts, which call each other for reasons of their own."""


UNWINDS = ("pthread_cancel", "pthread_exit", "backtrace", "thrd_exit")
HOSTS = ("getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname2", "gethostbyaddr", "gethostbyname_r")
ACCOUNTS = (
    *("getpwnam", "getpwuid", "getpwent", "getpwnam_r", "getpwuid_r", "getgrnam", "getgrgid", "getgrent"),
    *("getgrnam_r", "getgrgid_r", "getgrouplist", "initgroups", "getspnam", "getservbyname", "getservbyport"),
    *("getservbyname_r", "getprotobyname", "getnetbyname", "getlogin"),
)

LOCAL_TIME = ("localtime", "localtime_r", "mktime", "tzset", "__localtime64", "__localtime64_r", "__mktime64")
TERMINALS = ("setupterm", "tgetent", "initscr", "newterm")

ASKED = frozenset(
    (*UNWINDS, *HOSTS, *ACCOUNTS, *LOCAL_TIME, *TERMINALS, "iconv_open", "dlopen", "setlocale", "newlocale")
)
"""What is asked of objects besides what the rules ask."""


def imports_of(loaded: Sequence[Loaded]) -> Imports:
    """What is imported, of all objects but the C library's own parts; the first is the executable."""
    libraries: dict[str, list[str]] = {}
    for item in loaded[1:]:
        if not is_c_library(item):
            for name in item.facts.imports:
                libraries.setdefault(name, []).append(item.title)
    return Imports(loaded[0].facts.imports, {name: tuple(titles) for name, titles in libraries.items()})


def is_c_library(item: Loaded) -> bool:
    """Whether an object is a part of the C library."""
    return item.title.rpartition("/")[2].startswith(_OWN_PARTS)
