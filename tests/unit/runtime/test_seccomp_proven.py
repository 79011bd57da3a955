"""The filter of a program whose calls are known: what it lets through, how it answers the rest, and what it never widens."""

from __future__ import annotations

import pytest

from tests.programs.make_elf import EXECUTE, READ, Elf, Segment
from whit.packer.image.callsclaim import Calls, Refusal, annotated, claimed
from whit.packer.support.errors import UnsupportedError
from whit.packer.syscalls.analyse import find
from whit.runtime.seccomp.architecture import ARCHITECTURES, X32_BIT, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter, compile_instructions
from whit.runtime.seccomp.model import ALLOW, ENOSYS, EPERM, KILL_PROCESS, Action, ActionKind, Filter, errno
from whit.runtime.seccomp.ofprogram import profile_of
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import EMPTY_PATH, REFUSALS, exported_filter, proven_filter
from whit.runtime.seccomp.simulate import run, run_named

SERVER = Calls(frozenset({"read", "write", "socket", "mount", "clone3"}))
UNSPEC, INET, STREAM = 0, 2, 1


def _answer(filter_: Filter, name: str, *arguments: int) -> int:
    return run_named(compile_filter(filter_, "amd64"), "amd64", name, arguments)


def test_calls_that_were_found_are_allowed_and_others_fail() -> None:
    filter_ = proven_filter(SERVER, "amd64")

    assert _answer(filter_, "write") == ALLOW.return_value
    assert _answer(filter_, "openat") == errno(EPERM).return_value


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
        assert _answer(filter_, name, *arguments) == errno(EPERM).return_value


def test_a_program_that_executes_others_may() -> None:
    filter_ = proven_filter(Calls(SERVER.names | {"execve"}), "amd64", start=9)

    assert _answer(filter_, "execve") == ALLOW.return_value
    assert _answer(filter_, "execveat", 9, 0, 0, 0, EMPTY_PATH) == ALLOW.return_value


def test_a_filter_for_other_runtimes_holds_their_own_last_calls() -> None:
    filter_ = exported_filter(SERVER, "amd64")

    for name in ("execve", "getdents64", "setgroups", "capset", "futex"):
        assert _answer(filter_, name) == ALLOW.return_value
    assert _answer(filter_, "listen") == errno(EPERM).return_value


@pytest.mark.parametrize("count", [5, 60, 200])
def test_the_program_stays_short(count: int) -> None:
    names = sorted(syscall_numbers("amd64"))[::2][:count]

    assert len(compile_instructions(proven_filter(Calls(frozenset(names)), "amd64"), "amd64")) < 400


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
