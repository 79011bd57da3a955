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
class Scene:
    """How a program is run: arguments and variables anywhere, ``options`` of whit run, and what a client asks of it.

    ``given`` are files that a person adds to the image, (here, there), and that the full system has there too: a path,
    or the name of a program of ours. ``ask`` is a name of :data:`tests.corpus.peers.CLIENTS`, port and path.
    """

    arguments: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    ask: tuple[str, int, str] | None = None


@dataclass(frozen=True)
class Known:
    """A program's source, the languages that it is built as, the needs that it has, and how to run it."""

    name: str
    languages: tuple[str, ...]
    needs: frozenset[str]
    scene: Scene


def _known(languages: tuple[str, ...], name: str, needs: str = "", scene: Scene = Scene()) -> Known:
    return Known(name, languages, frozenset(needs.split()), scene)


BUSYBOX = "/bin/busybox"
_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
_NET = ("--network", "host")
_ROOTS = (*_NET, "--sources", "host")
_ONLINE = Scene(options=_NET)
_SECURE = Scene(options=_ROOTS)
_LOCAL = Scene(options=("-v", "/etc/localtime:/etc/localtime:ro"))
_LOGGED = Scene(options=("-v", "/dev/log:/dev/log"))
_SHELL = Scene(given=((BUSYBOX, "/bin/sh"), (BUSYBOX, "/bin/ls")))
_LS = Scene(given=((BUSYBOX, "/bin/ls"),))
_ZLIB = Scene(given=((f"{_LIBRARIES}/libz.so.1", f"{_LIBRARIES}/libz.so.1"),))
_SERVED = (*_NET, "--init")
"""--init: a program that leaves signals to the kernel would ignore them as the first process."""


TUNED = (
    _known(GO, "hello"),
    _known(GO, "client", "ca dns", Scene(("https://example.org/",), options=_ROOTS)),
    _known(GO, "server", scene=Scene(("127.0.0.1:8080",), options=_SERVED, ask=("get", 8080, "/"))),
    _known(GO, "files", "mime", Scene((".odt",))),
    _known(GO, "temp", "temp"),
    _known(GO, "users", "users", Scene(("root",))),
    _known(GO, "zones", "zones", Scene(("Europe/Berlin",))),
    _known(GO, "exec", "exec", Scene(("/bin/ls", "-d", "/tmp"), given=_LS.given)),
    _known(GO, "calls", "exec zones", Scene(("x",), given=(("hello", "/usr/bin/env"),))),
    _known(GO, "needs-certpool", "ca", _SECURE),
    _known(GO, "needs-current", "users home"),
    _known(GO, "needs-dialtcp", "dns", _ONLINE),
    _known(GO, "needs-dns", "dns", Scene(("example.org",), options=_NET)),
    _known(GO, "needs-groups", "groups"),
    _known(GO, "needs-home", "home"),
    _known(GO, "needs-localtime", "localtime", _LOCAL),
    _known(GO, "needs-lookupport", "services"),
    _known(GO, "needs-smtp", "ca dns", _SECURE),
    _known(GO, "needs-sysexec", "exec", _LS),
    _known(GO, "needs-syslog", "syslog", _LOGGED),
    _known(GO, "needs-tempdir", "temp"),
    _known(GO, "needs-tlsclient", "ca dns", _SECURE),
    _known(GO, "needs-tlsdial", "ca dns", _SECURE),
    _known(GO, "needs-tlslistener", scene=Scene(options=_NET, ask=("tls", 8443, ""))),
    _known(GO, "needs-tzembed"),
    _known(GO, "needs-upload", "temp", Scene(options=_SERVED, ask=("upload", 8080, "/"))),
    _known(
        GO,
        "needs-verify",
        "ca",
        Scene(("/etc/stage/leaf.der",), options=("--sources", "host", "-v", "/etc/stage:/etc/stage:ro")),
    ),
    _known(C, "hello"),
    _known(C, "needs-dlopen", "dlopen", _ZLIB),
    _known(C, "needs-dns", "dns"),
    _known(C, "needs-exec", "exec", _LS),
    _known(C, "needs-groups", "groups"),
    _known(C, "needs-home", "home"),
    _known(("c-glibc",), "needs-iconv", "gconv", Scene(given=((f"{_LIBRARIES}/gconv", f"{_LIBRARIES}/gconv"),))),
    _known(("c-musl",), "needs-iconv"),
    _known(
        C,
        "needs-locale",
        "locale",
        Scene(env=(("LANG", "C.UTF-8"),), given=(("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.utf8"),)),
    ),
    _known(C, "needs-localtime", "localtime", _LOCAL),
    _known(C, "needs-popen", "exec", _SHELL),
    _known(C, "needs-services", "services"),
    _known(("c-glibc",), "needs-protocols", "services"),
    _known(("c-musl",), "needs-protocols"),
    _known(C, "needs-shm", "shm"),
    _known(C, "needs-spawn", "exec", _LS),
    _known(C, "needs-syslog", "syslog", _LOGGED),
    _known(C, "needs-system", "exec", _SHELL),
    _known(C, "needs-temp", "temp"),
    _known(C, "needs-tmpfile", "temp"),
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
    _known(NIM, "needs_dlopen", "dlopen", _ZLIB),
    _known(NIM, "needs_dns", "dns"),
    _known(NIM, "needs_exec", "exec", _SHELL),
    _known(NIM, "needs_home", "home"),
    _known(NIM, "needs_localtime", "localtime", _LOCAL),
    _known(NIM, "needs_mime"),
    _known(NIM, "needs_temp", "temp"),
    _known(NIM, "needs_users", "users"),
)
"""iconv loads files with glibc only: musl converts by itself."""

FRESH = (
    _known(GO, "fresh-webhook", "ca dns", Scene(("https://example.org/",), options=_ROOTS)),
    _known(
        GO,
        "fresh-spa",
        "mime",
        Scene(
            ("/etc/stage/site",), options=(*_SERVED, "-v", "/etc/stage:/etc/stage:ro"), ask=("get", 3000, "/paper.odt")
        ),
    ),
    _known(GO, "fresh-meeting", "zones"),
    _known(GO, "fresh-chown", "users groups"),
    _known(GO, "fresh-thumb", "temp"),
    _known(GO, "fresh-tcpcheck", "dns"),
    _known(GO, "fresh-jsonfmt"),
    _known(GO, "fresh-runner", "exec", Scene(("/bin/ls",), given=_LS.given)),
    _known(C, "fresh-daemon", "users groups"),
    _known(C, "fresh-clock", "localtime", _LOCAL),
    _known(C, "fresh-sort"),
    _known(C, "fresh-mailer", "dns services", Scene(("example.org",), options=_NET)),
    _known(C, "fresh-backup", "temp exec"),
    _known(C, "fresh-queue", "shm"),
    _known(C, "fresh-words", "locale"),
    _known(RUST, "fresh-proxy", "dns"),
    _known(RUST, "fresh-config", "home"),
    _known(RUST, "fresh-shell", "exec", _SHELL),
    _known(RUST, "fresh-count"),
    _known(RUST, "fresh-scratch", "temp"),
    _known(NIM, "fresh_report", "localtime", _LOCAL),
    _known(NIM, "fresh_fetch", "dns"),
    _known(NIM, "fresh_tool", "exec"),
    _known(NIM, "fresh_calc"),
)
"""Written after the rules were frozen, and never used to change them."""
