"""Which Debian package would bring a library, where that can be told without running anything. Pure over a FileTree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whit.packer.store.filetree import FileTree

INFO = "/var/lib/dpkg/info"

_EXCEPTIONS = {
    "libz.so.1": "zlib1g",
    "libc.so.6": "libc6",
    "libm.so.6": "libc6",
    "ld-linux-x86-64.so.2": "libc6",
    "ld-linux-aarch64.so.1": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
    "libcrypto.so.3": "libssl3",
    "libssl.so.3": "libssl3",
    "libcrypto.so.1.1": "libssl1.1",
    "libssl.so.1.1": "libssl1.1",
    "libbz2.so.1.0": "libbz2-1.0",
    "libudev.so.1": "libudev1",
    "libpcre2-8.so.0": "libpcre2-8-0",
    "libicuuc.so.72": "libicu72",
    "libicudata.so.72": "libicu72",
    "libkrb5.so.3": "libkrb5-3",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libpq.so.5": "libpq5",
    "libncurses.so.6": "libncurses6",
    "libtinfo.so.6": "libtinfo6",
}
"""Libraries whose packages aren't called as the policy would have it."""

_SONAME = re.compile(r"(?P<name>[A-Za-z0-9+_.-]+?)(?:\.so\.(?P<version>[0-9][0-9.]*)|-(?P<release>[0-9][0-9.]*)\.so)")
_MAX_FOLDERS = 20_000


def package_of(soname: str) -> str | None:
    """The package's name: as known, or as Debian's policy (8.1) would have it; None where the name has no version."""
    if soname in _EXCEPTIONS:
        return _EXCEPTIONS[soname]
    match = _SONAME.fullmatch(soname)
    if match is None:
        return None
    plain, version = match["name"].lower().replace("_", "-"), match["version"] or match["release"]
    return f"{plain}-{version}" if plain[-1:].isdigit() else f"{plain}{version}"


def places_of(soname: str, tree: FileTree, architecture: str) -> tuple[str, ...]:
    """Where an installed package has a file of that name, though the loader doesn't look there (dpkg's ``*.list``)."""
    names = [name for name, is_folder in tree.children(INFO)[:_MAX_FOLDERS] if name.endswith(".list") and not is_folder]
    wanted = f"/{soname}"
    found: list[str] = []
    for name in names:
        if ":" in name and not name.endswith(f":{architecture}.list"):
            continue
        text = _text(tree, f"{INFO}/{name}")
        if f"{wanted}\n" in text:
            found += (line for line in text.splitlines() if line.endswith(wanted))
    return tuple(sorted(found))


def _text(tree: FileTree, path: str) -> str:
    try:
        return tree.read(path).decode("utf-8", "replace") if tree.file(path) else ""
    except OSError:
        return ""
