"""What each program of the needs' corpus needs, by what its source does: decided before the rules were asked.

"dlopen", "locale" and "gconv" are needed by what calls dlopen, setlocale and iconv; "dns" by who resolves a host name;
"localtime" by who shows local time, "zones" by who loads a zone by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

GO = ("go",)
C = ("c-glibc", "c-musl")
RUST = ("rust",)
NIM = ("nim", "nim-musl")


@dataclass(frozen=True)
class Known:
    """A program's source, the languages that it is built as, and the needs that it has.

    ``runs``: whether it ends by itself and says the same wherever it runs.
    """

    name: str
    languages: tuple[str, ...]
    needs: frozenset[str]
    runs: bool = True


def _known(languages: tuple[str, ...], name: str, needs: str = "", *, runs: bool = True) -> Known:
    return Known(name, languages, frozenset(needs.split()), runs)


TUNED = (
    _known(GO, "hello"),
    _known(GO, "client", "ca dns", runs=False),
    _known(GO, "server", runs=False),
    _known(GO, "files", "mime", runs=False),
    _known(GO, "temp", "temp", runs=False),
    _known(GO, "users", "users", runs=False),
    _known(GO, "zones", "zones", runs=False),
    _known(GO, "exec", "exec", runs=False),
    _known(GO, "calls", "exec zones", runs=False),
    _known(GO, "needs-certpool", "ca", runs=False),
    _known(GO, "needs-current", "users home", runs=False),
    _known(GO, "needs-dialtcp", "dns", runs=False),
    _known(GO, "needs-dns", "dns", runs=False),
    _known(GO, "needs-groups", "groups"),
    _known(GO, "needs-home", "home"),
    _known(GO, "needs-localtime", "localtime", runs=False),
    _known(GO, "needs-lookupport", "services"),
    _known(GO, "needs-smtp", "ca dns", runs=False),
    _known(GO, "needs-sysexec", "exec", runs=False),
    _known(GO, "needs-syslog", "syslog", runs=False),
    _known(GO, "needs-tempdir", "temp"),
    _known(GO, "needs-tlsclient", "ca", runs=False),
    _known(GO, "needs-tlsdial", "ca dns", runs=False),
    _known(GO, "needs-tlslistener", runs=False),
    _known(GO, "needs-tzembed"),
    _known(GO, "needs-upload", "temp", runs=False),
    _known(GO, "needs-verify", "ca", runs=False),
    _known(C, "hello"),
    _known(C, "needs-dlopen", "dlopen", runs=False),
    _known(C, "needs-dns", "dns"),
    _known(C, "needs-exec", "exec", runs=False),
    _known(C, "needs-groups", "groups"),
    _known(C, "needs-home", "home"),
    _known(("c-glibc",), "needs-iconv", "gconv", runs=False),
    _known(("c-musl",), "needs-iconv", runs=False),
    _known(C, "needs-locale", "locale", runs=False),
    _known(C, "needs-localtime", "localtime", runs=False),
    _known(C, "needs-popen", "exec", runs=False),
    _known(C, "needs-services", "services"),
    _known(("c-glibc",), "needs-protocols", "services"),
    _known(("c-musl",), "needs-protocols"),
    _known(C, "needs-shm", "shm", runs=False),
    _known(C, "needs-spawn", "exec", runs=False),
    _known(C, "needs-syslog", "syslog", runs=False),
    _known(C, "needs-system", "exec", runs=False),
    _known(C, "needs-temp", "temp"),
    _known(C, "needs-tmpfile", "temp", runs=False),
    _known(C, "needs-users", "users"),
    _known(C, "needs-zones", "zones"),
    _known(RUST, "hello"),
    _known(RUST, "needs-ca", "ca"),
    _known(RUST, "needs-dns", "dns"),
    _known(RUST, "needs-exec", "exec"),
    _known(RUST, "needs-home", "home"),
    _known(RUST, "needs-listen"),
    _known(RUST, "needs-temp", "temp"),
    _known(RUST, "needs-users", "users"),
    _known(RUST, "needs-zones", "zones"),
    _known(NIM, "hello"),
    _known(NIM, "needs_dlopen", "dlopen", runs=False),
    _known(NIM, "needs_dns", "dns"),
    _known(NIM, "needs_exec", "exec", runs=False),
    _known(NIM, "needs_home", "home"),
    _known(NIM, "needs_localtime", "localtime"),
    _known(NIM, "needs_mime"),
    _known(NIM, "needs_temp", "temp"),
    _known(NIM, "needs_users", "users"),
)
"""iconv loads files with glibc only: musl converts by itself."""

FRESH = (
    _known(GO, "fresh-webhook", "ca dns"),
    _known(GO, "fresh-spa", "mime", runs=False),
    _known(GO, "fresh-meeting", "zones"),
    _known(GO, "fresh-chown", "users groups"),
    _known(GO, "fresh-thumb", "temp"),
    _known(GO, "fresh-tcpcheck", "dns"),
    _known(GO, "fresh-jsonfmt"),
    _known(GO, "fresh-runner", "exec"),
    _known(C, "fresh-daemon", "users groups"),
    _known(C, "fresh-clock", "localtime"),
    _known(C, "fresh-sort"),
    _known(C, "fresh-mailer", "dns services"),
    _known(C, "fresh-backup", "temp exec"),
    _known(C, "fresh-queue", "shm"),
    _known(C, "fresh-words", "locale"),
    _known(RUST, "fresh-proxy", "dns"),
    _known(RUST, "fresh-config", "home"),
    _known(RUST, "fresh-shell", "exec", runs=False),
    _known(RUST, "fresh-count"),
    _known(RUST, "fresh-scratch", "temp"),
    _known(NIM, "fresh_report", "localtime"),
    _known(NIM, "fresh_fetch", "dns"),
    _known(NIM, "fresh_tool", "exec"),
    _known(NIM, "fresh_calc"),
)
"""Written after the rules were frozen, and never used to change them."""
