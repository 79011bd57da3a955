"""``linux.resources.devices``: which devices may be used, as cgroup v1's lists and as v2's program. Pure.

Rules count in order, a later one wins. What no rule speaks of is forbidden, and the devices that the specification
requires are allowed after all rules, as in runc.
"""

from __future__ import annotations

import struct

from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.oci.fields import refused
from whit.runtime.oci.resources import DeviceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = DeviceRule(allow=False)

ESSENTIAL: tuple[DeviceRule, ...] = (
    DeviceRule(True, "c", None, None, "m"),
    DeviceRule(True, "b", None, None, "m"),
    *(DeviceRule(True, "c", 1, minor) for minor in (3, 5, 7, 8, 9)),
    DeviceRule(True, "c", 5, 0),
    DeviceRule(True, "c", 5, 2),
    DeviceRule(True, "c", 136, None),
)
"""Making device files (not using them); null, zero, full, random, urandom; tty, ptmx and terminals."""

WHERE = "linux.resources.devices"


def _is_whole(rule: DeviceRule) -> bool:
    return rule.kind == "a" and rule.major is None and rule.minor is None and rule.access == "rwm"


def effective(rules: tuple[DeviceRule, ...]) -> tuple[DeviceRule, ...]:
    """The rules that count: the first one is for all devices, and all others are for one kind."""
    spread: list[DeviceRule] = [ALL]
    for rule in (*rules, *ESSENTIAL):
        if _is_whole(rule):
            spread = [rule]
        elif rule.allow is not spread[0].allow or len(spread) > 1:
            kinds = ("b", "c") if rule.kind == "a" else (rule.kind,)
            spread += [replace(rule, kind=kind) for kind in kinds]
    return tuple(spread)


def _overlaps(one: DeviceRule, other: DeviceRule) -> bool:
    pairs = ((one.kind, other.kind), (one.major, other.major), (one.minor, other.minor))
    same = all(left is None or right is None or left == right for left, right in pairs)
    return same and bool(set(one.access) & set(other.access))


def _text(rule: DeviceRule) -> str:
    if rule.kind == "a":
        return "a"
    numbers = ("*" if number is None else str(number) for number in (rule.major, rule.minor))
    return f"{rule.kind} {':'.join(numbers)} {rule.access}"


def v1_writes(rules: tuple[DeviceRule, ...]) -> Iterator[tuple[str, str]]:
    """(file, line) in order. Raises :class:`UnsupportedError` for what the kernel's lists can't say.

    They hold exceptions from one default: a part of an exception can't be taken back.
    """
    whole, *others = effective(rules)
    yield ("devices.allow" if whole.allow else "devices.deny"), "a"
    exceptions: list[DeviceRule] = []
    for rule in others:
        if rule.allow is whole.allow:
            partly = next((known for known in exceptions if _overlaps(known, rule) and not _covers(rule, known)), None)
            if partly is not None:
                raise refused(
                    WHERE,
                    f"cgroup v1 can't take '{_text(rule)}' out of '{_text(partly)}'",
                    "list what is to be allowed, each on its own",
                )
            if not any(_covers(rule, known) for known in exceptions):
                continue
            exceptions = [known for known in exceptions if not _covers(rule, known)]
        else:
            exceptions.append(rule)
    for rule in exceptions:
        yield ("devices.allow" if rule.allow else "devices.deny"), _text(rule)


def _covers(outer: DeviceRule, inner: DeviceRule) -> bool:
    pairs = ((outer.major, inner.major), (outer.minor, inner.minor))
    inside = all(left is None or left == right for left, right in pairs)
    return outer.kind == inner.kind and inside and set(inner.access) <= set(outer.access)


# Instructions of eBPF (RFC 9669), in the kernel's form: opcode, registers, offset, immediate.
_INSTRUCTION = struct.Struct("=BBhi")
LOAD_WORD, MOVE, MOVE_REGISTER, AND, SHIFT_RIGHT, JUMP_UNLESS, JUMP_IF, EXIT = (
    0x61, 0xB4, 0xBC, 0x54, 0x74, 0x56, 0x16, 0x95,
)  # fmt: skip
RESULT, CONTEXT, KIND, ACCESS, MAJOR, MINOR, SCRATCH = range(7)
KINDS = {"b": 1, "c": 2}
ACCESS_BITS = {"m": 1, "r": 2, "w": 4}
"""include/uapi/linux/bpf.h, ``BPF_DEVCG_*``."""


def _instruction(code: int, target: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    signed = immediate - (1 << 32) if immediate >= 1 << 31 else immediate
    return _INSTRUCTION.pack(code, source << 4 | target, offset, signed)


def _conditions(rule: DeviceRule) -> list[tuple[int, int, int]]:
    """(opcode of the jump that passes the rule by or of a computation, register, number) each."""
    numbers = ((KIND, KINDS.get(rule.kind)), (MAJOR, rule.major), (MINOR, rule.minor))
    steps = [(JUMP_UNLESS, register, number) for register, number in numbers if number is not None]
    bits, everything = sum(ACCESS_BITS[letter] for letter in rule.access), sum(ACCESS_BITS.values())
    if bits == everything:
        return steps
    # An allowing rule must cover all that is asked for, a denying one speaks of any part of it.
    outside = everything & ~bits if rule.allow else bits
    jump = JUMP_UNLESS if rule.allow else JUMP_IF
    return [*steps, (MOVE_REGISTER, SCRATCH, 0), (AND, SCRATCH, outside), (jump, SCRATCH, 0)]


def _rule_program(rule: DeviceRule) -> bytes:
    """Decide if the rule speaks of the access, else fall through."""
    steps = _conditions(rule)
    code = b""
    for index, (opcode, register, number) in enumerate(steps):
        offset = len(steps) + 1 - index if opcode in {JUMP_UNLESS, JUMP_IF} else 0
        source = ACCESS if opcode == MOVE_REGISTER else 0
        code += _instruction(opcode, register, source, offset, number)
    return code + _instruction(MOVE, RESULT, immediate=int(rule.allow)) + _instruction(EXIT)


def v2_program(rules: tuple[DeviceRule, ...]) -> bytes:
    """A program of type ``BPF_PROG_TYPE_CGROUP_DEVICE``: 1 allows, 0 forbids. The last rule is asked first."""
    whole, *others = effective(rules)
    code = _instruction(LOAD_WORD, KIND, CONTEXT, 0)
    code += _instruction(MOVE_REGISTER, ACCESS, KIND)
    code += _instruction(AND, KIND, immediate=0xFFFF)
    code += _instruction(SHIFT_RIGHT, ACCESS, immediate=16)
    code += _instruction(LOAD_WORD, MAJOR, CONTEXT, 4)
    code += _instruction(LOAD_WORD, MINOR, CONTEXT, 8)
    for rule in reversed(others):
        code += _rule_program(rule)
    return code + _instruction(MOVE, RESULT, immediate=int(whole.allow)) + _instruction(EXIT)
