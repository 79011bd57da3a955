"""LaunchPlan ↔ bytes, in the form that the launcher maps and executes.

All numbers are in native byte order, since a plan never leaves its machine::

    header    magic "WHITPLAN", u32 version, u32 total size, u32 operation count, u32 table
    operation u32 code, u32 offset of its why (text), u64 arguments[6]        repeated
    pool      the bytes that arguments refer to

A number argument is itself; text, bytes and list arguments are ``offset << 32 | length`` into the whole plan.
Texts are followed by a NUL that isn't counted and hold none; a list is its texts, each with its NUL counted.
docs/plan.md says the same for people.
"""

from __future__ import annotations

import struct

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import (
    BY_CODE,
    BY_NAME,
    MAX_ARGUMENTS,
    MAX_OPERATIONS,
    MAX_PLAN_SIZE,
    PLAN_VERSION,
    TABLE,
    Kind,
    Stage,
)

if TYPE_CHECKING:
    from whit.runtime.model import Value

MAGIC = b"WHITPLAN"
HEADER = struct.Struct("=8sIIII")
OPERATION = struct.Struct(f"=II{MAX_ARGUMENTS}Q")


class _Pool:
    """The bytes behind the operations; equal ones are stored once."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()
        self.known: dict[bytes, int] = {}

    def add(self, data: bytes) -> int:
        """The reference ``offset << 32 | length`` of ``data``, which is followed by a NUL."""
        offset = self.known.get(data)
        if offset is None:
            offset = self.start + len(self.data)
            self.data += data + b"\0"
            self.known[data] = offset
        return offset << 32 | len(data)


def _text(value: Value, operation: str) -> bytes:
    if not isinstance(value, str):
        msg = f"{operation}: {value!r} is not text"
        raise TypeError(msg)
    try:
        data = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = b"\0"
    if b"\0" in data:
        raise InvalidFileError(
            f"{operation.lower()}: {value!r} holds what the kernel can't take",
            hint="remove the NUL or the lone surrogate: no path, name, argument or variable may hold one",
        )
    return data


def _argument(op: Op, kind: Kind, value: Value, pool: _Pool) -> int:
    if kind is Kind.NUMBER and isinstance(value, int):
        return value & 0xFFFF_FFFF_FFFF_FFFF
    if kind is Kind.BYTES and isinstance(value, bytes):
        return pool.add(value)
    if kind is Kind.LIST and isinstance(value, tuple):
        return pool.add(b"".join(_text(item, op.name) + b"\0" for item in value))
    if kind is Kind.TEXT:
        return pool.add(_text(value, op.name))
    msg = f"{op.name}: {value!r} is not a {kind}"
    raise TypeError(msg)


def encode(plan: LaunchPlan) -> bytes:
    """The plan as bytes. Raises :class:`InvalidFileError` for a NUL in a text or a plan larger than the launcher takes."""
    if len(plan.ops) > MAX_OPERATIONS:
        raise InvalidFileError(
            f"the plan has {len(plan.ops)} operations, more than {MAX_OPERATIONS}", hint="use fewer mounts"
        )
    start = HEADER.size + OPERATION.size * len(plan.ops)
    pool = _Pool(start)
    records = bytearray()
    for op in plan.ops:
        row = BY_NAME[op.name]
        values = [
            _argument(op, argument.kind, value, pool) for argument, value in zip(row.arguments, op.args, strict=True)
        ]
        why = pool.add(_text(op.why, op.name)) >> 32
        records += OPERATION.pack(row.code, why, *values, *[0] * (MAX_ARGUMENTS - len(values)))
    size = start + len(pool.data)
    if size > MAX_PLAN_SIZE:
        raise InvalidFileError(
            f"the plan needs {size} bytes, more than {MAX_PLAN_SIZE}",
            hint="pass fewer or shorter arguments and variables",
        )
    return HEADER.pack(MAGIC, plan.version, size, len(plan.ops), TABLE) + bytes(records) + bytes(pool.data)


def _damaged() -> InvalidFileError:
    return InvalidFileError("the launch plan is damaged", hint="run the command again")


def _slice(data: bytes, reference: int) -> bytes:
    offset, length = reference >> 32, reference & 0xFFFF_FFFF
    if offset + length >= len(data) or data[offset + length] != 0:
        raise _damaged()
    return data[offset : offset + length]


def _decode_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _value(data: bytes, kind: Kind, raw: int) -> Value:
    if kind is Kind.NUMBER:
        return raw
    content = _slice(data, raw)
    if kind is Kind.BYTES:
        return content
    *texts, last = content.split(b"\0")
    if kind is Kind.TEXT and not texts:
        return _decode_text(content)
    if kind is Kind.LIST and not last:
        return tuple(map(_decode_text, texts))
    raise _damaged()


def _check_stages(ops: list[Op]) -> None:
    """Guards, then what the parent does, one CLONE, what the child does, one EXEC at the very end."""
    stages = [BY_NAME[op.name].stage for op in ops]
    once = stages.count(Stage.CLONE) == stages.count(Stage.EXEC) == 1
    if not once or stages != sorted(stages) or Stage.SUPERVISE in stages:
        raise _damaged()


def decode(data: bytes) -> LaunchPlan:
    """The plan that ``data`` holds: just what the launcher's ``plan_check`` accepts, else :class:`InvalidFileError`."""
    if len(data) < HEADER.size or len(data) > MAX_PLAN_SIZE:
        raise _damaged()
    magic, version, size, count, table = HEADER.unpack_from(data)
    if magic != MAGIC or version != PLAN_VERSION or table != TABLE or size != len(data) or count > MAX_OPERATIONS:
        raise _damaged()
    if HEADER.size + OPERATION.size * count > size:
        raise _damaged()
    ops: list[Op] = []
    for index in range(count):
        code, why, *raw = OPERATION.unpack_from(data, HEADER.size + OPERATION.size * index)
        row = BY_CODE.get(code)
        end = data.find(b"\0", why)
        if row is None or end < 0:
            raise _damaged()
        args = tuple(_value(data, argument.kind, value) for argument, value in zip(row.arguments, raw, strict=False))
        ops.append(Op(row.name, args, _decode_text(data[why:end])))
    _check_stages(ops)
    return LaunchPlan(version, tuple(ops))
