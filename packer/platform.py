"""OCI platforms (image-spec, image index: ``platform``): operating system, architecture, variant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from whit.packer.errors import UsageError

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
}
"""Other names of architectures: the kernel's, Debian's."""

_USUAL_VARIANTS = {("arm64", "v8"): None, ("amd64", "v1"): None, ("arm", None): "v7"}
"""Variants that are the same as none, or that none stands for (containerd's platforms package)."""

_PART = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """What a program runs on, in OCI's (that is Go's) words: ``linux/amd64``, ``linux/arm/v7``, ``wasip1/wasm``."""

    os: str
    architecture: str
    variant: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


def machine_platform(machine: str) -> Platform:
    """The platform of a Linux machine, by the kernel's name for it (uname -m)."""
    architecture, variant = _MACHINES.get(machine, (machine, None))
    return Platform("linux", architecture, variant)


def parse_platform(text: str) -> Platform:
    """``OS/ARCH[/VARIANT]``, or an architecture alone, in the form that images have it. Raises :class:`UsageError`."""
    parts = text.split("/")
    if len(parts) == 1 and text in ("linux", "windows", "freebsd", "wasip1"):
        raise UsageError(f"{text!r} is not a platform: the architecture is missing", hint=f"as in {text}/arm64")
    if len(parts) == 1:
        parts = ["linux", *parts]
    if len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):  # noqa: PLR2004 - as the grammar says
        raise UsageError(f"{text[:80]!r} is not a platform", hint="as in linux/arm64 or linux/arm/v7")
    architecture, variant = _MACHINES.get(parts[1].lower(), (parts[1].lower(), None))
    variant = parts[2].lower() if len(parts) == 3 else variant  # noqa: PLR2004
    return Platform(parts[0].lower(), architecture, _USUAL_VARIANTS.get((architecture, variant), variant))
