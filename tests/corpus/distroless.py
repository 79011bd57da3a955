"""How large distroless-like images would be: made from this machine's Debian packages, as tar.gz.

A layer of the base and one of the program, or, for a program of Debian's, a layer of its package and of all that this
depends on, without the shell and tools that only installing needs. Documentation, translations and manual pages are left
out, licences stay: at least as small as what distroless' own tools would make of the same packages.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATIC = ("base-files", "netbase", "tzdata", "media-types")
DYNAMIC = (*STATIC, "libc6", "libssl3", "libgcc-s1", "libstdc++6", "libgomp1")
MUSL = (*STATIC, "musl")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
LEVEL = 6
"""gzip's own default, also that of the tools that make such images."""

# fmt: off
INSTALLING = frozenset((
    "adduser", "apt", "base-passwd", "bash", "coreutils", "dash", "debconf", "debianutils", "diffutils", "dpkg",
    "findutils", "grep", "gzip", "hostname", "init-system-helpers", "install-info", "iproute2", "login", "lsb-base",
    "mount", "passwd", "perl", "perl-base", "sed", "sensible-utils", "systemd", "sysvinit-utils", "tar", "ucf",
    "util-linux", "libc-bin", "libpam-modules", "libpam-runtime", "mawk", "ncurses-bin", "readline-common",
))
# fmt: on
"""Packages that their dependents need while they are installed, or only for scripts."""

UNUSED = re.compile(
    r"/usr/share/(man|info|locale|lintian|bug|bash-completion|zsh|doc-base)/|/usr/share/doc/(?!.*/copyright$)"
)


@dataclass(frozen=True)
class Package:
    """``depends``: groups of alternatives."""

    name: str
    provides: tuple[str, ...]
    depends: tuple[tuple[str, ...], ...]


class _Counter:
    """A file that compresses what is written, and only counts what comes out."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(LEVEL, wbits=31)
        self._size = 0

    def write(self, data: bytes) -> int:
        self._size += len(self._packer.compress(data))
        return len(data)

    def size(self) -> int:
        """The bytes in all; nothing may be written afterwards."""
        return self._size + len(self._packer.flush())


def gzipped(path: Path) -> int:
    """The size of the file alone, compressed."""
    counter = _Counter()
    with path.open("rb") as file:
        shutil.copyfileobj(file, cast("IO[bytes]", counter), 1 << 20)
    return counter.size()


def image_size(program: Path, base: tuple[str, ...]) -> int:
    """The compressed bytes of the layers of an image of ``program`` on a base of these packages."""
    return packages_size(base) + tar_size([program])


def package_size(package: str) -> int:
    """The compressed bytes of an image of Debian's package and all that it depends on."""
    return packages_size(tuple(sorted({*STATIC, *closure(package)})))


@functools.cache
def packages_size(packages: tuple[str, ...]) -> int:
    """One layer of these packages' files, and the certificates."""
    return tar_size([*_files(packages), Path(CERTIFICATES)])


def write_packages(packages: tuple[str, ...], target: Path) -> Path:
    """The same layer as a tar."""
    with tarfile.open(target, "w") as archive:
        for path in [*_files(packages), Path(CERTIFICATES)]:
            archive.add(path, recursive=False)
    return target


def closure(package: str) -> set[str]:
    """The package and what it depends on, as far as it is installed: the first alternative that is."""
    known = _installed()
    providers = {name: package for package in known.values() for name in (*package.provides, package.name)}
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = waiting.pop()
        found.add(name)
        for alternatives in known[name].depends:
            names = [providers[each].name for each in alternatives if each in providers]
            if names and names[0] not in found and names[0] not in INSTALLING:
                waiting.append(names[0])
    return found


@functools.cache
def _installed() -> dict[str, Package]:
    """By name; this machine's own architecture."""
    form = r"${db:Status-Status}\t${Package}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
    lines = _output("dpkg-query", "--show", f"--showformat={form}").splitlines()
    rows = (line.split("\t") for line in lines if line.startswith("installed\t"))
    packages = (Package(name, _names(provides), tuple(_groups(depends))) for _, name, provides, depends in rows)
    return {package.name: package for package in packages}


def _names(text: str) -> tuple[str, ...]:
    """Package names without their versions and architectures: ``a (>= 1), b:any | c``."""
    return tuple(re.sub(r"[\s(:].*", "", part.strip()) for part in re.split("[,|]", text) if part.strip())


def _groups(text: str) -> Iterator[tuple[str, ...]]:
    for group in text.split(","):
        if names := _names(group):
            yield names


def _files(packages: Iterable[str]) -> list[Path]:
    listed = {line for name in packages for line in _output("dpkg-query", "--listfiles", name).splitlines()}
    paths = (Path(line) for line in sorted(listed) if line.startswith("/") and not UNUSED.match(line))
    return [path for path in paths if path.is_symlink() or path.is_file()]


def tar_size(files: Iterable[Path]) -> int:
    counter = _Counter()
    with tarfile.open(fileobj=cast("IO[bytes]", counter), mode="w|") as archive:
        for path in files:
            archive.add(path, recursive=False)
    return counter.size()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
