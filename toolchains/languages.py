"""Language → its toolchain, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from whit.toolchains.model import Language

if TYPE_CHECKING:
    from whit.toolchains.model import Toolchain

_MODULES = {
    Language.GO: ("go", "GO"),
    Language.RUST: ("rust", "RUST"),
    Language.NIM: ("nim", "NIM"),
    Language.ZIG: ("zig", "ZIG"),
    Language.C: ("c", "C_CHAIN"),
}
"""Module, and what it calls its toolchain."""


def toolchain_of(language: Language) -> Toolchain:
    """The toolchain."""
    module, name = _MODULES[language]
    found: Toolchain = getattr(import_module(f"whit.toolchains.{module}"), name)
    return found
