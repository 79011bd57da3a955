"""Language → its toolchain, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError
from whit.toolchains.model import Language

if TYPE_CHECKING:
    from whit.toolchains.model import Toolchain

_MODULES = {Language.GO: ("go", "GO")}
"""Module, and what it calls its toolchain."""


def toolchain_of(language: Language) -> Toolchain:
    """The toolchain. Raises :class:`UnsupportedError` for a language that is recognised and not built yet."""
    known = _MODULES.get(language)
    if known is None:
        raise UnsupportedError(
            f"sources of {language} aren't built by whit yet", hint="build the program, and give it to whit pack"
        )
    module, name = known
    found: Toolchain = getattr(import_module(f"whit.toolchains.{module}"), name)
    return found


def built_languages() -> tuple[Language, ...]:
    """Those that can be built."""
    return tuple(_MODULES)
