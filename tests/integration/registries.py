"""What tests of registries share: images of a chosen size, and stores that are looked through to the last byte."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tarfile
from hashlib import sha256
from typing import TYPE_CHECKING

from tests.conftest import lacking
from tests.peers.registry import docker_registry, memory_registry, other_registry
from whit.packer.image.oci import CONFIG, LAYER_GZIP, MANIFEST, Descriptor, ImageConfig, Index, Manifest
from whit.packer.image.platform import Platform
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import RunConfig
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.registry import RegistryPeer

MB = 1 << 20
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def make_image(
    root: Path,
    name: str,
    sizes: tuple[int, ...],
    *,
    seed: int = 1,
    platform: Platform = AMD64,
    program: Path | None = None,
) -> Descriptor:
    """An image in the store at ``root``: layers of random bytes of these sizes, and a program of the host's."""
    store, chance = Store(root), random.Random(seed)
    with store.adding() as layout:
        blobs, diff_ids = [], []
        for number, size in enumerate(sizes):
            content = program.read_bytes() if program and number == 0 else chance.randbytes(size)
            path = program.name if program and number == 0 else f"file{number}-{seed}"
            tar = _tar(path, content)
            data = gzip.compress(tar, 0, mtime=0)
            with layout.new_blob() as writer:
                writer.write(data)
            blobs.append(Descriptor(LAYER_GZIP, writer.digest, writer.size))
            diff_ids.append(f"sha256:{sha256(tar).hexdigest()}")
        run = RunConfig(entrypoint=(f"/{program.name}",)) if program else RunConfig()
        config = layout.put(ImageConfig(platform, run, tuple(diff_ids)).to_json(), CONFIG)
        manifest = layout.put(Manifest(config, tuple(blobs)).to_json(), MANIFEST)
        store.add(manifest, (parse_reference(name),))
    return Descriptor(manifest.media_type, manifest.digest, manifest.size, platform=platform)


def make_index(root: Path, name: str, *images: Descriptor) -> Descriptor:
    """An index of images that are in the store."""
    store = Store(root)
    with store.adding() as layout:
        index = Index(images)
        descriptor = layout.put(index.to_json(), index.media_type)
        store.add(descriptor, (parse_reference(name),))
    return descriptor


def _tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o755
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def is_whole(root: Path, name: str, digest: str) -> bool:
    """Whether a store has the image under its name, and every byte in it is right."""
    store = Store(root)
    return store.entry(name).digest == digest and verify(store) == ()


@contextlib.contextmanager
def with_or_without_referrers(kind: str, folder: Path) -> Iterator[RegistryPeer]:
    """``docker-registry``, which has no list of referrers, so that they are listed under a tag; or ``ggcr``, which has one."""
    if kind == "docker-registry":
        with docker_registry(folder) as peer:
            yield peer
        return
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    with memory_registry(kind, folder) as peer:
        yield peer
