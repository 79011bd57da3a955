"""Programs of C that are built from Debian's source packages, static, kept in build/real-programs."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.fetched_sources import apt_sources
from tests.peers import find_peer
from tests.programs.registries import CACHE, ProgramMissingError, call, fetched, from_debian

if TYPE_CHECKING:
    from collections.abc import Callable

_BUILD_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a source becomes a program: commands one after the other, in its folder. ``member`` is what they make.

    ``compiler`` is a program's name. ``packages`` are Debian's packages with static libraries: (package, a file of it).
    """

    source: str
    commands: tuple[tuple[str, ...], ...]
    member: str
    compiler: str = "gcc"
    environment: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, str], ...] = ()


def built(recipe: Recipe) -> Callable[[], Path]:
    """The program; what is missing on the machine is told by ProgramMissingError."""
    name = Path(recipe.member).name

    def fetch(folder: Path) -> Path:
        for tool in (recipe.compiler, "make", "apt-get"):
            if find_peer(tool) is None:
                raise ProgramMissingError(f"{tool} isn't installed")
        for package, file in recipe.packages:
            from_debian(package, file)
        place = _unpacked(recipe.source, folder)
        for command in recipe.commands:
            call("the build", ["nice", *command], place, dict(recipe.environment), _BUILD_SECONDS)
        return place / recipe.member

    return lambda: fetched(f"{recipe.source}-{recipe.compiler}", name, fetch)


def _unpacked(source: str, folder: Path) -> Path:
    options = apt_sources(CACHE / "apt" / "sources")
    words = ["apt-get", *options, "-qq"]
    call("Debian", [*words, "update"], folder)
    call("Debian", [*words, "source", "--tar-only", "--download-only", source], folder)
    archive = next((file for file in sorted(folder.glob("*.orig.tar.*")) if file.suffix != ".asc"), None)
    if archive is None:
        raise ProgramMissingError(f"Debian has no source of {source}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    top = [each for each in (folder / "unpacked").iterdir() if each.is_dir()]
    return top[0] if len(top) == 1 else folder / "unpacked"


_STATIC = ("CFLAGS=-O2", "LDFLAGS=-static")

REDIS = Recipe(
    "redis",
    (("make", "-C", "src", "MALLOC=libc", "OPTIMIZATION=-O1", "LDFLAGS=-static", "redis-server"),),
    "src/redis-server",
)
MEMCACHED = Recipe(
    "memcached",
    (("./configure", "--disable-docs", *_STATIC), ("make", "memcached")),
    "memcached",
    packages=(("libevent-dev", "/usr/lib/x86_64-linux-gnu/libevent.a"),),
)
NGINX = Recipe(
    "nginx",
    (
        ("./configure", "--without-http_rewrite_module", "--without-http_gzip_module", "--with-threads",
         "--with-cc-opt=-O1", "--with-ld-opt=-static", "--error-log-path=stderr"),
        ("make",),
    ),
    "objs/nginx",
)  # fmt: skip
DROPBEAR = Recipe(
    "dropbear",
    (("./configure", "--enable-static", "--disable-zlib", "--disable-lastlog"), ("make", "PROGRAMS=dropbearkey")),
    "dropbearkey",
    compiler="musl-gcc",
    environment=(("CC", "musl-gcc"), ("CFLAGS", "-O1 -DDROPBEAR_SVR_PASSWORD_AUTH=0")),
)
LUA = Recipe(
    "lua5.4",
    (("make", "-C", "src", "CC=musl-gcc -std=gnu99", "MYCFLAGS=-DLUA_USE_POSIX", "MYLDFLAGS=-static -s", "lua"),),
    "src/lua",
    compiler="musl-gcc",
)
