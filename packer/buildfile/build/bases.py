"""The images that FROM and ``COPY --from`` name: out of the store, or pulled into it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.support.errors import NotFoundError, WhitError
from whit.packer.image.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store, StoredImage

    Pull = Callable[[Reference, Platform | None], object]


@dataclass(slots=True)
class Bases:
    """Each is asked for once in a build. ``pull`` brings an image into the store; ``pulls_always`` asks for newer ones."""

    store: Store
    here: Platform
    pull: Pull
    pulls_always: bool = False
    _found: dict[tuple[str, str], StoredImage] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def config(self, reference: str, platform: Platform) -> ImageConfig:
        """An image's configuration."""
        return self.image(reference, platform).config

    def image(self, reference: str, platform: Platform | None) -> StoredImage:
        """The image. Raises :class:`NotFoundError` where neither store nor registry has it."""
        wanted = platform or self.here
        with self._lock:
            known = self._found.get((reference, str(wanted)))
            if known is None:
                known = self._found[reference, str(wanted)] = self._obtain(parse_reference(reference), wanted)
            return known

    def _obtain(self, reference: Reference, wanted: Platform) -> StoredImage:
        other = wanted if self._differs(wanted, self.here) else None
        missing: NotFoundError | None = None
        if not self.pulls_always:
            try:
                image = self.store.resolve(str(reference))
            except NotFoundError as error:
                missing = error
            else:
                if not self._differs(image.platform, wanted):
                    return image
        try:
            self.pull(reference, other)
        except WhitError as error:
            if missing is None:
                raise
            raise NotFoundError(
                f"{missing.message}, and it can't be pulled: {error.message}", hint=error.hint or missing.hint
            ) from None
        return self.store.resolve(str(reference))

    @staticmethod
    def _differs(one: Platform, other: Platform) -> bool:
        return (one.os, one.architecture) != (other.os, other.architecture)
