"""Filter → classic BPF, as seccomp(2) takes it. Pure.

Shape of the program: the architecture is checked, then the call's number is looked up (``search.py``), then, for the
few calls whose arguments matter, these are compared; equal tails are shared. On calls whose answer depends on the number alone, nothing but loads of number and architecture,
comparisons, jumps and a return is executed, so that the kernel (since 5.11, ``seccomp_cache_prepare``) answers the
allowed ones from a bitmap without running the program at all.

Refused whatever the filter says: calls of an architecture that it doesn't name (the process is killed: the numbers
mean something else there), and x32 numbers on amd64 (ENOSYS, as from a kernel without x32).
"""

from __future__ import annotations

import struct
from itertools import groupby

from whit.packer.support.errors import UnsupportedError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.architecture import X32_BIT, Architecture, architecture_of, syscall_numbers
from whit.runtime.seccomp.graph import (
    IF_ANY_BIT,
    IF_EQUAL,
    IF_GREATER,
    IF_GREATER_EQUAL,
    Graph,
    Instruction,
)
from whit.runtime.seccomp.model import ENOSYS, KILL_PROCESS, Condition, Operator, errno
from whit.runtime.seccomp.search import BEYOND_TABLES, Search, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from whit.runtime.seccomp.model import Filter

MAX_INSTRUCTIONS = 4096
"""The kernel's limit on one program (linux/bpf_common.h, ``BPF_MAXINSNS``)."""

NUMBER_OFFSET = 0
ARCHITECTURE_OFFSET = 4
ARGUMENTS_OFFSET = 16
WORD = 0xFFFF_FFFF

Clause = tuple[tuple[Condition, ...], int]
Decision = tuple[Clause, ...]
"""What is decided for a number: the first clause whose conditions hold gives the return value; the last has none."""

Range = tuple[int, Decision]
"""The first number of a range, which goes up to the next range's, and its decision."""


def _decisions(filter_: Filter, numbers: dict[str, int]) -> dict[int, Decision]:
    """Number → decision, for the numbers that the rules name."""
    clauses: dict[int, list[Clause]] = {}
    for rule in filter_.rules:
        clause = (rule.conditions, rule.action.return_value)
        for name in rule.names:
            number = numbers.get(name)
            if number is not None:
                clauses.setdefault(number, []).append(clause)
    default = filter_.default.return_value
    return {number: _normal(listed, default) for number, listed in clauses.items()}


def _normal(clauses: list[Clause], default: int) -> Decision:
    """The clauses up to the first that always holds, without those that change nothing: equal ones compare equal."""
    kept: list[Clause] = []
    last = default
    for conditions, value in clauses:
        if not conditions:
            last = value
            break
        kept.append((conditions, value))
    while kept and kept[-1][1] == last:
        kept.pop()
    return (*kept, ((), last))


def _ranges(filter_: Filter, architecture: Architecture) -> list[Range]:
    """The numbers from 0 up as ranges; neighbours differ."""
    unnamed: Decision = (((), filter_.default.return_value),)
    ranges: list[Range] = []

    def extend(start: int, decision: Decision) -> None:
        if not ranges or ranges[-1][1] != decision:
            ranges.append((start, decision))

    following = 0
    for number, decision in sorted(_decisions(filter_, syscall_numbers(architecture.name)).items()):
        if number > following:
            extend(following, unnamed)
        extend(number, decision)
        following = number + 1
    extend(following, unnamed)
    if architecture.has_x32:
        extend(X32_BIT, (((), errno(ENOSYS).return_value),))
    return ranges


def _table(architecture: Architecture) -> int:
    """How many numbers a kernel looks at before it loads a filter."""
    return 1 + max(number for number in syscall_numbers(architecture.name).values() if number < BEYOND_TABLES)


def _first_condition(clause: Clause) -> Condition | None:
    return clause[0][0] if clause[0] else None


class _Compiler:
    """Ranges and conditions → nodes, for one byte order."""

    def __init__(self, byte_order: str) -> None:
        self.graph = Graph()
        self.low_first = byte_order == "little"

    def _words(self, index: int) -> tuple[int, int]:
        """Offsets of the low and the high half of an argument."""
        first = ARGUMENTS_OFFSET + 8 * index
        return (first, first + 4) if self.low_first else (first + 4, first)

    def _part_equal(self, offset: int, mask: int, value: int, ways: tuple[int, int]) -> int:
        """``word & mask == value`` for one half."""
        graph = self.graph
        if mask == 0:
            return ways[0]
        yes, no = (graph.holding(way, offset) for way in ways)
        if mask == WORD:
            return graph.load(offset, graph.test(IF_EQUAL, value, yes, no))
        if value == 0:
            return graph.load(offset, graph.test(IF_ANY_BIT, mask, no, yes))
        return graph.load(offset, graph.mask(mask, graph.test(IF_EQUAL, value, *ways)))

    def _equal(self, condition: Condition, mask: int, yes: int, no: int) -> int:
        value = condition.value
        if value & ~mask:
            return no
        low, high = self._words(condition.index)
        # The low half comes first: it decides mostly, and a next comparison of the same argument finds it loaded.
        rest = self._part_equal(high, mask >> 32, value >> 32, (yes, no))
        return self._part_equal(low, mask & WORD, value & WORD, (rest, no))

    def _above(self, condition: Condition, code: int, yes: int, no: int) -> int:
        """Greater, or greater or equal, by ``code``: the high halves decide unless they are equal."""
        graph = self.graph
        low, high = self._words(condition.index)
        tie = graph.load(low, graph.test(code, condition.value & WORD, graph.holding(yes, low), graph.holding(no, low)))
        yes, no = graph.holding(yes, high), graph.holding(no, high)
        half = condition.value >> 32
        other = graph.test(IF_GREATER, half, yes, no) if half else yes
        return graph.load(high, graph.test(IF_EQUAL, half, tie, other))

    def condition(self, condition: Condition, yes: int, no: int) -> int:
        """The node that goes to ``yes`` if the condition holds, else to ``no``."""
        kind = condition.operator
        if kind in (Operator.NE, Operator.LT, Operator.LE):
            yes, no = no, yes
        if kind is Operator.MASKED_EQ:
            return self._equal(condition, condition.mask, yes, no)
        if kind in (Operator.EQ, Operator.NE):
            return self._equal(condition, WORD << 32 | WORD, yes, no)
        above = IF_GREATER if kind in (Operator.GT, Operator.LE) else IF_GREATER_EQUAL
        return self._above(condition, above, yes, no)

    def _clauses(self, clauses: Sequence[Clause], otherwise: int) -> int:
        """The node that takes the first clause that holds, else goes to ``otherwise``.

        They are built from the last, so that equal tails are the same nodes; neighbours that begin with the same
        condition share its comparison.
        """
        node = otherwise
        for first, sharing in reversed([(first, list(group)) for first, group in groupby(clauses, _first_condition)]):
            if first is None:
                node = self.graph.returns(sharing[0][1])
            else:
                remaining = [(conditions[1:], value) for conditions, value in sharing]
                node = self.condition(first, self._clauses(remaining, node), node)
        return node

    def decision(self, decision: Decision) -> int:
        """The node that decides."""
        return self._clauses(decision[:-1], self.graph.returns(decision[-1][1]))

    def section(self, ranges: list[Range], table: int) -> int:
        """One architecture's part of the program; ``table`` is how many numbers its kernel has."""
        nodes = {decision: self.decision(decision) for _, decision in ranges}
        parts = stretches([(start, nodes[decision]) for start, decision in ranges])
        return self.graph.load(NUMBER_OFFSET, Search(self.graph, table).node(parts))

    def program(self, sections: dict[int, int]) -> list[Instruction]:
        """The whole program from ``seccomp_data.arch`` → section."""
        node = self.graph.returns(KILL_PROCESS.return_value)
        for audit, section in reversed(sections.items()):
            node = self.graph.test(IF_EQUAL, audit, section, node)
        return self.graph.layout(self.graph.load(ARCHITECTURE_OFFSET, node))


def compile_instructions(filter_: Filter, architecture: str) -> list[Instruction]:
    """The program for a kernel of ``architecture``, which the launcher is of too; see :func:`compile_filter`."""
    native = architecture_of(architecture)
    compiler = _Compiler(native.byte_order)
    names = dict.fromkeys((architecture, *filter_.architectures))
    sections: dict[int, int] = {}
    for known in map(architecture_of, names):
        if known.byte_order == native.byte_order:
            sections[known.audit] = compiler.section(_ranges(filter_, known), _table(known))
    program = compiler.program(sections)
    if len(program) > MAX_INSTRUCTIONS:
        raise UnsupportedError(
            f"the system call filter needs {len(program)} instructions, the kernel takes {MAX_INSTRUCTIONS}",
            hint="use fewer conditions on arguments in its rules",
        )
    return program


def compile_filter(filter_: Filter, architecture: str) -> bytes:
    """The filter as an array of ``struct sock_filter`` (8 bytes each) in the byte order of ``architecture``.

    ``architecture`` is the launcher's, in OCI's platform word; the filter's own ones are served besides (a 386
    program on amd64). Raises :class:`UnsupportedError` for an unknown architecture and for a filter that is too long.
    """
    form = struct.Struct("<HBBI" if architecture_of(architecture).byte_order == "little" else ">HBBI")
    return b"".join(form.pack(*instruction) for instruction in compile_instructions(filter_, architecture))
