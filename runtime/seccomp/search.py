"""In which order a call's number is compared, so that its decision is found soon. Pure.

A filter is paid for when it is loaded. The kernel checks, converts and compiles each instruction, and it walks the
program once for every number in its table to learn which are always allowed (kernel/seccomp.c,
``seccomp_cache_prepare``). So there are two prices, of a comparison and of the comparisons on a number's way. Measured
on x86-64 (Linux 6.18), their proportion is what counts: :data:`COMPARISON` and :data:`STEP`.

Numbers with one decision are a stretch, also if single ones of another decision lie in it: each of these is one
comparison more (is it this one?), where two ranges around it would be two (is it above, is it below?).
"""

from __future__ import annotations

from math import log2

from whit.packer.support.light import NamedTuple
from whit.runtime.seccomp.graph import IF_EQUAL, IF_GREATER_EQUAL, Graph

COMPARISON = 0.15
"""What one comparison costs, in µs."""

STEP = 1.9
"""What it costs, in µs, that all numbers of the table pass one comparison."""

BEYOND_TABLES = 0x1000
"""No kernel walks so far; x32 and 32-bit ARM have further numbers that lie above."""


class Stretch(NamedTuple):
    """Numbers from ``start`` up to, and without, ``end`` that go to ``node``; ``singles`` go elsewhere, in ascending order."""

    start: int
    end: int
    node: int
    singles: tuple[tuple[int, int], ...] = ()


class _Cut(NamedTuple):
    """Where two parts begin to be searched apart: at ``number``, in the stretch ``part``, before its single ``inside`` (0: at its start)."""

    loss: float
    number: int
    part: int
    inside: int = 0


def stretches(ranges: list[tuple[int, int]]) -> list[Stretch]:
    """(First number, node) of neighbouring ranges, ascending, from 0 on, as few stretches; the last has no end."""
    found: list[Stretch] = []
    ends = [start for start, _ in ranges[1:]]
    for (start, node), end in zip(ranges, [*ends, 1 << 32], strict=True):
        if len(found) > 1 and _is_single(found[-1]) and found[-2].node == node:
            single, around = found.pop(), found.pop()
            found.append(Stretch(around.start, end, node, (*around.singles, (single.start, single.node))))
        else:
            found.append(Stretch(start, end, node))
    return found


def _is_single(stretch: Stretch) -> bool:
    return stretch.end - stretch.start == 1


class Search:
    """The comparisons for stretches, put into a graph. ``table`` is how many numbers the kernel's table has."""

    def __init__(self, graph: Graph, table: int) -> None:
        self.graph = graph
        self.table = max(table, 1)

    def node(self, parts: list[Stretch]) -> int:
        """Where to enter with a number in the accumulator."""
        if len(parts) == 1 and self._stays_whole(parts[0]):
            node = parts[0].node
            for number, other in reversed(parts[0].singles):
                node = self.graph.test(IF_EQUAL, number, other, node)
            return node
        cut = min(self._cuts(parts))
        stretch = parts[cut.part]
        below, above = parts[: cut.part], parts[cut.part + 1 :]
        if cut.inside:
            below.append(Stretch(stretch.start, cut.number, stretch.node, stretch.singles[: cut.inside]))
            stretch = Stretch(cut.number, stretch.end, stretch.node, stretch.singles[cut.inside :])
        higher, lower = self.node([stretch, *above]), self.node(below)
        return self.graph.test(IF_GREATER_EQUAL, cut.number, higher, lower)

    def _price(self, start: int, end: int) -> float:
        """Of one step for all of these numbers."""
        return STEP * max(min(end, self.table) - start, 0) / self.table

    def _stays_whole(self, stretch: Stretch) -> bool:
        """Whether comparing with all singles in a row is cheaper than two halves of them."""
        count = len(stretch.singles)
        return count < 2 or self._price(stretch.start, stretch.end) * (count / 2 - 1) <= COMPARISON  # noqa: PLR2004 - two halves

    def _cuts(self, parts: list[Stretch]) -> list[_Cut]:
        """Between stretches one has to compare anyway; between two singles of one it is a comparison more."""
        cuts: list[_Cut] = []
        first, last = parts[0].start, parts[-1].end
        for index, stretch in enumerate(parts):
            if index:
                cuts.append(_Cut(self._loss(first, stretch.start, last), stretch.start, index))
            for inside in range(1, len(stretch.singles)):
                lowest, highest = stretch.singles[inside - 1][0] + 1, stretch.singles[inside][0]
                middle = (first + min(last, self.table)) // 2
                number = min(max(middle, lowest), highest)
                cuts.append(_Cut(self._loss(first, number, last) + COMPARISON, number, index, inside))
        return cuts

    def _loss(self, first: int, number: int, last: int) -> float:
        """What a cut there costs more than one in the middle: a step that halves nothing is lost."""
        whole = min(last, self.table) - first
        part = min(max((number - first) / whole, 0), 1) if whole > 0 else 0
        if part in (0, 1):
            return self._price(first, last)
        return self._price(first, last) * (1 + part * log2(part) + (1 - part) * log2(1 - part))
