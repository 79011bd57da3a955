"""What a ``whit.yaml`` says, for one platform, its variables replaced. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.image.spec import Compression

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Refusal
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.image.spec import HealthCheck
    from whit.packer.resolution.choices import Addition


@dataclass(frozen=True, slots=True)
class Binary:
    """An executable of the host's; ``target`` is its path in the image, None for ``/NAME``."""

    path: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same for all platforms. ``platforms`` is empty where the binaries alone decide."""

    platforms: tuple[Platform, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BuildFile:
    """One image-to-be. Paths are as they are written, relative to the file's folder.

    ``entrypoint`` and ``user`` are None where whit's own are meant: the first binary, and 65532. ``as_artifact``: for wasi
    it is to be no image, but the CNCF's Wasm OCI artifact. ``refusal``: what is done with calls that the program's code doesn't make, but
    for ``added_calls``.
    """

    binaries: tuple[Binary, ...]
    names: tuple[Reference, ...] = ()
    base: str | None = None
    files: tuple[Addition, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    stop_signal: str | None = None
    health: HealthCheck | None = None
    needs: tuple[str, ...] = ()
    sources: str = "packages"
    sysroot: str | None = None
    compression: Compression = Compression.GZIP
    as_artifact: bool = False
    refusal: Refusal | None = None
    added_calls: tuple[str, ...] = ()
    created: int | None = None
