"""A filter for libseccomp allows what the one that it was made from allows."""

from __future__ import annotations

import itertools

import pytest

from whit.runtime.seccomp.architecture import syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.model import ALLOW
from whit.runtime.seccomp.oci import from_oci
from whit.runtime.seccomp.portable import portable
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.simulate import run_named

VALUES = {
    "socket": itertools.product((0, 1, 2, 10, 16, 17, 38, 40), (1, 2, 6, 0x80006), (0, 1, 6, 9, 17, 58, 132, 262)),
    "ioctl": itertools.product(
        (0,), (0x5401, 0x5411, 0x5412, 0x5413, 0x541C, 0x541D, 0x5423, 0x5424, 0x5412 | 1 << 32)
    ),
    "clone": ((flags,) for flags in (0, 0x11, 0x1000_0000, 0x3D0F00, 0x0200_0000)),
    "personality": ((kind,) for kind in (0, 8, 0xFFFF_FFFF, 0x40000)),
    "mknod": itertools.product((0,), (0o10644, 0o20644, 0o60644, 0o100644)),
    "mknodat": itertools.product((0,), (0,), (0o10644, 0o20644)),
}


@pytest.mark.parametrize("capabilities", [frozenset(), frozenset({"CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_NET_ADMIN"})])
def test_it_allows_the_same(capabilities: frozenset[str]) -> None:
    whole = default_filter("amd64", capabilities)
    usual, made = (compile_filter(one, "amd64") for one in (whole, from_oci(to_oci(portable(whole)), "amd64")))
    calls: list[tuple[str, tuple[int, ...]]] = [(name, (0,) * 6) for name in syscall_numbers("amd64")]
    calls += [(name, tuple(arguments)) for name, values in VALUES.items() for arguments in values]

    for name, arguments in calls:
        allowed = (run_named(program, "amd64", name, arguments) == ALLOW.return_value for program in (usual, made))
        assert len(set(allowed)) == 1, (name, arguments)


def test_no_two_rules_of_a_call_overlap_with_different_actions() -> None:
    rules = portable(default_filter("amd64")).rules

    for name in syscall_numbers("amd64"):
        own = [rule for rule in rules if name in rule.names]
        assert len({rule.action for rule in own}) <= 1, name
