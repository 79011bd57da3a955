"""The launcher's C, part by part: what it accepts as a plan is what Python does, and its small helpers keep their bounds."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers import PROJECT
from tests.unit.runtime.plans import plans, real_plans
from whit.packer.support.errors import InvalidFileError
from whit.runtime.encode import HEADER, OPERATION, decode, encode
from whit.runtime.opcodes import BY_NAME, MAX_ARGUMENTS, Kind, c_header

if TYPE_CHECKING:
    from whit.runtime.model import LaunchPlan

LAUNCHER = PROJECT / "runtime" / "launcher"
HERE = Path(__file__).parent
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

pytestmark = pytest.mark.peer("gcc")


class _Op(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint32), ("why", ctypes.c_uint32), ("arguments", ctypes.c_uint64 * MAX_ARGUMENTS))


class _Plan(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("ops", ctypes.POINTER(_Op)),
        ("count", ctypes.c_uint32),
    )


class Reader:
    """plan.c as a shared library."""

    def __init__(self, library: Path) -> None:
        self.c = ctypes.CDLL(str(library))
        self.c.op_number.restype = ctypes.c_uint64
        self.c.op_text.restype = ctypes.c_char_p
        self.c.op_bytes.restype = ctypes.c_void_p
        self.c.op_list.restype = ctypes.POINTER(ctypes.c_char_p)

    def accepts(self, data: bytes) -> bool:
        buffer = ctypes.create_string_buffer(data, len(data) or 1)
        return int(self.c.plan_check(ctypes.byref(_Plan()), buffer, ctypes.c_size_t(len(data)))) == 0

    def read(self, data: bytes) -> list[tuple[object, ...]]:
        """Every argument of every operation, as the executors get it."""
        buffer, plan = ctypes.create_string_buffer(data, len(data)), _Plan()
        assert self.c.plan_check(ctypes.byref(plan), buffer, ctypes.c_size_t(len(data))) == 0
        return [self._arguments(plan, plan.ops[index]) for index in range(plan.count)]

    def _arguments(self, plan: _Plan, op: _Op) -> tuple[object, ...]:
        row = list(BY_NAME.values())[op.code - 1]
        return tuple(self._argument(plan, op, at, argument.kind) for at, argument in enumerate(row.arguments))

    def _argument(self, plan: _Plan, op: _Op, at: int, kind: Kind) -> object:
        here, length = ctypes.byref(op), ctypes.c_size_t()
        if kind is Kind.NUMBER:
            return self.c.op_number(here, at)
        if kind is Kind.TEXT:
            return self.c.op_text(ctypes.byref(plan), here, at)
        if kind is Kind.BYTES:
            start = self.c.op_bytes(ctypes.byref(plan), here, at, ctypes.byref(length))
            return ctypes.string_at(start, length.value)
        texts = self.c.op_list(ctypes.byref(plan), here, at)
        found: list[bytes | None] = []
        while texts[len(found)] is not None:
            found.append(texts[len(found)])
        return tuple(found)


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("launcher")
    (folder / "ops.h").write_text(c_header())
    return folder


@pytest.fixture(scope="module")
def reader(headers: Path) -> Reader:
    library = headers / "plan.so"
    includes = [f"-I{headers}", f"-I{LAUNCHER}"]
    command = ["gcc", *WARNINGS, "-O2", "-shared", "-fPIC", *includes, "-o", str(library), str(LAUNCHER / "plan.c")]
    subprocess.run(command, check=True)
    return Reader(library)


def _accepted_by_python(data: bytes) -> bool:
    try:
        decode(data)
    except InvalidFileError:
        return False
    return True


def _raw(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, tuple):
        return tuple(map(_raw, value))
    return value


def assert_read_as_written(reader: Reader, plan: LaunchPlan) -> None:
    assert reader.read(encode(plan)) == [tuple(map(_raw, op.args)) for op in plan.ops]


@pytest.mark.parametrize("plan", real_plans())
def test_the_launcher_reads_what_the_compiler_wrote(reader: Reader, plan: LaunchPlan) -> None:
    assert_read_as_written(reader, plan)


@given(plan=plans())
def test_the_launcher_reads_any_plan_as_python_wrote_it(reader: Reader, plan: LaunchPlan) -> None:
    assert_read_as_written(reader, plan)


@settings(max_examples=150)
@given(plan=plans(), data=st.data())
def test_both_sides_agree_on_changed_bytes(reader: Reader, plan: LaunchPlan, data: st.DataObject) -> None:
    changed = bytearray(encode(plan))
    for at in data.draw(st.lists(st.integers(0, len(changed) - 1), min_size=1, max_size=4)):
        changed[at] = data.draw(st.integers(0, 255))
    assert reader.accepts(bytes(changed)) == _accepted_by_python(bytes(changed))


@settings(max_examples=150)
@given(plan=plans(), data=st.data())
def test_both_sides_agree_on_references_near_every_edge(reader: Reader, plan: LaunchPlan, data: st.DataObject) -> None:
    changed = bytearray(encode(plan))
    index = data.draw(st.integers(0, len(plan.ops) - 1))
    at = HEADER.size + OPERATION.size * index + 8 + 8 * data.draw(st.integers(-1, MAX_ARGUMENTS - 1))
    near = st.integers(0, len(changed) + 2) | st.sampled_from((0x7FFF_FFFF, 0xFFFF_FFFF))
    changed[at : at + 4] = data.draw(near).to_bytes(4, "little")
    changed[at + 4 : at + 8] = data.draw(near).to_bytes(4, "little")
    assert reader.accepts(bytes(changed)) == _accepted_by_python(bytes(changed))


@given(data=st.binary(max_size=200))
def test_both_sides_refuse_any_bytes(reader: Reader, data: bytes) -> None:
    assert not reader.accepts(data)


def test_the_helpers_keep_their_bounds(headers: Path) -> None:
    program = headers / "test_util"
    sources = [HERE / "test_util.c", LAUNCHER / "util.c"]
    subprocess.run(["gcc", *WARNINGS, *SANITIZE, f"-I{LAUNCHER}", "-o", program, *sources], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
