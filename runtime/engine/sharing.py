"""What images have in common: blobs that the store keeps once, however many images are made of them. Pure."""

from __future__ import annotations

from collections import Counter

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Blobs = Mapping[str, int]
    """Digest → bytes, of all that an image is made of."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A blob that more than one image has; ``size`` in bytes."""

    digest: str
    size: int
    images: int

    @property
    def saved(self) -> int:
        """Bytes that would lie on the disk besides, if each image had its own."""
        return self.size * (self.images - 1)


def shared_blobs(images: Iterable[Blobs]) -> tuple[Shared, ...]:
    """What several of the images have, what saves most first."""
    sizes: dict[str, int] = {}
    times: Counter[str] = Counter()
    for blobs in images:
        sizes.update(blobs)
        times.update(blobs.keys())
    found = (Shared(digest, sizes[digest], count) for digest, count in times.items() if count > 1)
    return tuple(sorted(found, key=lambda blob: (-blob.saved, blob.digest)))


def freed(images: Iterable[tuple[Blobs, bool]]) -> int:
    """Bytes of blobs that go with those images that aren't in use: what one that is in use has, too, stays."""
    kept: set[str] = set()
    gone: dict[str, int] = {}
    for blobs, used in images:
        if used:
            kept.update(blobs)
        else:
            gone.update(blobs)
    return sum(size for digest, size in gone.items() if digest not in kept)
