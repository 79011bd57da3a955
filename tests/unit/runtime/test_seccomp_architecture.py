"""The tables of system calls and the kernel's names of architectures are facts; these are the ones easily got wrong."""

from __future__ import annotations

import ctypes
import errno as numbers
import os
import platform

import pytest

from whit.packer.support.errors import UnsupportedError
from whit.runtime.seccomp.architecture import ARCHITECTURES, architecture_of, syscall_numbers

MACHINE = {"amd64": 62, "386": 3, "arm64": 183, "arm": 40, "riscv64": 243, "ppc64le": 21, "s390x": 22}
"""ELF's ``e_machine``."""

IS_64_BIT, IS_LITTLE_ENDIAN = 0x8000_0000, 0x4000_0000
NARROW = {"386", "arm"}

every_architecture = pytest.mark.parametrize("name", sorted(ARCHITECTURES))


@every_architecture
def test_an_audit_number_is_elf_s_machine_with_width_and_byte_order(name: str) -> None:
    known = architecture_of(name)
    width = 0 if name in NARROW else IS_64_BIT
    order = IS_LITTLE_ENDIAN if known.byte_order == "little" else 0
    assert known.audit == MACHINE[name] | width | order


@pytest.mark.parametrize(
    ("name", "call", "number"),
    [
        ("amd64", "read", 0),
        ("amd64", "execve", 59),
        ("amd64", "execveat", 322),
        ("386", "execve", 11),
        ("386", "socketcall", 102),
        ("386", "clock_gettime64", 403),
        ("arm64", "read", 63),
        ("arm64", "execve", 221),
        ("arm", "execve", 11),
        ("arm", "set_tls", 0xF0005),
        ("riscv64", "riscv_flush_icache", 259),
        ("ppc64le", "execve", 11),
        ("ppc64le", "clone", 120),
        ("s390x", "execve", 11),
        ("s390x", "getuid", 199),
    ],
)
def test_calls_have_their_architecture_s_number(name: str, call: str, number: int) -> None:
    assert syscall_numbers(name)[call] == number


@every_architecture
def test_calls_since_5_1_have_one_number_everywhere(name: str) -> None:
    """Given that the kernel numbers new calls alike on all architectures from pidfd_send_signal (424) on."""
    table = syscall_numbers(name)
    for call, number in (
        ("pidfd_send_signal", 424),
        ("clone3", 435),
        ("openat2", 437),
        ("mseal", 462),
        ("listns", 470),
    ):
        assert table[call] == number


@every_architecture
def test_tables_are_in_order_and_whole(name: str) -> None:
    in_file = list(syscall_numbers(name).values())
    assert in_file == sorted(in_file)
    assert len(in_file) > 300
    for call in ("read", "write", "openat", "clone", "execveat", "exit_group", "rt_sigreturn", "seccomp"):
        assert call in syscall_numbers(name)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="tells the machine from its own name")
def test_the_running_kernel_has_the_numbers() -> None:
    """Given calls that answer without arguments, the kernel answers as the C library does."""
    table = syscall_numbers({"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()])
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.syscall(table["getpid"]) == os.getpid()
    assert libc.syscall(table["getuid"]) == os.getuid()
    assert libc.syscall(table["close"], -1) == -1
    assert ctypes.get_errno() == numbers.EBADF


def test_an_architecture_without_a_table_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="'vax'") as caught:
        syscall_numbers("vax")
    assert caught.value.hint
