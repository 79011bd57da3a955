"""The images that FROM and ``COPY --from`` name: out of the store, or pulled into it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.packer.support.errors import NotFoundError, StoreError, UnsupportedError, UsageError, WhitError
from whit.packer.image.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.image.oci import ImageConfig
    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference
    from whit.packer.store.store import Store, StoredImage

    Pull = Callable[[Reference, Platform | None], Reference]


@dataclass(slots=True)
class Bases:
    """Each is asked for once in a build. ``pull`` brings an image into the store; ``pulls_always`` asks for newer ones.

    What is pulled for another platform has its digest for a name, so that the name stays this machine's; which that was
    is kept in ``ROOT/cache/bases/``.
    """

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
            if known.manifest.holds_module:
                raise UnsupportedError(f"{reference} is a Wasm artifact: it holds one module, and nothing can be put on it")
            return known

    def _obtain(self, reference: Reference, wanted: Platform) -> StoredImage:
        other = wanted if self._differs(wanted, self.here) else None
        missing: NotFoundError | None = None
        for name in () if self.pulls_always else (str(reference), *self._kept(reference, other)):
            try:
                image = self.store.resolve(name, other)
            except NotFoundError as error:
                missing = missing or error
            except StoreError:
                pass  # an index without it
            else:
                if not self._differs(image.platform, wanted):
                    return image
        try:
            pulled = self.pull(reference, other)
        except WhitError as error:
            if missing is None:
                raise
            raise NotFoundError(
                f"{missing.message}, and it can't be pulled: {error.message}", hint=error.hint or missing.hint
            ) from None
        if other:
            self._keep(reference, other, pulled)
        return self.store.resolve(str(pulled), other)

    def _record(self, reference: Reference, platform: Platform) -> Path:
        key = sha256(f"{reference} {platform}".encode()).hexdigest()
        return self.store.cache_folder / "bases" / key

    def _kept(self, reference: Reference, platform: Platform | None) -> tuple[str, ...]:
        if platform is None:
            return ()
        try:
            path = self._record(reference, platform)
            os.utime(path)
            return (str(parse_reference(path.read_text())),)
        except (OSError, UnicodeError, UsageError):
            return ()

    def _keep(self, reference: Reference, platform: Platform, pulled: Reference) -> None:
        path = self._record(reference, platform)
        with self.store.adding():
            durable.private_folder(path.parent)
            durable.write_whole(path, str(pulled).encode())

    @staticmethod
    def _differs(one: Platform, other: Platform) -> bool:
        return not one.is_for(other)
