"""A compiled filter decides as its rules do, for every call, argument, byte order and architecture."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whit.packer.support.errors import InvalidFileError, UnsupportedError
from whit.runtime.seccomp.architecture import ARCHITECTURES, X32_BIT, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter, compile_instructions
from whit.runtime.seccomp.graph import FAR, RETURN
from whit.runtime.seccomp.model import (
    ALLOW,
    ENOSYS,
    EPERM,
    KILL_PROCESS,
    MAX_VALUE,
    Action,
    ActionKind,
    Condition,
    Filter,
    Operator,
    Rule,
    errno,
)
from whit.runtime.seccomp.simulate import run, run_named

NAMES = ("read", "write", "close", "ioctl", "socket", "clone", "futex", "openat", "getrandom", "mseal")
NO_X32 = errno(ENOSYS).return_value

edges = st.sampled_from(
    [0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x1_0000_0001, MAX_VALUE - 1, MAX_VALUE]
)
words = edges | st.integers(0, MAX_VALUE)
actions = st.sampled_from([ALLOW, errno(EPERM), errno(ENOSYS), KILL_PROCESS, Action(ActionKind.TRACE, 7)])
conditions = st.builds(Condition, st.integers(0, 5), st.sampled_from(list(Operator)), words, words)


@st.composite
def _filters(draw: st.DrawFn) -> Filter:
    """Filters whose rules take their conditions from a small stock, so that rules begin or end alike."""
    stock = st.sampled_from(draw(st.lists(conditions, min_size=1, max_size=5)))
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple)
    rules = st.builds(Rule, names, actions, st.lists(stock, max_size=3).map(tuple))
    return Filter(draw(actions), ("amd64",), tuple(draw(st.lists(rules, max_size=10))))


def _near(filter_: Filter) -> st.SearchStrategy[tuple[int, ...]]:
    """Arguments at and beside the values that the rules compare with, in one half or both."""
    values = {condition.value for rule in filter_.rules for condition in rule.conditions} | {0}
    near = {(value + step) & MAX_VALUE for value in values for step in (0, 1, -1, 1 << 32, -1 << 32)}
    argument = st.sampled_from(sorted(near)) | words
    return st.tuples(*[argument] * 6)


@settings(max_examples=300, deadline=None)
@given(_filters(), st.sampled_from(sorted(ARCHITECTURES)), st.data())
def test_the_program_decides_as_the_rules_do(filter_: Filter, architecture: str, data: st.DataObject) -> None:
    filter_ = Filter(filter_.default, (architecture,), filter_.rules)
    program = compile_filter(filter_, architecture)
    names = {name: number for name, number in syscall_numbers(architecture).items() if name in NAMES}
    for arguments in data.draw(st.lists(_near(filter_), min_size=1, max_size=5)):
        for name, number in names.items():
            wanted = filter_.decide(name, arguments).return_value
            assert run(program, architecture, number, arguments) == wanted, (name, arguments)


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_each_number_has_its_own_answer(architecture: str) -> None:
    """Given a rule of its own for every call, the search finds each, and the numbers between get the default."""
    numbers = syscall_numbers(architecture)
    by_number = {number: name for name, number in numbers.items()}
    rules = tuple(Rule((name,), errno(1 + number % 4000)) for number, name in by_number.items())
    program = compile_filter(Filter(ALLOW, (architecture,), rules), architecture)
    for number in range(600):
        wanted = errno(1 + number % 4000) if number in by_number else ALLOW
        assert run(program, architecture, number) == wanted.return_value, number


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from([1, 2, 3])), min_size=1, max_size=60))
def test_however_numbers_are_scattered_each_finds_its_answer(runs: list[tuple[int, int]]) -> None:
    """Given runs of neighbouring calls, many of them single ones, with three answers."""
    answers = [answer for length, answer in runs for _ in range(length if length > 20 else 1)]
    by_number = {number: name for name, number in syscall_numbers("amd64").items()}
    chosen = dict(zip(sorted(by_number), answers, strict=False))
    rules = tuple(Rule((by_number[number],), errno(answer)) for number, answer in chosen.items())
    program = compile_filter(Filter(ALLOW, ("amd64",), rules), "amd64")

    for number in range(600):
        wanted = errno(chosen[number]) if number in chosen else ALLOW
        assert run(program, "amd64", number) == wanted.return_value, number


def test_a_single_number_in_a_range_is_one_comparison() -> None:
    """Given calls of which none has a neighbour, each further one is one more, or two where halving them is worth it."""
    names = ("open", "stat", "lstat", "lseek", "mprotect", "brk", "rt_sigprocmask", "pread64")

    def length(count: int) -> int:
        return len(compile_instructions(Filter(errno(EPERM), ("amd64",), (Rule(names[:count], ALLOW),)), "amd64"))

    assert length(2) == length(1) + 1
    assert length(len(names)) < length(1) + 2 * (len(names) - 1)


def test_a_call_of_a_foreign_architecture_kills_the_process() -> None:
    program = compile_filter(Filter(ALLOW, ("amd64",), ()), "amd64")
    assert run(program, "386", 1) == KILL_PROCESS.return_value
    assert run(program, "arm64", 1) == KILL_PROCESS.return_value


def test_a_named_second_architecture_is_decided_by_its_own_numbers() -> None:
    """Given a filter for 386 programs on amd64, exit (386: 1, amd64: 60) is found on both."""
    program = compile_filter(Filter(ALLOW, ("386",), (Rule(("exit",), errno(EPERM)),)), "amd64")
    assert run(program, "386", 1) == errno(EPERM).return_value
    assert run(program, "amd64", 60) == errno(EPERM).return_value
    assert run(program, "amd64", 1) == ALLOW.return_value


@pytest.mark.parametrize("number", [X32_BIT, X32_BIT + 1, X32_BIT + 59, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_x32_numbers_are_absent_even_if_everything_is_allowed(number: int) -> None:
    assert run(compile_filter(Filter(ALLOW, ("amd64",), ()), "amd64"), "amd64", number) == NO_X32


def test_neighbours_with_one_decision_are_one_range() -> None:
    """Given read, write, open, close (0 to 3) allowed, one comparison tells them from the rest."""
    filter_ = Filter(errno(EPERM), ("arm64",), (Rule(("io_setup", "io_destroy", "io_submit", "io_cancel"), ALLOW),))
    # load, check of the architecture, load, one comparison, and three returns
    assert len(compile_instructions(filter_, "arm64")) == 7


def test_what_always_holds_ends_the_rules() -> None:
    filter_ = Filter(
        KILL_PROCESS,
        ("amd64",),
        (
            Rule(("read",), errno(7), (Condition(0, Operator.EQ, 9),)),
            Rule(("read",), ALLOW),
            Rule(("read",), errno(8)),
        ),
    )
    program = compile_filter(filter_, "amd64")
    assert run_named(program, "amd64", "read", (9,)) == errno(7).return_value
    assert run_named(program, "amd64", "read", (8,)) == ALLOW.return_value


def test_rules_that_begin_alike_share_the_comparison() -> None:
    """Given one family with ten protocols, the family is compared once: each further protocol is one instruction."""

    def length(protocols: int) -> int:
        family = Condition(0, Operator.MASKED_EQ, 2, mask=0xFFFF_FFFF)
        rules = tuple(
            Rule(("socket",), ALLOW, (family, Condition(2, Operator.MASKED_EQ, protocol, mask=0xFFFF_FFFF)))
            for protocol in range(protocols)
        )
        return len(compile_instructions(Filter(KILL_PROCESS, ("amd64",), rules), "amd64"))

    assert length(10) == length(1) + 9


def _many(count: int) -> Filter:
    values = tuple(Rule(("ioctl",), errno(1 + value), (Condition(1, Operator.EQ, value),)) for value in range(count))
    return Filter(ALLOW, ("amd64",), (*values, Rule(("ioctl",), KILL_PROCESS)))


def test_jumps_farther_than_a_byte_are_bridged() -> None:
    """Given seven hundred values for one argument, targets lie beyond 255 instructions, and all are still reached."""
    filter_ = _many(700)
    assert len(compile_instructions(filter_, "amd64")) > 4 * FAR
    program = compile_filter(filter_, "amd64")
    for value in (0, 1, 254, 255, 256, 257, 698, 699, 700, 1 << 32):
        wanted = filter_.decide("ioctl", (0, value, 0, 0, 0, 0)).return_value
        assert run_named(program, "amd64", "ioctl", (0, value)) == wanted, value
    assert run_named(program, "amd64", "write") == ALLOW.return_value


def test_a_filter_that_the_kernel_would_not_take_is_refused_with_the_reason() -> None:
    with pytest.raises(UnsupportedError, match="instructions, the kernel takes 4096") as caught:
        compile_filter(_many(3000), "amd64")
    assert caught.value.hint


def test_an_unknown_architecture_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnsupportedError, match="'vax'") as caught:
        compile_filter(Filter(ALLOW, ("vax",), ()), "amd64")
    assert caught.value.hint
    assert "arm64" in caught.value.hint


def test_bytes_are_in_the_order_of_the_architecture() -> None:
    little = compile_filter(Filter(ALLOW, ("amd64",), ()), "amd64")
    big = compile_filter(Filter(ALLOW, ("s390x",), ()), "s390x")
    assert little[:8] == bytes.fromhex("2000000004000000")
    assert big[:8] == bytes.fromhex("0020000000000004")


@pytest.mark.parametrize(
    "program",
    [
        b"",
        struct.pack("<HBBI", 0x20, 0, 0, 0),
        struct.pack("<HBBI", 0x20, 0, 0, 64) + struct.pack("<HBBI", RETURN, 0, 0, 0),
        struct.pack("<HBBI", 0x20, 0, 0, 2) + struct.pack("<HBBI", RETURN, 0, 0, 0),
        struct.pack("<HBBI", 0x05, 0, 0, 9),
        struct.pack("<HBBI", 0x99, 0, 0, 9) + struct.pack("<HBBI", RETURN, 0, 0, 0),
    ],
)
def test_the_simulator_takes_no_program_that_leaves_its_bounds(program: bytes) -> None:
    with pytest.raises(InvalidFileError, match="filter program"):
        run(program, "amd64", 0)


@pytest.mark.parametrize("index", [-1, 6])
def test_a_condition_names_an_argument_that_calls_have(index: int) -> None:
    with pytest.raises(ValueError, match=f"argument {index}"):
        Condition(index, Operator.EQ, 0)


@pytest.mark.parametrize("data", [-1, 4096])
def test_an_error_number_is_one_that_the_kernel_returns(data: int) -> None:
    with pytest.raises(ValueError, match="not within 0 to 4095"):
        errno(data)
