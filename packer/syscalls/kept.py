"""Pieces of an executable's code, decoded where somebody asks for one, and kept for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whit.packer.syscalls.bounds import Bounds
    from whit.packer.syscalls.image import Image
    from whit.packer.syscalls.machine import Machine
    from whit.packer.syscalls.pieces import Piece

_MOST_DECODED = 500_000
"""Instructions of small pieces that are kept, twice: some 10 MB each time."""

_LARGE = 20_000
"""Instructions of a piece that is kept for good: code that no table tells of."""

_FAULT = 1 << 16
"""Bytes that the kernel reads at once."""

_READ = 100 * _FAULT
"""Bytes that are read before the file's pages are given back."""


@dataclass(slots=True)
class Kept:
    """The pieces of an image's code, as ``bounds`` tell them apart."""

    image: Image
    bounds: Bounds
    machine: Machine
    _pieces: dict[int, Piece[Any]] = field(default_factory=dict)
    _older: dict[int, Piece[Any]] = field(default_factory=dict)
    _last: Piece[Any] | None = None
    """Most questions are about the same one as the question before."""
    _decoded: int = 0
    _read: int = 0

    def piece(self, address: int) -> Piece[Any] | None:
        """The piece that holds an address."""
        last = self._last
        if last is not None and last.start <= address < last.end:
            return last
        bounds = self.bounds.piece(address)
        if bounds is None or self.image.code_part(address) is None:
            return None
        start = bounds[0]
        known = self._pieces.get(start)
        if known is None:
            known = self._older.pop(start, None) or self.machine.decode(self.code, *bounds)
            self._keep(known)
        self._last = known
        return known

    def code(self, start: int, end: int) -> bytes:
        """The bytes from an address to below another. The file's pages aren't kept in memory for long: a fault brings some sixteen at once."""
        self._read += max(end - start, _FAULT)
        if self._read > _READ:
            self.image.let_go()
            self._read = 0
        return self.image.instructions(start, end)

    def _keep(self, piece: Piece[Any]) -> None:
        """As long as it is asked for now and then. Large ones for good: to decode a small one again is quick."""
        self._pieces[piece.start] = piece
        if len(piece.addresses) >= _LARGE:
            return
        self._decoded += len(piece.addresses)
        if self._decoded > _MOST_DECODED:
            self._older = self._pieces
            self._pieces = {start: one for start, one in self._older.items() if len(one.addresses) >= _LARGE}
            self._decoded = 0
