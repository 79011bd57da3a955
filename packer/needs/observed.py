"""What a Go program can be seen to do with constants in its code: where it listens, what it answers, reads and writes.

This is knowledge for people: a constant may never be used, and what comes from configuration isn't seen. Nothing is
packed because of it. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Wanted
from whit.packer.needs.facts import constants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.packer.executable.analysis import Analysis

_LISTEN = {
    "net.Listen": 2,
    "net.ListenPacket": 2,
    "net.(*ListenConfig).Listen": 5,
    "crypto/tls.Listen": 2,
    "net/http.ListenAndServe": 0,
    "net/http.ListenAndServeTLS": 0,
    "net/http.(*Server).ListenAndServe": 0,
    "github.com/gin-gonic/gin.(*Engine).Run": 1,
    "github.com/gin-gonic/gin.(*Engine).RunTLS": 1,
    "github.com/gofiber/fiber/v2.(*App).Listen": 1,
    "github.com/gofiber/fiber/v3.(*App).Listen": 1,
    "github.com/labstack/echo/v4.(*Echo).Start": 1,
    "github.com/valyala/fasthttp.ListenAndServe": 0,
}
"""Functions → the position of the address. (A server's stands in a structure.)"""

_FLAGS = frozenset(
    (
        "flag.String",
        "flag.StringVar",
        "flag.(*FlagSet).String",
        "flag.(*FlagSet).StringVar",
        "github.com/spf13/pflag.(*FlagSet).String",
        "github.com/spf13/pflag.(*FlagSet).StringP",
        "github.com/spf13/pflag.(*FlagSet).StringVar",
        "github.com/spf13/pflag.(*FlagSet).StringVarP",
    )
)
"""They are handed a flag's name, its default and its description."""

_ROUTES = {
    "net/http.HandleFunc": 0,
    "net/http.Handle": 0,
    "net/http.(*ServeMux).HandleFunc": 1,
    "net/http.(*ServeMux).Handle": 1,
    "github.com/gorilla/mux.(*Router).HandleFunc": 1,
    "github.com/gorilla/mux.(*Router).Handle": 1,
    "github.com/go-chi/chi/v5.(*Mux).Get": 1,
    "github.com/go-chi/chi/v5.(*Mux).HandleFunc": 1,
    "github.com/gin-gonic/gin.(*RouterGroup).GET": 1,
    "github.com/gin-gonic/gin.(*RouterGroup).handle": 3,
    "github.com/labstack/echo/v4.(*Echo).GET": 1,
    "github.com/julienschmidt/httprouter.(*Router).GET": 1,
}
_GRPC_HEALTH = "google.golang.org/grpc/health.NewServer"
_WRITE = dict.fromkeys(
    ("os.WriteFile", "os.Create", "os.MkdirAll", "os.Mkdir", "os.OpenFile", "io/ioutil.WriteFile"), 0
)
_READ = dict.fromkeys(("os.ReadFile", "os.Open", "os.ReadDir", "io/ioutil.ReadFile", "io/ioutil.ReadDir"), 0)
_VARIABLES = dict.fromkeys(("os.Getenv", "os.LookupEnv"), 0)

_ADDRESS = re.compile(r"\A(?:\[[0-9A-Fa-f:]*\]|[\w.-]*):[1-9]\d{0,4}\Z")
_HEALTH = re.compile(
    r"\A(?:GET )?/(?:[\w/.-]*/)?(?:-/)?(?:healthz?|health[-_]?check|livez?|liveness|alive|readyz?|readiness|healthy|ping)/?\Z",
    re.IGNORECASE,
)
_LISTENS = re.compile(r"listen|addr|bind|\bport\b|http|grpc|metrics", re.IGNORECASE)
_PATH = re.compile(r"\A/[\w.+@-]+(?:/[\w.+@-]+)*/?\Z")
_VARIABLE = re.compile(r"\A[A-Za-z_]\w*\Z")
_OF_THE_SYSTEM = ("/proc", "/sys", "/dev")
_OF_EVERY_PROGRAM = frozenset(
    ("GODEBUG", "HOME", "PATH", "TMPDIR", "TERM", "USER", "NO_COLOR", "LANG", "LC_ALL", "HTTP_PROXY", "HTTPS_PROXY")
)

WANTED = Wanted(
    frozenset((_GRPC_HEALTH,)), arguments=frozenset((*_LISTEN, *_FLAGS, *_ROUTES, *_WRITE, *_READ, *_VARIABLES))
)
"""What an executable must be asked for."""


@dataclass(frozen=True, slots=True)
class Observed:
    """``listens`` are addresses (``:8080``), ``health`` routes (``/healthz``) or ``grpc``; the rest paths and names.

    What it reads, and environment variables, are those that its own packages ask for, not its libraries.
    """

    listens: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


def observe(analysis: Analysis) -> Observed:
    """What can be seen in an executable that was analysed with ``needs.DETAILS``; nothing of other languages than Go."""
    own = _own(analysis)
    health = tuple(route.removeprefix("GET ") for route in constants(analysis, _ROUTES, _HEALTH))
    grpc = ("grpc",) if _GRPC_HEALTH in analysis.functions else ()
    return Observed(
        tuple(dict.fromkeys((*constants(analysis, _LISTEN, _ADDRESS), *_flags(analysis)))),
        (*health, *grpc),
        _paths(own, _READ),
        _paths(analysis, _WRITE),
        tuple(name for name in constants(own, _VARIABLES, _VARIABLE) if name not in _OF_EVERY_PROGRAM),
    )


def _own(analysis: Analysis) -> Analysis:
    """Calls by the program's own packages: libraries ask for much that nobody sets."""
    module = analysis.build.module or "main"
    prefixes = ("main.", f"{module}.", f"{module}/")
    return replace(analysis, arguments=tuple(call for call in analysis.arguments if call.caller.startswith(prefixes)))


def _flags(analysis: Analysis) -> Iterator[str]:
    """Defaults of flags that say where to listen."""
    flags = (argument for argument in analysis.arguments if argument.function in _FLAGS)
    for _, words in groupby(flags, key=lambda argument: argument.offset):
        name, *values = (word.value for word in words)
        if _LISTENS.search(name):
            yield from filter(_ADDRESS.match, values[:2])


def _paths(analysis: Analysis, functions: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(path for path in constants(analysis, functions, _PATH) if not path.startswith(_OF_THE_SYSTEM))
