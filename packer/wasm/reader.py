"""Reading WebAssembly's primitive values with every length checked (core specification, 5.2 Values). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from whit.packer.support.search import Data

MAX_NAME = 100_000
"""The longest name that engines take (WebAssembly JavaScript Interface, Implementation-defined limits)."""


class Reader:
    """A place in ``data`` that moves forward and never past ``end``."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: Data, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def byte(self) -> int:
        """One byte."""
        if self.at >= self.end:
            raise truncated(self.at + 1, self.end)
        self.at += 1
        return self.data[self.at - 1]

    def number(self, bits: int = 32) -> int:
        """An unsigned LEB128 number of at most ``bits`` bits."""
        value = shift = 0
        while shift < bits:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte
                if value >> bits:
                    break
                return value
            shift += 7
        raise InvalidFileError(f"not a valid WebAssembly file: a number before byte {self.at} is too large")

    def signed(self) -> None:
        """Skip a signed LEB128 number of at most 33 bits."""
        for _ in range(5):
            if self.byte() < 0x80:  # noqa: PLR2004 - the last byte
                return
        raise InvalidFileError(f"not a valid WebAssembly file: a number before byte {self.at} is too large")

    def count(self) -> int:
        """The length of a vector; each element takes a byte at least, so it can't exceed what is left."""
        number = self.number()
        if number > self.end - self.at:
            raise truncated(self.at + number, self.end)
        return number

    def name(self) -> str:
        """A string after its length."""
        size = self.number()
        if size > MAX_NAME:
            raise InvalidFileError(f"not a valid WebAssembly file: a name of {size} bytes at byte {self.at}")
        self.skip(size)
        return self.data[self.at - size : self.at].decode("utf-8", "replace")

    def skip(self, size: int) -> None:
        """Move over ``size`` bytes."""
        if size > self.end - self.at:
            raise truncated(self.at + size, self.end)
        self.at += size


def truncated(wanted: int, end: int) -> InvalidFileError:
    """The error for a file or section that ends too early."""
    return InvalidFileError(
        f"truncated WebAssembly file: something ends at byte {wanted}, where the file or its section has {end}",
        hint="copy or download the file again",
    )
