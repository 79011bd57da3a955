"""The forms of a bill of materials, by name. Pure but for whit's own version."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from whit.packer.supply import cyclonedx, spdx, spdx3
from whit.packer.support.jsondoc import canonical_json

if TYPE_CHECKING:
    from whit.packer.supply.components import Inventory


class Form(StrEnum):
    """SPDX 2.3, SPDX 3.0, CycloneDX 1.6."""

    SPDX = "spdx"
    SPDX3 = "spdx3"
    CYCLONEDX = "cyclonedx"

    @property
    def media_type(self) -> str:
        """What the document is called on a registry."""
        return cyclonedx.MEDIA_TYPE if self is Form.CYCLONEDX else spdx.MEDIA_TYPE


_MAKERS = {Form.SPDX: spdx.spdx, Form.SPDX3: spdx3.spdx3, Form.CYCLONEDX: cyclonedx.cyclonedx}


def bill(inventory: Inventory, form: Form, created: int, version: str) -> bytes:
    """The document's bytes; ``created`` is in seconds since 1970, ``version`` whit's."""
    return canonical_json(_MAKERS[form](inventory, rfc3339(created), f"whit-{version}"))


def rfc3339(seconds: int) -> str:
    """A time in UTC, as ``1970-01-01T00:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
