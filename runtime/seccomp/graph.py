"""A decision graph and its layout as classic BPF: every node is one instruction, equal nodes are one node.

BPF jumps only forward, and a conditional jump only over 255 instructions (linux/filter.h). So the layout starts from
the end: a node is placed when all that it leads to stands behind it, and all distances are known. Where a distance is
too long, a bridge goes in between: a copy of the target if that is a return, else an unconditional jump.
"""

from __future__ import annotations

from whit.packer.support.light import NamedTuple

LOAD = 0x20
AND = 0x54
JUMP = 0x05
RETURN = 0x06
IF_EQUAL = 0x15
IF_GREATER = 0x25
IF_GREATER_EQUAL = 0x35
IF_ANY_BIT = 0x45

FAR = 255
NONE = -1


class Node(NamedTuple):
    """One instruction: ``code``, constant ``k``, and the nodes that follow (``no`` only after a comparison)."""

    code: int
    k: int
    yes: int = NONE
    no: int = NONE


class Instruction(NamedTuple):
    """``struct sock_filter``: code, jump distances when true and when false, constant."""

    code: int
    jt: int
    jf: int
    k: int


class Graph:
    """Nodes by their index. Building goes from the end: a node's successors exist before it."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}

    def _add(self, node: Node) -> int:
        index = self._known.setdefault(node, len(self.nodes))
        if index == len(self.nodes):
            self.nodes.append(node)
        return index

    def returns(self, value: int) -> int:
        """End with this value."""
        return self._add(Node(RETURN, value))

    def load(self, offset: int, then: int) -> int:
        """Take the 32-bit word at ``offset`` of ``seccomp_data`` into the accumulator."""
        return self._add(Node(LOAD, offset, then))

    def mask(self, bits: int, then: int) -> int:
        """Keep these bits of the accumulator."""
        return self._add(Node(AND, bits, then))

    def test(self, code: int, k: int, yes: int, no: int) -> int:
        """Compare the accumulator with ``k``; no instruction if both ways are one."""
        return yes if yes == no else self._add(Node(code, k, yes, no))

    def holding(self, node: int, offset: int) -> int:
        """Where to enter ``node`` when the accumulator already holds the word at ``offset``: a second load is spared."""
        code, k, then, _ = self.nodes[node]
        return then if code == LOAD and k == offset else node

    def _order(self, root: int) -> list[int]:
        """What ``root`` reaches, each node after all that it leads to.

        The way of no comes first: then a chain of comparisons has each one's own way of yes close by.
        """
        order: list[int] = []
        seen: set[int] = set()
        pending = [root]
        while pending:
            index = pending[-1]
            _, _, yes, no = self.nodes[index]
            waits = [following for following in (no, yes) if following != NONE and following not in seen]
            if waits and index not in seen:
                pending.append(waits[0])
                continue
            pending.pop()
            if index not in seen:
                seen.add(index)
                order.append(index)
        return order

    def layout(self, root: int) -> list[Instruction]:
        """The program that starts at ``root``."""
        placed: dict[int, int] = {}
        backwards: list[Instruction] = []

        def distance(target: int) -> int:
            return len(backwards) - placed[target] - 1

        def bridge(target: int) -> None:
            node = self.nodes[target]
            if node.code == RETURN:
                backwards.append(Instruction(RETURN, 0, 0, node.k))
            else:
                backwards.append(Instruction(JUMP, 0, 0, distance(target)))
            placed[target] = len(backwards) - 1

        for index in self._order(root):
            code, k, yes, no = self.nodes[index]
            if no != NONE:
                while max(distance(yes), distance(no)) > FAR:
                    bridge(max(yes, no, key=distance))
                instruction = Instruction(code, distance(yes), distance(no), k)
            else:
                if yes != NONE and distance(yes):
                    bridge(yes)
                instruction = Instruction(code, 0, 0, k)
            placed[index] = len(backwards)
            backwards.append(instruction)
        return backwards[::-1]
