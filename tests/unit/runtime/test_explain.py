"""{operation, errno} → what a person can do: above all, why a program doesn't start."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING

import pytest

from tests.unit.runtime.oci_plans import V1
from tests.unit.runtime.plans import PROGRAM, ROOT_V1, ROOTLESS
from whit.packer.showing.console import complain
from whit.packer.support.errors import ExitCode
from whit.runtime.explain import HINTS, explain
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.mounts import Volume
from whit.runtime.oci.compile import Lifecycle, compile_container
from whit.runtime.oci.spec import read_spec
from whit.runtime.opcodes import BY_NAME, OPERATIONS, PLAN_VERSION, Kind
from whit.runtime.options import RunOptions
from whit.runtime.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.support.errors import LaunchError
    from whit.runtime.model import Value

PLAN = compile_plan(PROGRAM, RunOptions(), ROOT_V1)
X86_64, I386, ARM64, PPC64, S390 = 62, 3, 183, 21, 22


def _elf(machine: int = X86_64, *, interpreter: bytes | None = None, order: str = "<") -> bytes:
    """The beginning of a 64-bit ELF file: its header and, where it names a loader, PT_INTERP."""
    ident = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
    count = 0 if interpreter is None else 1
    header = struct.pack(f"{order}HHIQQQIHHHHHH", 2, machine, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    if interpreter is None:
        return ident + header
    text = interpreter + b"\0"
    return ident + header + struct.pack(f"{order}IIQQQQQQ", 3, 4, 120, 0, 0, len(text), len(text), 1) + text


def _exec(number: int, files: Mapping[str, bytes] | None = None, host: str = "amd64") -> LaunchError:
    return explain(PLAN, len(PLAN.ops) - 1, number, (files or {}).get, host)


def _no_files(_path: str) -> bytes | None:
    return None


def test_a_program_that_is_not_there() -> None:
    error = _exec(errno.ENOENT)
    assert error.message == "there is no /server in the image"
    assert error.exit_code == ExitCode.NOT_FOUND
    assert error.hint is not None


def test_a_program_whose_loader_is_not_there() -> None:
    error = _exec(errno.ENOENT, {"/server": _elf(interpreter=b"/lib64/ld-linux-x86-64.so.2")})
    assert error.message == "/server is there, and its loader /lib64/ld-linux-x86-64.so.2 isn't in the image"
    assert error.exit_code == ExitCode.NOT_FOUND
    assert "statically" in str(error.hint)


@pytest.mark.parametrize("interpreter", [b"/nix/store/abc/ld-linux.so.2", b"/libexec/ld.so"])
def test_the_loader_is_the_one_that_the_program_names_wherever_it_is(interpreter: bytes) -> None:
    data = _elf(interpreter=interpreter) + b"/lib/not/this\0"
    assert f"its loader {interpreter.decode()} isn't" in _exec(errno.ENOENT, {"/server": data}).message


def test_a_loader_that_cannot_be_read_from_the_file_is_not_guessed() -> None:
    for data in (_elf() + b"/lib/some/text\0", _elf(interpreter=b"/lib/ld.so")[:130], b"\x7fELF", b""):
        assert "/lib" not in _exec(errno.ENOENT, {"/server": data}).message


def test_a_script_whose_interpreter_is_not_there() -> None:
    error = _exec(errno.ENOENT, {"/server": b"#! /bin/sh -e\nexit\n"})
    assert error.message == "/server is a script for /bin/sh, which isn't in the image"
    assert error.exit_code == ExitCode.NOT_FOUND


def test_a_script_whose_interpreter_lacks_its_loader() -> None:
    files = {"/server": b"#!/bin/sh\n", "/bin/sh": _elf(interpreter=b"/lib/ld.so.1")}
    assert _exec(errno.ENOENT, files).message == "/bin/sh is there, and its loader /lib/ld.so.1 isn't in the image"


def test_scripts_that_name_each_other_end() -> None:
    assert _exec(errno.ENOENT, {"/server": b"#!/a\n", "/a": b"#!/server\n"}).message


def test_a_script_with_the_line_ends_of_another_system() -> None:
    error = _exec(errno.ENOENT, {"/server": b"#!/bin/sh\r\nexit\r\n"})
    assert "CR LF" in error.message
    assert error.hint == "save it with LF"


@pytest.mark.parametrize(
    ("data", "host", "built_for"),
    [
        (_elf(ARM64), "amd64", "arm64"),
        (_elf(X86_64), "arm64", "amd64"),
        (_elf(I386), "amd64", "386"),
        (_elf(S390, order=">"), "amd64", "s390x"),
        (_elf(PPC64), "amd64", "ppc64le"),
        (_elf(PPC64, order=">"), "ppc64le", "ppc64"),
        (_elf(4711), "amd64", "machine 4711"),
    ],
)
def test_a_program_for_another_machine(data: bytes, host: str, built_for: str) -> None:
    error = _exec(errno.ENOEXEC, {"/server": data}, host)
    assert error.message == f"/server is built for {built_for}, and this machine is {host}"
    assert error.exit_code == ExitCode.NOT_EXECUTABLE


@pytest.mark.parametrize("data", [None, b"", b"\x7fELF", b"echo hello\n", _elf(X86_64), _elf(X86_64)[:19]])
def test_a_file_that_is_no_program(data: bytes | None) -> None:
    error = _exec(errno.ENOEXEC, {} if data is None else {"/server": data})
    assert error.message == "/server is no program that the kernel can execute"
    assert error.exit_code == ExitCode.NOT_EXECUTABLE


def test_a_program_for_this_machine_is_not_said_to_be_for_another() -> None:
    for machine, host in ((PPC64, "ppc64le"), (ARM64, "arm64")):
        assert "built for" not in _exec(errno.ENOEXEC, {"/server": _elf(machine)}, host).message


def test_a_program_that_may_not_be_executed() -> None:
    error = _exec(errno.EACCES)
    assert "may not be executed" in error.message
    assert "chmod +x" in str(error.hint)
    assert "noexec" in str(error.hint)
    assert error.exit_code == ExitCode.NOT_EXECUTABLE


def test_any_other_reason_is_the_kernel_s_own_word() -> None:
    error = _exec(errno.E2BIG)
    assert error.message == "can't execute /server: Argument list too long"
    assert error.exit_code == ExitCode.NOT_EXECUTABLE


def test_no_error_has_more_than_its_two_lines_or_commands_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    nasty = b"/x\x1b]0;owned\x07\n\r\x9b"
    files = {"/server": b"#!" + nasty + b"\n", "/e": _elf(interpreter=nasty)}
    ops = [Op("EXEC", (name, (name,), ()), "run") for name in files]
    ops += [Op("EXEC", ("/\x1b[0m\udcff", (), ()), "run"), Op("MASK", ("/a\x1b[0m\nb",), "why \x1b[0m\u2028x")]
    for op in ops:
        complain(explain(LaunchPlan(PLAN_VERSION, (op,)), 0, errno.ENOENT, files.get, "amd64"))
        shown = capsys.readouterr().err.split("\n")
        assert len(shown) == 3
        assert all(line.isprintable() for line in shown)


def _failed(name: str, number: int, plan: LaunchPlan = PLAN) -> LaunchError:
    index = next(index for index, op in enumerate(plan.ops) if op.name == name)
    return explain(plan, index, number, _no_files, "amd64")


def test_an_operation_that_failed_says_what_it_was_to_do_and_what_helps() -> None:
    error = _failed("CLONE", errno.EPERM, compile_plan(PROGRAM, RunOptions(), ROOTLESS))
    assert error.message == "can't create the namespaces: Operation not permitted"
    assert "max_user_namespaces" in str(error.hint)
    assert error.exit_code == ExitCode.RUNTIME_FAILURE


def test_an_operation_names_what_it_was_about() -> None:
    volume = Volume("/srv/data", "/data", read_only=False, is_directory=True)
    plan = compile_plan(PROGRAM, RunOptions(volumes=(volume,)), ROOT_V1)
    assert _failed("MOUNT_BIND", errno.ENOENT, plan).message == (
        "can't mount from the host: /srv/data /data: No such file or directory"
    )
    assert "/cg/memory/whit" in _failed("CGROUP_CREATE", errno.EACCES).message


def test_where_nothing_better_is_known_the_operation_s_own_why_is_the_hint() -> None:
    op = next(op for op in PLAN.ops if op.name == "SET_HOSTNAME")
    assert op.why in str(_failed("SET_HOSTNAME", errno.EPERM).hint)


@pytest.mark.parametrize(("namespaces", "words"), [(["mount"], "one is a folder"), ([], "Linux 6.15")])
def test_a_mount_that_cannot_be_attached_is_the_kernel_s_age_only_without_a_mount_namespace(
    namespaces: list[str], words: str
) -> None:
    config = {
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "process": {"args": ["/server"], "cwd": "/"},
        "mounts": [{"destination": "/mnt", "source": "/file", "options": ["bind"]}],
        "linux": {"namespaces": [{"type": name} for name in namespaces]},
    }
    plan = compile_container(read_spec(config), "/b", "x", V1, Lifecycle()).plan
    assert words in str(_failed("TREE_ATTACH", errno.EINVAL, plan).hint)


def test_texts_of_several_lines_make_one() -> None:
    plan = compile_plan(PROGRAM, RunOptions(time_offset=5), ROOT_V1)
    assert _failed("TIME_OFFSETS", errno.EINVAL, plan).message.isprintable()


def _filled(kind: Kind) -> Value:
    values: dict[Kind, Value] = {Kind.NUMBER: 0, Kind.TEXT: "x", Kind.BYTES: b"", Kind.LIST: ()}
    return values[kind]


@pytest.mark.parametrize("row", [row for row in OPERATIONS if row.name != "EXEC"], ids=lambda row: str(row.name))
@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOENT, errno.EINVAL, 4095])
def test_every_failure_of_every_operation_has_a_line_and_a_hint(row: object, number: int) -> None:
    operation = BY_NAME[str(getattr(row, "name"))]  # noqa: B009 - the parameter is any row
    op = Op(operation.name, tuple(_filled(argument.kind) for argument in operation.arguments), "because")
    error = explain(LaunchPlan(PLAN_VERSION, (op,)), 0, number, _no_files, "amd64")
    assert error.message.startswith(f"can't {operation.what}")
    assert error.message.isprintable()
    assert error.hint


def test_hints_are_for_operations_that_there_are() -> None:
    assert {name for name, _ in HINTS} <= set(BY_NAME)


@pytest.mark.parametrize(("index", "number"), [(-1, 1), (len(PLAN.ops), 1), (0, 0)])
def test_a_failure_that_is_none_of_the_plan_s_is_still_one_clear_line(index: int, number: int) -> None:
    error = explain(PLAN, index, number, _no_files, "amd64")
    assert error.message == "the container couldn't be started"
    assert error.hint is not None


def test_every_hint_is_for_an_operation_that_there_is() -> None:
    assert {name for name, _ in HINTS} <= set(BY_NAME)
