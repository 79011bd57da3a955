"""An image that isn't in the store is pulled, as docker does it, and that is told on standard error."""

from __future__ import annotations

import sys

from whit.packer.image.reference import hex_id, parse_reference
from whit.packer.showing.console import tell
from whit.packer.support.errors import NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING, StrEnum

if TYPE_CHECKING:
    from whit.packer.image.platform import Platform
    from whit.packer.store.store import Store

_GENERAL = ("'whit images'", "the store is empty")
"""How hints begin that say nothing of the name."""


class Pull(StrEnum):
    """When an image is pulled: if it isn't there, each time, or not at all."""

    MISSING = "missing"
    ALWAYS = "always"
    NEVER = "never"


def obtain(target: str, store: Store, platform: Platform | None = None) -> None:
    """Pull the image of a name, for this machine or a platform. Raises :class:`WhitError` where that can't be."""
    from whit.packer.registry.registries import Registries  # noqa: PLC0415 - an image that is there needs none of it
    from whit.packer.registry.settings import Settings  # noqa: PLC0415
    from whit.packer.registry.told import pull_told  # noqa: PLC0415

    pull_told(store, Registries(Settings.read()), parse_reference(target), sys.stderr, platform)


def obtain_missing(target: str, store: Store, missing: NotFoundError, platform: Platform | None = None) -> None:
    """As :func:`obtain`, where the store doesn't have it. Raises what was ``missing`` where no registry has it either."""
    from whit.packer.registry.model import RegistryError  # noqa: PLC0415

    try:
        reference = parse_reference(target)
    except UsageError:
        raise missing from None
    digits = hex_id(target)
    if digits and len(digits) >= 12:  # noqa: PLR2004 - the beginning of an ID, as it is shown
        raise missing
    tell(f"Unable to find image '{reference.familiar}' locally\n")
    try:
        obtain(target, store, platform)
    except RegistryError as error:
        hint = missing.hint if missing.hint and not missing.hint.startswith(_GENERAL) else error.hint
        raise NotFoundError(
            f"{missing.message}, and it can't be pulled: {error.message}", hint=hint or missing.hint
        ) from None
