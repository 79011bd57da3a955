"""Where the system call filter stands among a plan's last operations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.runtime.oci_plans import V1, spec_of
from whit.runtime.oci.compile import compile_container
from whit.runtime.oci.filters import AFTERWARDS, RIGHTS, is_early
from whit.runtime.oci.lifecycle import Wish, container_lifecycle
from whit.runtime.oci.linux import Seccomp
from whit.runtime.seccomp.model import ALLOW, ENOSYS, EPERM, KILL_PROCESS, errno
from whit.runtime.seccomp.simulate import run_named

HOOK = {"startContainer": [{"path": "/bin/true"}]}


def filter_of(*rules: dict[str, Any], default: str = "SCMP_ACT_ALLOW") -> dict[str, Any]:
    """A filter that asks an agent about mkdir, with more rules."""
    asked = {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    return {"defaultAction": default, "syscalls": [asked, *rules], "listenerPath": "/agent"}


def rule(action: str, *names: str, **more: Any) -> dict[str, Any]:
    return {"names": [*names], "action": f"SCMP_ACT_{action}", **more}


def last(seccomp: dict[str, Any], process: dict[str, Any] | None = None, **members: Any) -> list[str]:
    """The plan's operations from the look for the program on."""
    spec = spec_of(process or {"noNewPrivileges": True}, linux={"seccomp": seccomp}, **members)
    lifecycle = container_lifecycle(spec, "c1", "/b", Wish(gate="/gate"))
    names = [op.name for op in compile_container(spec, "/b", "c1", V1, lifecycle).plan.ops]
    return names[names.index("FIND_PROGRAM") + 1 :]


def early(*rules: dict[str, Any], default: str = "SCMP_ACT_ALLOW", rights: bool = False) -> bool:
    spec = spec_of(linux={"seccomp": filter_of(*rules, default=default)})
    assert isinstance(spec.linux.seccomp, Seccomp)
    return is_early(spec.linux.seccomp, "amd64", rights=rights)


def test_an_agents_filter_is_loaded_before_the_wait_and_any_other_after_it() -> None:
    assert last(filter_of()) == ["SECCOMP_NOTIFY", "WAIT_START", "EXEC"]
    assert last({"defaultAction": "SCMP_ACT_ALLOW"}) == ["WAIT_START", "SECCOMP_WITH", "EXEC"]


def test_the_right_that_loading_took_is_given_up_before_the_wait_too() -> None:
    assert last(filter_of(), {"noNewPrivileges": False}) == ["SECCOMP_NOTIFY", "SET_CAPABILITIES", "WAIT_START", "EXEC"]


def test_hooks_of_the_start_come_before_the_filter() -> None:
    assert last(filter_of(), hooks=HOOK) == ["WAIT_START", "HOOK_INSIDE", "SECCOMP_NOTIFY", "EXEC"]


def test_what_the_launcher_needs_afterwards_must_be_let_through() -> None:
    assert early()
    assert early(rule("ALLOW", *AFTERWARDS), default="SCMP_ACT_ERRNO")
    assert early(rule("LOG", *AFTERWARDS), default="SCMP_ACT_KILL")
    assert not early(rule("ALLOW", *AFTERWARDS), default="SCMP_ACT_ERRNO", rights=True)
    assert early(rule("ALLOW", *AFTERWARDS, *RIGHTS), default="SCMP_ACT_ERRNO", rights=True)


@pytest.mark.parametrize("call", AFTERWARDS)
@pytest.mark.parametrize("action", ["ERRNO", "KILL_PROCESS", "TRAP", "NOTIFY"])
def test_without_one_of_these_calls_it_is_loaded_at_the_start(call: str, action: str) -> None:
    assert not early(rule(action, call))


def test_a_call_that_is_let_through_for_some_arguments_alone_is_not_enough() -> None:
    some = [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]
    assert not early(rule("ERRNO", "read", args=some))
    others = tuple(name for name in AFTERWARDS if name != "read")
    allowed = (rule("ALLOW", *others), rule("ALLOW", "read", args=some))
    assert not early(*allowed, default="SCMP_ACT_ERRNO")


TOLD = {"dev.whit.syscalls": "read write", "dev.whit.syscalls.program": "/server", "dev.whit.syscalls.else": "kill"}
USUAL = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "syscalls": [rule("ALLOW", "read", "listen", "execve"), rule("ALLOW", "openat")],
}


def answer(name: str, annotations: dict[str, str], program: str = "/server", seccomp: dict[str, Any] = USUAL) -> int:
    """What the filter of a container says of a call."""
    process = {"noNewPrivileges": True, "args": [program]}
    spec = spec_of(process, linux={"seccomp": seccomp}, annotations=annotations)
    ops = compile_container(spec, "/b", "c1", V1, container_lifecycle(spec, "c1", "/b", Wish(gate="/gate"))).plan.ops
    filter_ = next(op.args[0] for op in ops if op.name == "SECCOMP_WITH")
    assert isinstance(filter_, bytes)
    return run_named(filter_, "amd64", name)


def test_of_the_engines_filter_a_program_has_the_calls_that_its_image_tells() -> None:
    """Given annotations of the image, which podman hands on, nothing more is allowed, and the runtime's own last calls stay."""
    assert answer("listen", {}) == ALLOW.return_value
    assert answer("listen", TOLD) == KILL_PROCESS.return_value
    assert answer("read", TOLD) == ALLOW.return_value
    assert answer("write", TOLD) == errno(EPERM).return_value
    assert answer("execve", TOLD) == ALLOW.return_value


def test_a_filter_that_lets_all_pass_is_narrowed_too() -> None:
    seccomp = {"defaultAction": "SCMP_ACT_ALLOW"}

    assert answer("write", TOLD, seccomp=seccomp) == ALLOW.return_value
    assert answer("listen", TOLD, seccomp=seccomp) == KILL_PROCESS.return_value
    assert answer("listen", {**TOLD, "dev.whit.syscalls.else": "errno"}, seccomp=seccomp) == errno(ENOSYS).return_value


def test_another_program_has_the_engines_filter() -> None:
    assert answer("listen", TOLD, program="/other") == ALLOW.return_value
