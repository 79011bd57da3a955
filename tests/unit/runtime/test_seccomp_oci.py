"""``linux.seccomp`` of an OCI config.json is read as the specification says, and errors name the field."""

from __future__ import annotations

from typing import Any

import pytest

from whit.packer.support.errors import InvalidFileError
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import (
    ALLOW,
    EPERM,
    KILL_PROCESS,
    Action,
    ActionKind,
    Condition,
    Filter,
    Operator,
    Rule,
    errno,
)
from whit.runtime.seccomp.oci import from_oci
from whit.runtime.seccomp.simulate import run_named


def _entry(**fields: Any) -> dict[str, Any]:
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW"} | fields


def _document(**fields: Any) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ERRNO"} | fields


def test_a_document_becomes_a_filter() -> None:
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
            {
                "names": ["personality"],
                "action": "SCMP_ACT_KILL_PROCESS",
                "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}],
            },
            {
                "names": ["clone"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": 13,
                "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
            },
        ],
    }
    assert from_oci(document, "amd64") == Filter(
        errno(38),
        ("amd64", "386"),
        (
            Rule(("read", "write"), ALLOW),
            Rule(("personality",), KILL_PROCESS, (Condition(0, Operator.EQ, 8),)),
            Rule(("clone",), errno(13), (Condition(0, Operator.MASKED_EQ, 0, mask=0x7E02_0000),)),
        ),
    )


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("SCMP_ACT_KILL", Action(ActionKind.KILL_THREAD)),
        ("SCMP_ACT_KILL_THREAD", Action(ActionKind.KILL_THREAD)),
        ("SCMP_ACT_KILL_PROCESS", KILL_PROCESS),
        ("SCMP_ACT_TRAP", Action(ActionKind.TRAP)),
        ("SCMP_ACT_ERRNO", errno(EPERM)),
        ("SCMP_ACT_TRACE", Action(ActionKind.TRACE, EPERM)),
        ("SCMP_ACT_ALLOW", ALLOW),
        ("SCMP_ACT_LOG", Action(ActionKind.LOG)),
        ("SCMP_ACT_NOTIFY", Action(ActionKind.NOTIFY)),
    ],
)
def test_every_action_of_the_specification_is_known(name: str, action: Action) -> None:
    assert from_oci({"defaultAction": name}, "amd64").default == action


def test_conditions_on_one_argument_are_alternatives_and_on_several_hold_together() -> None:
    """As in runc: two values for one argument of one entry mean the one or the other."""

    def arg(index: int, value: int) -> dict[str, Any]:
        return {"index": index, "value": value, "op": "SCMP_CMP_EQ"}

    document = _document(syscalls=[_entry(names=["socket"], args=[arg(0, 1), arg(0, 2)])])
    program = compile_filter(from_oci(document, "amd64"), "amd64")
    assert [run_named(program, "amd64", "socket", (value,)) == ALLOW.return_value for value in (1, 2, 3)] == [
        True,
        True,
        False,
    ]
    document = _document(syscalls=[_entry(names=["socket"], args=[arg(0, 1), arg(1, 2)])])
    program = compile_filter(from_oci(document, "amd64"), "amd64")
    assert run_named(program, "amd64", "socket", (1, 2)) == ALLOW.return_value
    assert run_named(program, "amd64", "socket", (1, 3)) == errno(EPERM).return_value


def test_the_value_that_a_masked_argument_is_compared_with_is_masked_too() -> None:
    """As in libseccomp: bits of valueTwo outside of the mask don't make the condition impossible."""
    args = [{"index": 0, "value": 0xF0, "valueTwo": 0x1F, "op": "SCMP_CMP_MASKED_EQ"}]
    program = compile_filter(from_oci(_document(syscalls=[_entry(args=args)]), "amd64"), "amd64")
    assert run_named(program, "amd64", "read", (0x12,)) == ALLOW.return_value


def test_names_that_an_architecture_lacks_are_passed_over() -> None:
    document = _document(syscalls=[_entry(names=["read", "socketcall", "not_yet_invented"])])
    program = compile_filter(from_oci(document, "amd64"), "amd64")
    assert run_named(program, "amd64", "read") == ALLOW.return_value


def test_null_lists_are_empty_lists() -> None:
    """Given what Go programs write for an empty slice."""
    document = _document(architectures=None, syscalls=[_entry(args=None)])
    assert from_oci(document, "arm64") == Filter(errno(EPERM), ("arm64",), (Rule(("read",), ALLOW),))


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "linux.seccomp.defaultAction"),
        ({"defaultAction": "ALLOW"}, "linux.seccomp.defaultAction"),
        (_document(defaultErrnoRet=4096), "linux.seccomp.defaultErrnoRet"),
        (_document(defaultErrnoRet=True), "linux.seccomp.defaultErrnoRet"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}, "linux.seccomp.defaultErrnoRet"),
        (_document(architectures="SCMP_ARCH_X86"), "linux.seccomp.architectures"),
        (_document(architectures=["SCMP_ARCH_X86", "amd64"]), r"linux.seccomp.architectures\[1\]"),
        (_document(syscalls={}), "linux.seccomp.syscalls"),
        (_document(syscalls=[_entry(), 1]), r"linux.seccomp.syscalls\[1\]"),
        (_document(syscalls=[_entry(names=[])]), r"linux.seccomp.syscalls\[0\].names"),
        (_document(syscalls=[_entry(names=["read", 3])]), r"linux.seccomp.syscalls\[0\].names\[1\]"),
        (_document(syscalls=[_entry(action=None)]), r"linux.seccomp.syscalls\[0\].action"),
        (_document(syscalls=[_entry(errnoRet=3)]), r"linux.seccomp.syscalls\[0\].errnoRet"),
        (_document(syscalls=[_entry(args=[{"index": 6}])]), r"linux.seccomp.syscalls\[0\].args\[0\].index"),
        (_document(syscalls=[_entry(args=[{"index": 1}])]), r"linux.seccomp.syscalls\[0\].args\[0\].value"),
        (_document(syscalls=[_entry(args=[{"index": 1, "value": -1}])]), r"args\[0\].value"),
        (_document(syscalls=[_entry(args=[{"index": 1, "value": 1.5}])]), r"args\[0\].value"),
        (_document(syscalls=[_entry(args=[{"index": 1, "value": 1 << 64}])]), r"args\[0\].value"),
        (_document(syscalls=[_entry(args=[{"index": 1, "value": 1, "op": "=="}])]), r"args\[0\].op"),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidFileError, match=f"{where}: ") as caught:
        from_oci(document, "amd64")
    assert caught.value.hint
