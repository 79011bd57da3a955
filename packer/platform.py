"""OCI platforms (image-spec, image index: ``platform``): operating system, architecture, variant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """What a program runs on, in OCI's (that is Go's) words: ``linux/amd64``, ``linux/arm/v7``, ``wasip1/wasm``."""

    os: str
    architecture: str
    variant: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))
