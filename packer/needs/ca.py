"""CA certificates: needed by TLS clients, which verify servers against the system's roots.

Go: ``crypto/x509.loadSystemRoots`` alone is in every net/http *server* too (it can verify clients); a client's entry
point must be linked beside it. ``crypto/tls.Client`` tells a client apart only where neither net/http's nor gRPC's server is linked.
Others: OpenSSL's client state machine, two or more of the well-known bundle paths, or the variable that names a bundle
(some look for parts of paths: the crate openssl-probe before 0.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Evidence, EvidenceKind, Wanted
from whit.packer.needs.facts import OF_HOST, linked, needed, not_needed, present, reads_go_names
from whit.packer.needs.model import Grade, Need, Rule

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

NAME = "ca"
BUNDLE = b"/etc/ssl/certs/ca-certificates.crt"
LOCATION_VARIABLE = b"SSL_CERT_FILE"

_GO_ROOTS = "crypto/x509.loadSystemRoots"
_GO_POOL = "crypto/x509.SystemCertPool"
GO_CLIENTS = (
    "net/http.(*Transport).dialConn",
    "crypto/tls.Dial",
    "crypto/tls.DialWithDialer",
    "crypto/tls.dial",
    "crypto/tls.(*Dialer).DialContext",
    "crypto/tls.QUICClient",
    "net/smtp.(*Client).StartTLS",
    "golang.org/x/net/http2.(*Transport).dialTLS",
    "github.com/gorilla/websocket.(*Dialer).DialContext",
    "github.com/jackc/pgx/v5/pgconn.startTLS",
    "github.com/jackc/pgconn.startTLS",
    "github.com/lib/pq.(*conn).ssl",
    "github.com/go-sql-driver/mysql.(*connector).Connect",
    "github.com/nats-io/nats%2ego.(*Conn).makeTLSConn",
    "github.com/rabbitmq/amqp091-go.DialConfig",
    "github.com/segmentio/kafka-go.(*Dialer).connectTLS",
    "github.com/go-ldap/ldap/v3.(*Conn).StartTLS",
    "github.com/valyala/fasthttp.dialAddr",
    "github.com/refraction-networking/utls.(*UConn).handshakeContext",
)
"""Functions that open a TLS connection. (A path's last element has its dots written as %2e.)"""

_GRPC_CLIENTS = (
    "google.golang.org/grpc.NewClient",
    "google.golang.org/grpc.DialContext",
    "google.golang.org/grpc.Dial",
)
_GRPC_HANDSHAKE = "google.golang.org/grpc/credentials.(*tlsCreds).ClientHandshake"
"""In gRPC's servers too, by way of an interface; without it a client speaks no TLS."""

_GO_BARE_CLIENT = "crypto/tls.Client"
_GO_SERVERS = ("net/http.(*conn).serve", "google.golang.org/grpc.(*Server).Serve")
"""They link ``crypto/tls.Client`` and don't use it."""

_GO_HANDSHAKE = "crypto/tls.(*Conn).clientHandshake"
_GO_EMBEDDED = ("golang.org/x/crypto/x509roots/fallback.init.0", "crypto/x509.SetFallbackRoots")

_PATHS = (
    BUNDLE,
    b"/etc/pki/tls/certs/ca-bundle.crt",
    b"/etc/ssl/ca-bundle.pem",
    b"/etc/pki/tls/cacert.pem",
    b"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    b"/etc/ssl/cert.pem",
    b"/usr/local/share/certs/ca-root-nss.crt",
    b"/usr/share/ssl/certs/ca-bundle.crt",
)
_OPENSSL_CLIENT = b"statem_clnt.c"
_NIM_OPENSSL = b"libssl.so("
_NATIVE_CLIENTS = ("SSL_CTX_set_default_verify_paths", "SSL_CTX_load_verify_locations", "mbedtls_x509_crt_parse_file")
_HTTP_CLIENT = "wasi:http/outgoing-handler"
"""What a component of WASI 0.2 imports that asks others."""

_EMBEDDED_ROOT = b"ISRG Root X1"
_ENOUGH_PATHS = 2


def _judge_go(analysis: Analysis) -> Need:
    roots, clients = linked(analysis, (_GO_ROOTS,)), linked(analysis, (*GO_CLIENTS, _GO_POOL))
    if not roots:
        return not_needed(NAME, "no code that loads the system's certificates is linked")
    if handshake := linked(analysis, (_GRPC_HANDSHAKE,)):
        grpc = linked(analysis, _GRPC_CLIENTS)
        clients += grpc + handshake if grpc else ()
    if not linked(analysis, _GO_SERVERS):
        clients += linked(analysis, (_GO_BARE_CLIENT,))
    verifies_by_itself = not linked(analysis, (_GO_HANDSHAKE,))
    if not clients and not verifies_by_itself:
        return not_needed(NAME, "speaks TLS as a server only: no client that verifies certificates is linked", roots)
    if embedded := linked(analysis, _GO_EMBEDDED):
        return not_needed(NAME, "brings root certificates of its own", embedded, Grade.EMBEDDED)
    if clients:
        return needed(NAME, "connects by TLS and verifies servers against the system's certificates", clients + roots)
    return needed(NAME, "verifies certificates against the system's roots", roots)


def _judge_native(analysis: Analysis) -> Need:
    paths = present(analysis, _PATHS)
    openssl = present(analysis, (_OPENSSL_CLIENT,)) + linked(analysis, _NATIVE_CLIENTS)
    loaded = present(analysis, (_NIM_OPENSSL,))
    variable = present(analysis, (LOCATION_VARIABLE,))
    if openssl:
        return needed(NAME, "a TLS library's client code is in it", openssl + paths)
    if loaded:
        return needed(NAME, "loads OpenSSL while it runs", loaded + paths)
    if len(paths) >= _ENOUGH_PATHS or variable:
        return needed(NAME, "looks for the system's certificates in their well-known places", paths + variable)
    if root := present(analysis, (_EMBEDDED_ROOT,)):
        return not_needed(NAME, "brings root certificates of its own", root, Grade.EMBEDDED)
    return not_needed(NAME, "no code that looks for the system's certificates was found", paths)


def judge_webassembly(analysis: Analysis) -> Need:
    """Whether a WebAssembly program has its host connect by TLS: whit's engine trusts the image's certificates."""
    imports = analysis.wasm.imports if analysis.wasm else ()
    found = tuple(Evidence(EvidenceKind.IMPORT, name) for name in imports if name.startswith(_HTTP_CLIENT))
    if found:
        return needed(NAME, "asks others over HTTP, and its host verifies them against the image's certificates", found)
    return not_needed(NAME, OF_HOST)


def judge(analysis: Analysis) -> Need:
    """Whether the program verifies TLS servers with the system's certificates."""
    return _judge_go(analysis) if reads_go_names(analysis) else _judge_native(analysis)


RULE = Rule(
    NAME,
    Wanted(
        frozenset(
            (
                *(_GO_ROOTS, _GO_POOL, _GO_HANDSHAKE, _GO_BARE_CLIENT, *GO_CLIENTS, *_GO_SERVERS, *_GO_EMBEDDED),
                *(*_GRPC_CLIENTS, _GRPC_HANDSHAKE, *_NATIVE_CLIENTS),
            )
        ),
        frozenset((*_PATHS, _OPENSSL_CLIENT, _NIM_OPENSSL, _EMBEDDED_ROOT, LOCATION_VARIABLE)),
    ),
    judge,
    ("/etc/ssl/", "/etc/pki/", "/etc/ca-certificates/", "/usr/share/ca-certificates/", "/usr/local/share/certs/"),
)
