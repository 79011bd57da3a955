"""What single AArch64 instructions do to the pages' addresses that registers hold. Pure (Arm ARM, C6)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from whit.packer.syscalls.arm64.fields import bits, is_of, signed_bits
from whit.packer.syscalls.arm64.meanings import meaning_of
from whit.packer.syscalls.locations import WORD, Deed, From, Register

SIZE = 4
"""Bytes of an instruction."""

LOST_IN_CALLS = frozenset((*range(19), 30))
"""Registers that a function needn't give back as they were."""

_CACHED = 1 << 16


class Effect(NamedTuple):
    """Registers that an instruction writes, the one whose value the first of them gets, and the one that it begins with to make an address by adding ``rest``."""

    writes: tuple[int, ...] = ()
    copied: int | None = None
    base: int | None = None
    rest: int = 0


def adr_of(word: int, address: int) -> int | None:
    """The address that ADR or ADRP makes."""
    distance = signed_bits(word, 5, 19) << 2 | bits(word, 29, 2)
    if is_of(word, 0x9F00_0000, 0x9000_0000):
        return (address & ~0xFFF) + (distance << 12) & WORD
    return address + distance & WORD if is_of(word, 0x9F00_0000, 0x1000_0000) else None


def is_adrp(word: int) -> bool:
    """Whether it makes a page's address."""
    return is_of(word, 0x9F00_0000, 0x9000_0000)


@lru_cache(maxsize=_CACHED)
def effect_of(word: int) -> Effect:
    """Of an instruction that isn't ADRP, and goes on at the next one."""
    if is_of(word, 0xFFE0_001F, 0xD400_0001):
        return Effect()  # SVC: the kernel leaves no page's address
    meaning = meaning_of(word)
    copied = None
    if meaning.writes and len(meaning.sources) == 1:
        source = meaning.sources[0]
        if isinstance(source, From) and source.operation is None and isinstance(source.location, Register):
            copied = source.location.number
    base, rest = _rest(word) or (None, 0)
    return Effect(meaning.writes, copied, base, rest)


def _rest(word: int) -> tuple[int, int] | None:
    """The register that an instruction's address begins with, and what it adds."""
    meaning = meaning_of(word)
    access = meaning.access
    if access is not None:
        if access.base is None or access.indexed or access.shift:
            return None
        return access.base, access.offset
    source = meaning.sources[0] if len(meaning.sources) == 1 else None
    if not is_of(word, 0xFF80_0000, 0x9100_0000) or not isinstance(source, From):
        return None
    added = source.operation.operand if source.operation is not None and source.operation.deed is Deed.ADD else 0
    return bits(word, 5, 5), added
