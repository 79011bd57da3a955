"""OCI platforms (image-spec, image index: ``platform``): operating system, architecture, variant."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

_MACHINES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "aarch64": ("arm64", None),
    "i386": ("386", None),
    "i686": ("386", None),
    "armhf": ("arm", "v7"),
    "armv7l": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv6l": ("arm", "v6"),
    "wasm32": ("wasm", None),
}
"""Other names of architectures: the kernel's, Debian's, docker's first one for WebAssembly."""

WASI = "wasi"
_WASI_VERSIONS = frozenset((WASI, "wasip1", "wasip2"))
"""``wasi`` is docker's and containerd's word for any version; Go's words, which the CNCF's artifact has, tell the version."""

_USUAL_VARIANTS: dict[str, dict[str | None, str | None]] = {
    "amd64": {"v1": None},
    "arm64": {"8": None, "v8": None, "v8.0": None, "9": "v9", "9.0": "v9", "v9.0": "v9"},
    "arm": {None: "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"},
}
"""Variants that are the same as none, that none stands for, or that are spelt otherwise (containerd's platforms package)."""

_SYSTEMS = frozenset(
    [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "hurd",
        "illumos",
        "ios",
        "js",
        "linux",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        *_WASI_VERSIONS,
        "windows",
        "zos",
    ]
)
_ARCHITECTURES = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "armbe",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc",
        "ppc64",
        "ppc64le",
        "riscv",
        "riscv64",
        "s390",
        "s390x",
        "sparc",
        "sparc64",
        "wasm",
    ]
)

_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Platform:
    """What a program runs on, in OCI's (that is Go's) words: ``linux/amd64``, ``linux/arm/v7``, ``wasi/wasm``."""

    os: str
    architecture: str
    variant: str | None = None

    @property
    def is_wasm(self) -> bool:
        """Whether it is WebAssembly's."""
        return self.architecture == "wasm"

    def is_for(self, other: Platform) -> bool:
        """Whether both have one operating system and architecture; ``wasi`` is any version of it."""
        systems = {self.os, other.os}
        same = len(systems) == 1 or (WASI in systems and systems <= _WASI_VERSIONS)
        return same and self.architecture == other.architecture

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def machine_platform(machine: str) -> Platform:
    """The platform of a Linux machine, by the kernel's name for it (uname -m)."""
    return normal_platform(Platform("linux", machine))


def parse_platform(text: str, here: Platform | None = None) -> Platform:
    """``OS/ARCH[/VARIANT]``, or one of the two alone, in the form that images have it. Raises :class:`UsageError`.

    ``here`` gives what is left out; without it an architecture alone is Linux', and an operating system alone no platform.
    """
    parts = text.split("/")
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):  # noqa: PLR2004 - as the grammar says
        raise UsageError(f"{text[:80]!r} is not a platform", hint="as in linux/arm64 or linux/arm/v7")
    if len(parts) == 1 and parts[0].lower() in _SYSTEMS:
        if here is None:
            raise UsageError(f"{text!r} is not a platform: the architecture is missing", hint=f"as in {text}/arm64")
        return Platform(parts[0].lower(), here.architecture, here.variant)
    if len(parts) == 1:
        found = normal_platform(Platform(here.os if here else "linux", parts[0]))
        if found.architecture not in _ARCHITECTURES:
            raise UsageError(
                f"{text[:80]!r} is neither an operating system nor an architecture", hint="as in linux/arm64, arm64"
            )
        return found
    return normal_platform(Platform(*parts))


def normal_platform(platform: Platform) -> Platform:
    """The one spelling of a platform: ``aarch64`` is ``arm64``, ``arm64/v8`` is ``arm64``, ``arm`` is ``arm/v7``."""
    system, architecture = platform.os.lower(), platform.architecture.lower()
    architecture, implied = _MACHINES.get(architecture, (architecture, None))
    variant = (platform.variant or "").lower() or implied
    return Platform(
        "darwin" if system == "macos" else system,
        architecture,
        _USUAL_VARIANTS.get(architecture, {}).get(variant, variant),
    )


def nearest(wanted: Platform, there: Iterable[Platform | None]) -> int | None:
    """Which of several images' platforms is best for one: the same, or of ARM the highest version that it runs.

    A place in ``there``; None if none fits. Of WASI another version is taken where one of the two is ``wasi``.
    """
    best: tuple[str, int] | None = None
    for number, platform in enumerate(there):
        if platform is None:
            continue
        found = normal_platform(platform)
        if not found.is_for(wanted):
            continue
        variant = found.variant or ""
        if variant == (wanted.variant or "") and found.os == wanted.os:
            return number
        if found.os != wanted.os:
            best = best or ("", number)
            continue
        if found.architecture != "arm" or variant < (wanted.variant or ""):
            best = max(best or ("", number), (variant, number), key=lambda one: one[0])
    return best[1] if best else None
