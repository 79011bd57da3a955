"""Programs that a test compiles, where their compilers are here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import lacking
from tests.programs.build import ToolchainMissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def compiled(make: Callable[[], Path]) -> Path:
    """What ``make`` makes; where a compiler is missing the test can't run."""
    try:
        return make()
    except ToolchainMissingError as error:
        lacking(str(error))
