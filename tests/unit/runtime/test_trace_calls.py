"""Which calls a trace watches, and that its filter shows just these."""

from __future__ import annotations

import pytest

from whit.runtime.seccomp.architecture import ARCHITECTURES, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW
from whit.runtime.seccomp.simulate import run_named
from whit.runtime.trace.calls import NOTIFY, PATHS, SEND, SOCKET_CALLS, Deed, by_number, trace_filter, unfound_calls

NAMED_IN_THE_ISSUE = [
    "open",
    "openat",
    "openat2",
    "creat",
    "execve",
    "execveat",
    "stat",
    "lstat",
    "newfstatat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "chdir",
    "mkdir",
    "mkdirat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "truncate",
    "connect",
    "bind",
    "listen",
    "socket",
]

architectures = pytest.mark.parametrize("architecture", list(ARCHITECTURES))


def test_every_call_that_names_a_file_or_a_socket_is_watched() -> None:
    assert set(NAMED_IN_THE_ISSUE) <= {*PATHS, *SOCKET_CALLS}


def test_every_watched_call_is_one_of_the_kernel_s() -> None:
    known = {name for architecture in ARCHITECTURES for name in syscall_numbers(architecture)}
    assert {*PATHS, *SOCKET_CALLS} <= known


@architectures
def test_the_filter_shows_what_is_watched_and_lets_the_rest_pass(architecture: str) -> None:
    program = compile_filter(trace_filter(architecture), architecture)
    for name in syscall_numbers(architecture):
        answer = run_named(program, architecture, name, (0, 0, 0, 0, 4096, 16))
        expected = NOTIFY if name in {*PATHS, *SOCKET_CALLS} else ALLOW
        assert answer == expected.return_value, name


@architectures
def test_what_was_not_found_in_code_is_shown_but_the_kernel_s_and_the_vdso_s(architecture: str) -> None:
    unfound = unfound_calls(architecture, frozenset({"read", "openat"}))
    program = compile_filter(trace_filter(architecture, unfound, 5), architecture)

    assert not unfound & {"read", "openat", "exit_group", "rt_sigreturn", "clock_gettime", "getrandom"}
    for name in unfound:
        assert run_named(program, architecture, name, (3, 0, 0, 0, 0, 0)) == NOTIFY.return_value, name
    assert run_named(program, architecture, "read", (0, 0, 0, 0, 0, 0)) == ALLOW.return_value
    assert run_named(program, architecture, "openat", (0, 0, 0, 0, 0, 0)) == NOTIFY.return_value


def test_the_launcher_hands_the_listener_over_unseen() -> None:
    """Who would let it go on?"""
    program = compile_filter(trace_filter("amd64", unfound_calls("amd64", frozenset()), 5), "amd64")
    for socket, flags, answer in ((5, 0x4000, ALLOW), (5, 0, NOTIFY), (6, 0x4000, NOTIFY)):
        assert run_named(program, "amd64", "sendmsg", (socket, 4096, flags)) == answer.return_value


def test_what_is_sent_on_a_connected_socket_isn_t_shown() -> None:
    program = compile_filter(trace_filter("amd64"), "amd64")
    assert run_named(program, "amd64", SEND, (3, 4096, 10, 0, 0, 0)) == ALLOW.return_value


def test_a_look_at_an_open_file_isn_t_shown_and_one_from_a_folder_on_is() -> None:
    program = compile_filter(trace_filter("amd64"), "amd64")
    here, empty = (1 << 64) - 100, 0x1000
    for name, by_path, of_open, of_here in (
        ("newfstatat", (5, 4096, 4096, 0x100), (5, 4096, 4096, empty), (here, 4096, 4096, empty)),
        ("statx", (5, 4096, 0), (5, 4096, empty), (here, 4096, empty)),
    ):
        assert run_named(program, "amd64", name, by_path) == NOTIFY.return_value
        assert run_named(program, "amd64", name, of_open) == ALLOW.return_value
        assert run_named(program, "amd64", name, of_here) == NOTIFY.return_value


@architectures
def test_a_notification_s_number_leads_back_to_the_call(architecture: str) -> None:
    table = by_number(architecture)
    numbers = syscall_numbers(architecture)
    assert all(numbers[name] == number for number, (name, _) in table.items())
    assert table[numbers["execve"]][1][0].deed is Deed.EXECUTE
    assert len(table[numbers["linkat"]][1]) == 2
