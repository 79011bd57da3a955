"""LaunchPlan ↔ bytes, in the form that the launcher maps and executes.

All numbers are in native byte order, since a plan never leaves its machine::

    header    magic "WHITPLAN", u32 version, u32 total size, u32 operation count, u32 zero
    operation u32 code, u32 offset of its why (text), u64 arguments[6]        repeated
    pool      the bytes that arguments refer to

A number argument is itself; text, bytes and list arguments are ``offset << 32 | length`` into the whole plan.
Texts are followed by a NUL that isn't counted and hold none; a list is its texts, each with its NUL counted.
docs/plan.md says the same for people.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from whit.packer.errors import InvalidFileError
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import (
    BY_CODE,
    BY_NAME,
    MAX_ARGUMENTS,
    MAX_OPERATIONS,
    MAX_PLAN_SIZE,
    PLAN_VERSION,
    Kind,
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
    data = value.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise InvalidFileError(
            f"{operation.lower()}: a NUL character in {value!r}",
            hint="remove it: no path, name or argument may hold one",
        )
    return data


def _argument(op: Op, kind: Kind, value: Value, pool: _Pool) -> int:
    if kind is Kind.NUMBER and isinstance(value, int):
        return value & 0xFFFF_FFFF_FFFF_FFFF
    if kind is Kind.BYTES and isinstance(value, bytes):
        return pool.add(value)
    if kind is Kind.LIST and isinstance(value, tuple):
        return pool.add(b"".join(_text(item, op.name) + b"\0" for item in value))
    return pool.add(_text(value, op.name))


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
    return HEADER.pack(MAGIC, plan.version, size, len(plan.ops), 0) + bytes(records) + bytes(pool.data)


def _slice(data: bytes, reference: int) -> bytes:
    offset, length = reference >> 32, reference & 0xFFFF_FFFF
    if offset + length >= len(data) or data[offset + length] != 0:
        raise InvalidFileError("the launch plan is damaged: a reference leaves it", hint="run the command again")
    return data[offset : offset + length]


def _decode_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _value(data: bytes, kind: Kind, raw: int) -> Value:
    if kind is Kind.NUMBER:
        return raw
    content = _slice(data, raw)
    if kind is Kind.BYTES:
        return content
    if kind is Kind.TEXT:
        return _decode_text(content)
    return tuple(_decode_text(item) for item in content.split(b"\0")[:-1])


def decode(data: bytes) -> LaunchPlan:
    """The plan that ``data`` holds. Raises :class:`InvalidFileError` if it isn't whole."""
    damaged = InvalidFileError("the launch plan is damaged", hint="run the command again")
    if len(data) < HEADER.size:
        raise damaged
    magic, version, size, count, _ = HEADER.unpack_from(data)
    if magic != MAGIC or version != PLAN_VERSION or size != len(data) or count > MAX_OPERATIONS:
        raise damaged
    if HEADER.size + OPERATION.size * count > size:
        raise damaged
    ops = []
    for index in range(count):
        code, why, *raw = OPERATION.unpack_from(data, HEADER.size + OPERATION.size * index)
        row = BY_CODE.get(code)
        end = data.find(b"\0", why)
        if row is None or end < 0:
            raise damaged
        args = tuple(_value(data, argument.kind, value) for argument, value in zip(row.arguments, raw, strict=False))
        ops.append(Op(row.name, args, _decode_text(data[why:end])))
    return LaunchPlan(version, tuple(ops))
