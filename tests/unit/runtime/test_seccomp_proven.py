"""The filter of a program whose calls are known: what it lets through, how it answers the rest, and what it never widens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs.make_elf import EXECUTE, READ, Elf, Segment
from whit.packer.image.callsclaim import Calls, Refusal, annotated, claimed
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.analyse import find
from whit.runtime.seccomp.architecture import ARCHITECTURES, X32_BIT, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter, compile_instructions
from whit.runtime.seccomp.model import (
    ALLOW,
    EAFNOSUPPORT,
    ENOSYS,
    EPERM,
    KILL_PROCESS,
    Action,
    ActionKind,
    Filter,
    errno,
)
from whit.runtime.seccomp.ofprogram import profile_of
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import EMPTY_PATH, KERNELS, REFUSALS, VDSO, exported_filter, proven_filter
from whit.runtime.seccomp.simulate import run, run_named

SERVER = Calls(frozenset({"read", "write", "socket", "mount", "clone3"}))
UNSPEC, INET, STREAM = 0, 2, 1
ARGUMENTS = (
    (),
    (INET, STREAM, 0),
    (INET, 6, 0),
    (INET, 3, 255),
    (16, 3, 0),
    (16, 3, 9),
    (40,),
    (0x1000_0000, 0x6000, 0x2000),
    (1, 0x5412),
)
"""Sockets of all kinds, a namespace and a device, an ioctl of a terminal."""

NAMELESS = (*set(range(1200)) - set(syscall_numbers("amd64").values()), X32_BIT - 1, X32_BIT, X32_BIT | 1, 0xFFFF_FFFF)


def _answer(filter_: Filter, name: str, *arguments: int) -> int:
    return run_named(compile_filter(filter_, "amd64"), "amd64", name, arguments)


def test_calls_that_were_found_are_allowed_and_others_fail() -> None:
    filter_ = proven_filter(SERVER, "amd64")

    assert _answer(filter_, "write") == ALLOW.return_value
    assert _answer(filter_, "openat") == errno(ENOSYS).return_value


@pytest.mark.parametrize("refusal", list(Refusal))
def test_the_answer_to_others_is_chosen(refusal: Refusal) -> None:
    filter_ = proven_filter(Calls(SERVER.names, refusal), "amd64")

    assert _answer(filter_, "openat") == REFUSALS[refusal].return_value


@pytest.mark.parametrize(
    "name", ["rt_sigreturn", "restart_syscall", "exit", "exit_group", "clock_gettime", "getrandom"]
)
def test_what_the_kernel_and_the_vdso_call_is_always_allowed(name: str) -> None:
    assert _answer(proven_filter(SERVER, "amd64"), name) == ALLOW.return_value


def test_what_the_default_filter_refuses_stays_refused_in_its_way() -> None:
    filter_ = proven_filter(SERVER, "amd64")

    assert _answer(filter_, "mount") == errno(EPERM).return_value
    assert _answer(filter_, "clone3") == errno(ENOSYS).return_value
    assert _answer(filter_, "socket", UNSPEC, STREAM, 0) != ALLOW.return_value
    assert _answer(filter_, "socket", INET, STREAM, 0) == ALLOW.return_value


@pytest.mark.parametrize("name", ["openat", "bpf", "io_uring_setup", "socket", "ioctl"])
def test_what_was_not_found_ends_the_program_if_one_wants_that_whatever_the_default_filter_says(name: str) -> None:
    filter_ = proven_filter(Calls(frozenset({"read"}), Refusal.KILL), "amd64")

    for arguments in ((), (INET, STREAM, 0), (0, 0x5412)):
        assert _answer(filter_, name, *arguments) == KILL_PROCESS.return_value


def test_numbers_of_newer_kernels_are_absent_even_then() -> None:
    """The vDSO of a newer kernel may try them."""
    program = compile_filter(proven_filter(Calls(frozenset(), Refusal.KILL), "amd64"), "amd64")

    assert run(program, "amd64", 700) == errno(ENOSYS).return_value


def test_what_is_only_logged_is_what_the_default_filter_would_let_through() -> None:
    filter_ = proven_filter(Calls(frozenset(), Refusal.LOG), "amd64")

    assert _answer(filter_, "socket", INET, STREAM, 0) == Action(ActionKind.LOG).return_value
    assert _answer(filter_, "socket", 40, STREAM, 0) == errno(EAFNOSUPPORT).return_value
    assert _answer(filter_, "bpf") == errno(EPERM).return_value


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(sorted(syscall_numbers("amd64")))), st.sampled_from(list(Refusal)), st.booleans())
def test_each_number_is_answered_as_the_default_filter_does_or_refused(
    names: set[str], refusal: Refusal, known_start: bool
) -> None:
    """Whatever was found, for all numbers that a kernel can have, and arguments on both sides of each condition."""
    calls = Calls(frozenset(names), refusal)
    made = compile_filter(proven_filter(calls, "amd64", start=9 if known_start else None), "amd64")
    default = compile_filter(default_filter("amd64"), "amd64")
    wanted = names | KERNELS | VDSO
    let_through = {ALLOW.return_value}

    for name, number in syscall_numbers("amd64").items():
        if name == "execveat" and known_start:
            continue
        for arguments in ARGUMENTS:
            usual = run(default, "amd64", number, arguments)
            logged = refusal is Refusal.LOG and usual not in let_through
            expected = usual if name in wanted or logged else REFUSALS[refusal].return_value
            assert run(made, "amd64", number, arguments) == expected, (name, arguments)
    for number in NAMELESS:
        assert run(made, "amd64", number) == errno(ENOSYS).return_value, number


@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
@pytest.mark.parametrize("refusal", [Refusal.ERRNO, Refusal.LOG])
def test_nothing_is_let_through_that_the_default_filter_refuses(architecture: str, refusal: Refusal) -> None:
    """Whatever a program's calls are: here each of the architecture's."""
    every = Calls(frozenset(syscall_numbers(architecture)), refusal)
    filters = (
        default_filter(architecture),
        proven_filter(every, architecture),
        proven_filter(Calls(frozenset(), refusal), architecture),
    )
    whole, all_found, none_found = (compile_filter(one, architecture) for one in filters)
    through = {ALLOW.return_value, Action(ActionKind.LOG).return_value}

    for name in syscall_numbers(architecture):
        for arguments in ((), (0x1000_0000,), (INET, STREAM, 0), (16, 3, 9), (1, 0x5412)):
            default = run_named(whole, architecture, name, arguments)
            assert run_named(all_found, architecture, name, arguments) == default
            assert default in through or run_named(none_found, architecture, name, arguments) not in through


def test_x32_numbers_and_other_architectures_are_refused() -> None:
    program = compile_filter(proven_filter(SERVER, "amd64"), "amd64")

    assert run(program, "amd64", X32_BIT | 1) == errno(ENOSYS).return_value
    assert run(program, "386", 1) == KILL_PROCESS.return_value


def test_only_the_launchers_own_descriptor_is_executed() -> None:
    filter_ = proven_filter(SERVER, "amd64", start=9)

    assert _answer(filter_, "execveat", 9, 0, 0, 0, EMPTY_PATH) == ALLOW.return_value
    for name, arguments in (
        ("execveat", (10, 0, 0, 0, EMPTY_PATH)),
        ("execveat", (9, 0, 0, 0, 0)),
        ("execve", (9,)),
    ):
        assert _answer(filter_, name, *arguments) == errno(ENOSYS).return_value


def test_a_program_that_executes_others_may() -> None:
    filter_ = proven_filter(Calls(SERVER.names | {"execve"}), "amd64", start=9)

    assert _answer(filter_, "execve") == ALLOW.return_value
    assert _answer(filter_, "execveat", 9, 0, 0, 0, EMPTY_PATH) == ALLOW.return_value


def test_a_filter_for_other_runtimes_holds_their_own_last_calls() -> None:
    filter_ = exported_filter(SERVER, "amd64")

    for name in ("execve", "getdents64", "setgroups", "capset", "futex", "pselect6"):
        assert _answer(filter_, name) == ALLOW.return_value
    assert _answer(filter_, "listen") == errno(ENOSYS).return_value


def test_what_other_runtimes_only_try_fails_where_all_else_ends_the_program() -> None:
    filter_ = exported_filter(Calls(SERVER.names, Refusal.KILL), "amd64")

    for name in ("ioctl", "open_tree"):
        assert _answer(filter_, name) == errno(ENOSYS).return_value
    assert _answer(filter_, "listen") == KILL_PROCESS.return_value
    # A program's own call stays what it was, and what is let pass to be seen is let pass
    own = exported_filter(Calls(SERVER.names | {"ioctl"}, Refusal.KILL), "amd64")
    assert _answer(own, "ioctl") == ALLOW.return_value
    let_through = exported_filter(Calls(SERVER.names, Refusal.LOG), "amd64")
    assert _answer(let_through, "ioctl") == Action(ActionKind.LOG).return_value


@pytest.mark.parametrize(("count", "longest"), [(0, 30), (12, 70), (60, 140), (200, 260)])
def test_the_program_is_as_long_as_what_it_allows_is_scattered(count: int, longest: int) -> None:
    names = sorted(syscall_numbers("amd64"))[::2][:count]

    assert len(compile_instructions(proven_filter(Calls(frozenset(names)), "amd64"), "amd64")) <= longest


def test_an_image_says_whose_calls_it_tells() -> None:
    told = dict(annotated("/server", Calls(SERVER.names, Refusal.KILL)))

    assert claimed(told, "/server") == Calls(SERVER.names, Refusal.KILL)
    assert claimed(told, "/other") is None
    assert claimed({}, "/server") is None
    assert claimed({**told, "dev.whit.syscalls.else": "whatever"}, "/server") == SERVER


def test_there_is_no_filter_where_something_is_unknown() -> None:
    reads_the_stack = bytes.fromhex("8b0424 0f05")
    found = find(Elf(segments=(Segment(reads_the_stack, flags=READ | EXECUTE),)).build())

    with pytest.raises(UnsupportedError, match="not all of its system calls are known"):
        profile_of("it", found, "errno")
