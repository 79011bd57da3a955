"""Rules on devices: cgroup v1's lists and v2's program say the same as the rules read one after the other."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.support.errors import UnsupportedError
from whit.runtime.oci.devices import ESSENTIAL, v1_writes, v2_program
from whit.runtime.oci.resources import DeviceRule

BITS = {"m": 1, "r": 2, "w": 4}
KINDS = {"b": 1, "c": 2}


def decide(rules: tuple[DeviceRule, ...], kind: str, major: int, minor: int, access: str) -> bool:
    """The definition: what isn't spoken of is forbidden; the last rule that speaks of the access decides."""
    allowed = False
    for rule in (*rules, *ESSENTIAL):
        spoken = set(access) <= set(rule.access) if rule.allow else bool(set(access) & set(rule.access))
        if rule.kind in ("a", kind) and rule.major in (None, major) and rule.minor in (None, minor) and spoken:
            allowed = rule.allow
    return allowed


def run_bpf(program: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    """The instructions that the program uses, as RFC 9669 defines them."""
    context = struct.pack("=III", sum(BITS[letter] for letter in access) << 16 | KINDS[kind], major, minor)
    code = list(struct.iter_unpack("=BBhi", program))
    registers, at = [0] * 11, 0
    while True:
        opcode, both, offset, immediate = code[at]
        target, source, number = both & 15, both >> 4, immediate & 0xFFFFFFFF
        at += 1
        if opcode == 0x61:
            assert source == 1
            registers[target] = struct.unpack_from("=I", context, offset)[0]
        elif opcode == 0xB4:
            registers[target] = number
        elif opcode == 0xBC:
            registers[target] = registers[source]
        elif opcode == 0x54:
            registers[target] &= number
        elif opcode == 0x74:
            registers[target] >>= number
        elif opcode == 0x56:
            at += offset if registers[target] != number else 0
        elif opcode == 0x16:
            at += offset if registers[target] == number else 0
        else:
            assert opcode == 0x95
            return bool(registers[0])


ACCESS = st.sets(st.sampled_from("rwm"), min_size=1).map(lambda letters: "".join(sorted(letters, key="rwm".index)))
NUMBER = st.none() | st.sampled_from([1, 3, 4_000_000_000])
RULES = st.lists(st.builds(DeviceRule, st.booleans(), st.sampled_from("abc"), NUMBER, NUMBER, ACCESS), max_size=6)
ASKED = st.tuples(st.sampled_from("bc"), st.sampled_from([1, 3, 5]), st.sampled_from([1, 3, 4_000_000_000]), ACCESS)


@given(RULES.map(tuple), ASKED)
def test_the_program_decides_as_the_rules_do(rules: tuple[DeviceRule, ...], asked: tuple[str, int, int, str]) -> None:
    assert run_bpf(v2_program(rules), *asked) == decide(rules, *asked)


def test_v1_begins_with_nothing_allowed() -> None:
    lines = list(v1_writes(()))
    assert lines[0] == ("devices.deny", "a")
    assert ("devices.allow", "c 1:3 rwm") in lines
    assert all(file == "devices.allow" for file, _ in lines[1:])


def test_a_rule_for_all_makes_those_before_it_void() -> None:
    rules = (DeviceRule(True, "c", 1, 1), DeviceRule(False), DeviceRule(True), DeviceRule(False, "b", 8, 0, "w"))
    assert list(v1_writes(rules)) == [("devices.allow", "a"), ("devices.deny", "b 8:0 w")]


def test_an_allowed_device_is_denied_again() -> None:
    rules = (DeviceRule(True, "c", 10, 200), DeviceRule(False, "c", 10, 200))
    assert ("devices.allow", "c 10:200 rwm") not in list(v1_writes(rules))


def test_a_part_of_an_allowed_range_cannot_be_denied() -> None:
    rules = (DeviceRule(True, "c", 10, None), DeviceRule(False, "c", 10, 200))
    with pytest.raises(UnsupportedError, match="c 10:200 rwm"):
        list(v1_writes(rules))
    # v2's program can.
    assert not run_bpf(v2_program(rules), "c", 10, 200, "r")
    assert run_bpf(v2_program(rules), "c", 10, 201, "r")
