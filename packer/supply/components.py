"""What an image is made of: its programs with what is linked into them, its distribution's packages, its files. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.supply.distro import Installed, Release, installed, release_of
from whit.packer.supply.purl import purl
from whit.packer.support.imagepath import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.packer.executable.analysis import Analysis
    from whit.packer.image.platform import Platform

DEVELOPMENT = "(devel)"
"""Go's version of a module that was built where it is written."""


class Sort(StrEnum):
    """What a component is."""

    PROGRAM = "program"
    LIBRARY = "library"
    PACKAGE = "package"


@dataclass(frozen=True, slots=True)
class File:
    """A regular file that a container sees; digests are hex."""

    path: str
    size: int
    sha256: str
    sha1: str
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Component:
    """One thing with a name and, most often, a version. ``part_of`` is the path of the program it is linked into.

    ``ecosystem`` and ``source`` (name, version) are how lists of vulnerabilities name it (OSV): empty where none does.
    """

    sort: Sort
    name: str
    version: str | None
    purl: str
    part_of: str | None = None
    path: str | None = None
    language: str | None = None
    ecosystem: str = ""
    source: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Subject:
    """The image itself: ``name`` is the last part of its repository's name.

    The whole name isn't told: a list is attached to an image, and goes wherever that does.
    """

    digest: str
    name: str
    platform: Platform

    @property
    def hex(self) -> str:
        """The digest without its algorithm."""
        return self.digest.partition(":")[2]

    @property
    def purl(self) -> str:
        """As a package URL."""
        return purl("oci", self.name, self.digest, {"arch": self.platform.architecture})


@dataclass(frozen=True, slots=True)
class Inventory:
    """An image's contents, all sorted."""

    subject: Subject
    release: Release
    components: tuple[Component, ...]
    files: tuple[File, ...]


def take_inventory(
    subject: Subject, files: Iterable[File], analyses: Mapping[str, Analysis], databases: Mapping[str, bytes]
) -> Inventory:
    """All that is known: ``analyses`` are programs' by path, ``databases`` the files that tell of packages by path."""
    release = release_of(databases)
    found: list[Component] = []
    kept = tuple(sorted(files, key=lambda file: file.path))
    digests = {file.path: file.sha256 for file in kept}
    for path, analysis in sorted(analyses.items()):
        if analysis.language.name in {"c", "c++", "unknown"} and not analysis.build.dependencies and databases:
            continue  # a distribution's own programs are told of as its packages
        found.append(_program(path, analysis, digests[path]))
        found.extend(_linked(path, analysis))
    found.extend(_package(package, release) for package in installed(databases))
    return Inventory(subject, release, tuple(found), kept)


def _program(path: str, analysis: Analysis, sha256: str) -> Component:
    language, version = analysis.language.name, analysis.language.version
    build = analysis.build
    name = shown(path.rpartition("/")[2])
    own = build.module_version if build.module_version not in {"", DEVELOPMENT} else None
    known = f"{language} {version}" if version else language
    if language == "go" and build.module:
        url, source = purl("golang", build.module, own), (build.module, own or "")
        ecosystem = "Go" if own else ""
    elif language == "rust" and build.module and own:
        url, source, ecosystem = purl("cargo", build.module, own), (build.module, own), "crates.io"
    else:
        url, source = purl("generic", name, own, {"checksum": f"sha256:{sha256}"}), ("", "")
        ecosystem = ""
    return Component(
        Sort.PROGRAM, name, own, url, path=path, language=None if known == "unknown" else known,
        ecosystem=ecosystem, source=source,
    )  # fmt: skip


def _linked(path: str, analysis: Analysis) -> Iterable[Component]:
    """Modules, crates and the standard library of one program."""
    language, version = analysis.language.name, analysis.language.version
    dependencies = sorted(set(analysis.build.dependencies))
    if language == "go":
        if version:
            number = version.removeprefix("go").split(" ", 1)[0]
            yield _library("stdlib", number, "golang", "Go", path)
        for name, module_version in dependencies:
            known = None if module_version in {"", DEVELOPMENT} else module_version
            yield _library(name, known, "golang", "Go" if known else "", path)
        return
    for name, crate_version in dependencies:
        yield _library(name, crate_version, "cargo", "crates.io", path)
    if analysis.wasm is not None and version:
        yield _library(f"{language}-compiler", version, "generic", "", path)


def _library(name: str, version: str | None, kind: str, ecosystem: str, path: str) -> Component:
    return Component(
        Sort.LIBRARY, name, version, purl(kind, name, version), part_of=path, ecosystem=ecosystem,
        source=(name, version or ""),
    )  # fmt: skip


def _package(package: Installed, release: Release) -> Component:
    """A distribution's package; where nothing says which distribution, it is the one that has such packages."""
    usual = "debian" if package.kind == "deb" else "alpine"
    distribution = release.id or usual
    distro = f"{distribution}-{release.version}" if release.version else None
    url = purl(
        package.kind,
        f"{distribution}/{package.name}",
        package.version,
        {"arch": package.architecture, "distro": distro},
    )
    return Component(
        Sort.PACKAGE, package.name, package.version, url,
        ecosystem=_ecosystem(package.kind, distribution, release.version),
        source=(package.source, package.source_version),
    )  # fmt: skip


def _ecosystem(kind: str, distribution: str, version: str) -> str:
    """OSV's name of a distribution's release; without a release every one of it is meant."""
    if kind == "deb" and distribution == "debian":
        return f"Debian:{version.partition('.')[0]}" if version else "Debian"
    if kind == "apk" and distribution == "alpine":
        return f"Alpine:v{'.'.join(version.split('.')[:2])}" if version else "Alpine"
    return ""
