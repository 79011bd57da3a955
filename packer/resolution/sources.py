"""Where the files beside the program come from, by a rule that gives the same bytes everywhere.

By default certificates come from the Python package certifi (Mozilla's roots) and time zones from the package tzdata
(IANA's database with its legacy names): two machines with the same versions make the same image. On request both come
from this machine's own folders. Everything else, whit writes itself (``wellknown.py``). What was taken from where is
told with each set of files and ends in the image's annotations.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from whit.packer.resolution.choices import SourceChoice
from whit.packer.resolution.wellknown import CERTIFICATES_PATH, ZONES_PATH
from whit.packer.store.filetree import FileTree, HostTree, files_below
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.spec import HostFile

_HOST_BUNDLES = (
    CERTIFICATES_PATH,
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_NOT_ZONES = ("posix/", "right/", "localtime", "posixrules", "leapseconds")
"""Copies of everything with and without leap seconds, links to what a host chose, a table: none is a zone's name."""

_VERSION = re.compile(rb"^__version__ = [\"']([^\"']+)[\"']", re.MULTILINE)


def package_folder(name: str) -> str | None:
    """The folder of an installed Python package, found without importing it."""
    spec = importlib.util.find_spec(name)
    return str(PurePosixPath(spec.origin).parent) if spec and spec.origin else None


@dataclass(frozen=True, slots=True)
class Host:
    """One machine as a giver of files."""

    tree: FileTree
    package_folder: Callable[[str], str | None]


HERE = Host(HostTree(), package_folder)
"""This machine."""


@dataclass(frozen=True, slots=True)
class SourcedFiles:
    """Files with the paths that they have in the image, and a word on where they come from."""

    origin: str
    files: tuple[tuple[str, HostFile], ...]


def certificates(host: Host, choice: SourceChoice) -> SourcedFiles:
    """The bundle of root certificates. Raises NotFoundError if there is none."""
    if choice is SourceChoice.PACKAGES:
        folder, origin = _package(host, "certifi")
        if bundle := host.tree.file(f"{folder}/cacert.pem"):
            return SourcedFiles(origin, ((CERTIFICATES_PATH, bundle),))
    else:
        for path in _HOST_BUNDLES:
            if bundle := host.tree.file(path):
                return SourcedFiles(f"host {path}", ((CERTIFICATES_PATH, bundle),))
    raise NotFoundError(
        "the program needs root certificates, and none were found",
        hint="install the Debian package ca-certificates, or take them from the Python package certifi",
    )


def zones(host: Host, choice: SourceChoice) -> SourcedFiles:
    """The whole time zone database, legacy names too. Raises NotFoundError if there is none.

    Tables of countries, leap seconds and sources are left out: no zone is read from them.
    """
    if choice is SourceChoice.PACKAGES:
        package, origin = _package(host, "tzdata")
        folder = f"{package}/zoneinfo"
    else:
        folder, origin = ZONES_PATH, f"host {ZONES_PATH}"
    names = [name for name in files_below(host.tree, folder) if _is_zone(name)]
    found = ((f"{ZONES_PATH}/{name}", host.tree.file(f"{folder}/{name}")) for name in names)
    files = tuple((path, file) for path, file in found if file)
    if not files:
        raise NotFoundError(
            "the program needs the time zone database, and it wasn't found",
            hint="install the Debian package tzdata, or take it from the Python package tzdata",
        )
    return SourcedFiles(origin, files)


def _is_zone(name: str) -> bool:
    return "." not in name and "__pycache__" not in name and not name.startswith(_NOT_ZONES)


def _package(host: Host, name: str) -> tuple[str, str]:
    folder = host.package_folder(name)
    if folder is None:
        raise NotFoundError(f"the Python package {name} isn't installed", hint=f"pip install {name}")
    found = _VERSION.search(host.tree.read(f"{folder}/__init__.py"))
    return folder, f"{name} {found.group(1).decode()}" if found else name
