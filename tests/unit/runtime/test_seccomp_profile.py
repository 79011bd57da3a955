"""The default filter: what programs may do, what they may not, what a capability adds, on every architecture."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from whit.runtime.seccomp import calls
from whit.runtime.seccomp.architecture import ARCHITECTURES, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter, compile_instructions
from whit.runtime.seccomp.model import ALLOW, EAFNOSUPPORT, ENOSYS, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT, errno
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.simulate import run, run_named

YES = ALLOW.return_value
NOT_PERMITTED = errno(EPERM).return_value
ABSENT = errno(ENOSYS).return_value
NO_FAMILY = errno(EAFNOSUPPORT).return_value
NO_PROTOCOL = errno(EPROTONOSUPPORT).return_value
NO_TYPE = errno(ESOCKTNOSUPPORT).return_value

DOCKER_ALLOWS = 304
"""Calls that docker's default profile allows on amd64."""

every_architecture = pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))


@cache
def _program(architecture: str, *capabilities: str) -> bytes:
    return compile_filter(default_filter(architecture, frozenset(capabilities)), architecture)


def _answer(name: str, *arguments: int, capabilities: tuple[str, ...] = ()) -> int:
    return run_named(_program("amd64", *capabilities), "amd64", name, arguments)


def test_every_call_of_every_architecture_is_in_one_group() -> None:
    groups = (calls.ALLOWED, calls.REFUSED_PRIVILEGED, calls.REFUSED_ABSENT)
    listed = Counter(name for group in groups for names in group.values() for name in names)
    for name in calls.BY_ARGUMENTS:
        listed[name] = 1
    known = {name for architecture in ARCHITECTURES for name in syscall_numbers(architecture)}
    assert {name for name, count in listed.items() if count > 1} == set()
    assert set(listed) == known
    assert {name for names in calls.GRANTED.values() for name in names} <= known


@every_architecture
def test_each_listed_call_gets_its_group_s_answer(architecture: str) -> None:
    numbers = syscall_numbers(architecture)
    for group, answer in (
        (calls.ALLOWED, YES),
        (calls.REFUSED_PRIVILEGED, NOT_PERMITTED),
        (calls.REFUSED_ABSENT, ABSENT),
    ):
        for name in {name for names in group.values() for name in names} - set(calls.BY_ARGUMENTS):
            if name in numbers:
                assert run_named(_program(architecture), architecture, name) == answer, name


@every_architecture
def test_a_call_of_a_newer_kernel_is_absent(architecture: str) -> None:
    newest = max(number for number in syscall_numbers(architecture).values() if number < 10_000)
    for number in (newest + 1, newest + 2, 999, 5_000):
        assert run(_program(architecture), architecture, number) == ABSENT


@every_architecture
def test_the_filter_is_short(architecture: str) -> None:
    assert len(compile_instructions(default_filter(architecture), architecture)) < 200


def test_it_allows_well_fewer_calls_than_docker_s() -> None:
    open_to_all = [name for names in calls.ALLOWED.values() for name in names]
    allowed = {name for name in (*open_to_all, *calls.BY_ARGUMENTS) if name in syscall_numbers("amd64")}
    assert len(allowed) == 271
    assert len(allowed) < DOCKER_ALLOWS


@every_architecture
@pytest.mark.parametrize(
    "name", ["execve", "execveat", "exit_group", "rt_sigreturn", "restart_syscall", "write", "close"]
)
def test_what_the_launcher_and_the_kernel_need_after_loading_is_allowed(architecture: str, name: str) -> None:
    assert run_named(_program(architecture), architecture, name) == YES


THREAD = 0x3D0F00
NEW_USER = 0x1000_0000
NEW_NET = 0x4000_0000


def test_threads_and_children_are_made_and_namespaces_are_not() -> None:
    assert _answer("clone", THREAD) == YES
    assert _answer("clone", 17) == YES
    assert _answer("clone", NEW_USER | 17) == NOT_PERMITTED
    assert _answer("clone", NEW_NET | THREAD) == NOT_PERMITTED
    assert _answer("clone3") == ABSENT
    assert _answer("unshare", NEW_USER) == NOT_PERMITTED


def test_on_s390x_the_flags_are_clone_s_second_argument() -> None:
    program = _program("s390x")
    assert run_named(program, "s390x", "clone", (NEW_USER, THREAD)) == YES
    assert run_named(program, "s390x", "clone", (0, NEW_USER)) == NOT_PERMITTED


@pytest.mark.parametrize("name", ["socket", "socketpair"])
@pytest.mark.parametrize(
    ("family", "protocol", "answer"),
    [
        pytest.param(1, 0, YES, id="unix"),
        pytest.param(2, 6, YES, id="inet"),
        pytest.param(10, 17, YES, id="inet6"),
        pytest.param(2, 262, YES, id="multipath TCP"),
        pytest.param(10, 58, YES, id="ping"),
        pytest.param(2, 33, NO_PROTOCOL, id="DCCP"),
        pytest.param(10, 115, NO_PROTOCOL, id="L2TP"),
        pytest.param(2, 132, NO_PROTOCOL, id="SCTP"),
        pytest.param(16, 0, YES, id="netlink route"),
        pytest.param(16, 12, NO_FAMILY, id="netlink netfilter"),
        pytest.param(16, 9, NO_FAMILY, id="netlink audit"),
        pytest.param(17, 3, NO_FAMILY, id="packet"),
        pytest.param(38, 0, NO_FAMILY, id="kernel crypto"),
        pytest.param(40, 0, NO_FAMILY, id="vsock"),
        pytest.param(0, 0, NO_FAMILY, id="unspecified"),
        pytest.param(0xFFFF_FFFF, 0, NO_FAMILY, id="minus one"),
        pytest.param(38 | 1 << 32, 0, NO_FAMILY, id="crypto with a bit that the kernel ignores"),
    ],
)
def test_sockets_are_of_the_families_that_servers_use(name: str, family: int, protocol: int, answer: int) -> None:
    assert _answer(name, family, 1, protocol) == answer


@pytest.mark.parametrize("flags", [0, 0x800, 0x80000])
def test_a_type_of_socket_that_would_load_a_module_is_refused(flags: int) -> None:
    """Given DCCP, which has a type of its own, and the flags non-blocking and close-on-exec."""
    assert _answer("socket", 2, 6 | flags, 0) == NO_TYPE
    assert _answer("socket", 1, 5 | flags, 0) == YES


@pytest.mark.parametrize("request_", [0x5412, 0x541C, 0x541D, 0x5423])
@pytest.mark.parametrize("ignored", [0, 1 << 32, 0xFFFF_FFFF << 32])
def test_terminal_ioctls_that_reach_outside_are_refused_whatever_the_ignored_bits(request_: int, ignored: int) -> None:
    assert _answer("ioctl", 0, request_ | ignored) == NOT_PERMITTED


@pytest.mark.parametrize("request_", [0x5401, 0x5411, 0x5413, 0x541B, 0x5421])
def test_other_ioctls_are_the_device_s_matter(request_: int) -> None:
    assert _answer("ioctl", 0, request_) == YES


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        pytest.param(0o010644, YES, id="fifo"),
        pytest.param(0o140644, YES, id="socket"),
        pytest.param(0o100644, YES, id="file"),
        pytest.param(0o644, YES, id="file by default"),
        pytest.param(0o020644, NOT_PERMITTED, id="character device"),
        pytest.param(0o060644, NOT_PERMITTED, id="block device"),
        pytest.param(0o020644 | 1 << 32, NOT_PERMITTED, id="device with an ignored bit"),
    ],
)
def test_nodes_are_made_but_no_devices(mode: int, answer: int) -> None:
    assert _answer("mknod", 0, mode) == answer
    assert _answer("mknodat", 0, 0, mode) == answer


@pytest.mark.parametrize(
    ("persona", "answer"),
    [(0, YES), (8, YES), (0xFFFF_FFFF, YES), (0x0040_0000, NOT_PERMITTED), (0x0004_0000, NOT_PERMITTED)],
)
def test_the_personality_is_asked_for_but_address_randomisation_stays(persona: int, answer: int) -> None:
    assert _answer("personality", persona) == answer


@pytest.mark.parametrize(
    ("capability", "name", "arguments"),
    [
        ("CAP_SYS_ADMIN", "mount", ()),
        ("CAP_SYS_ADMIN", "unshare", (NEW_USER,)),
        ("CAP_SYS_ADMIN", "clone", (NEW_USER,)),
        ("CAP_SYS_ADMIN", "clone3", ()),
        ("CAP_SYS_PTRACE", "ptrace", ()),
        ("CAP_SYS_CHROOT", "chroot", ()),
        ("CAP_SYS_TIME", "clock_settime", ()),
        ("CAP_SYS_MODULE", "finit_module", ()),
        ("CAP_SYS_BOOT", "reboot", ()),
        ("CAP_SYS_NICE", "mbind", ()),
        ("CAP_SYSLOG", "syslog", ()),
        ("CAP_BPF", "bpf", ()),
        ("CAP_MKNOD", "mknod", (0, 0o020644)),
        ("CAP_NET_RAW", "socket", (17, 3, 3)),
        ("CAP_NET_RAW", "socket", (2, 3, 132)),
        ("CAP_NET_ADMIN", "socket", (16, 3, 12)),
        ("CAP_AUDIT_WRITE", "socket", (16, 3, 9)),
    ],
)
def test_an_added_capability_brings_the_calls_that_need_it(
    capability: str, name: str, arguments: tuple[int, ...]
) -> None:
    assert _answer(name, *arguments) != YES
    assert _answer(name, *arguments, capabilities=(capability,)) == YES


def test_a_capability_that_is_about_no_call_changes_nothing() -> None:
    assert _program("amd64", "CAP_NET_BIND_SERVICE") == _program("amd64")
