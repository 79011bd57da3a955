"""When images were pulled last, by their names and platforms: what asks for a newer one after a time (Compose's ``pull_policy``) looks here.

ROOT/pulls/DIGEST    of a name and a platform: seconds since 1970
"""

from __future__ import annotations

import contextlib
import time

from whit.packer.support import durable
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.image.platform import Platform
    from whit.packer.image.reference import Reference


def record_pull(root: Path, reference: Reference, platform: Platform | None = None) -> None:
    """Write down that an image was pulled just now. Raises :class:`StoreError`."""
    place = _place(root, reference, platform)
    with durable.store_errors(f"write to the store {root}"):
        durable.private_folder(place.parent)
        durable.write_whole(place, f"{int(time.time())}\n".encode())


def last_pull(root: Path, reference: Reference, platform: Platform | None = None) -> float | None:
    """When an image was pulled last, in seconds since 1970; None where nobody knows."""
    with contextlib.suppress(OSError, ValueError), _place(root, reference, platform).open("rb") as file:
        return float(file.read(32))
    return None


def _place(root: Path, reference: Reference, platform: Platform | None) -> Path:
    from hashlib import sha256  # noqa: PLC0415 - few services ask for it

    return root / "pulls" / sha256(f"{reference} {platform or ''}".encode()).hexdigest()
