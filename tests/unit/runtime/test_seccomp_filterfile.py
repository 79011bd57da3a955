"""Files of ``--security-opt seccomp=FILE``: docker's conditions are honoured, for a rule that is taken without its condition opens what it is to shut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whit.packer.support.errors import InvalidFileError
from whit.runtime.seccomp.filterfile import LARGEST, System, read_filter

HERE = System("amd64", "6.1.0-13-cloud-amd64")
ALLOW: dict[str, Any] = {"action": "SCMP_ACT_ALLOW"}


def names_of(*rules: dict[str, Any], rights: tuple[str, ...] = (), system: System = HERE, **whole: Any) -> list[str]:
    """The names that rules are left for, for a container that has these rights."""
    data = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules, **whole}).encode()
    syscalls: Any = read_filter(data, "it", system).for_rights(rights)["syscalls"]
    return [name for rule in syscalls for name in rule["names"]]


@pytest.mark.parametrize(
    ("conditions", "is_there"),
    [
        ({}, True),
        ({"includes": {}, "excludes": {}}, True),
        ({"includes": None, "excludes": None}, True),
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, False),
        ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
        ({"includes": {"caps": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"caps": ["CAP_CHOWN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}}, False),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"includes": {"arches": ["arm", "arm64"]}}, False),
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"excludes": {"arches": ["s390", "s390x"]}}, True),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.1"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"includes": {"minKernel": "10.0"}}, False),
        ({"excludes": {"minKernel": "4.8"}}, False),
        ({"excludes": {"minKernel": "6.12"}}, True),
        ({"includes": {"arches": ["amd64"], "minKernel": "9.9"}}, False),
        ({"includes": {"arches": ["amd64"], "caps": ["CAP_SYS_ADMIN"]}}, False),
        ({"excludes": {"arches": ["arm64"], "minKernel": "4.8"}}, False),
    ],
)
def test_a_rule_is_there_where_its_conditions_hold(conditions: dict[str, Any], is_there: bool) -> None:
    names = names_of({"names": ["mount"], **ALLOW, **conditions}, rights=("CAP_CHOWN",))
    assert names == (["mount"] if is_there else [])


def test_a_rule_may_have_one_name() -> None:
    assert names_of({"name": "read", **ALLOW}, {"names": ["write"], **ALLOW}) == ["read", "write"]


@pytest.mark.parametrize(
    ("architecture", "taken"),
    [("amd64", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]), ("arm64", ["SCMP_ARCH_AARCH64"]), ("riscv64", None)],
)
def test_the_map_tells_this_machine_s_architectures(architecture: str, taken: list[str] | None) -> None:
    families = [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64"},
    ]
    data = json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "archMap": families}).encode()
    assert read_filter(data, "it", System(architecture, "6.1.0")).for_rights(()).get("architectures") == taken


def test_what_no_runtime_reads_is_left_out() -> None:
    data = b'{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrno": "EPERM", "note": 1e999, "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "comment": 2}]}'
    assert read_filter(data, "it", HERE).for_rights(()) == {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("null", "it is not a JSON object"),
        ("[]", "it is not a JSON object"),
        ("{}", "it: defaultAction: None is not text"),
        ('{"defaultAction"', "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON: it is nested deeper than 32 levels"),
        (" " * LARGEST + "{}", "it is too large"),
        ('{"defaultAction": "SCMP_ACT_SOME"}', "it: defaultAction: 'SCMP_ACT_SOME' is not one of"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}', "it: 'syscalls' is not a list"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [1]}', "it: 'syscalls' is not a list of objects"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["x"]}', "it: architectures[0]: 'x' is not"),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]}',
            "it: there are architectures and an archMap",
        ),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}]}',
            "it: a rule has a name and names",
        ),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}]}',
            "it: minKernel: 'new' is no kernel's version",
        ),
        (
            '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["b"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1e400, "op": "SCMP_CMP_EQ"}]}]}',
            "it: syscalls[0].args[0].value: inf is not a whole number",
        ),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_by_the_file_s_name(text: str, said: str) -> None:
    with pytest.raises(InvalidFileError) as raised:
        read_filter(text.encode(), "it", HERE)
    assert raised.value.message.startswith(said)
    assert "docs.docker.com" in str(raised.value.hint)
