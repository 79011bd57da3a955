"""The launcher's own C that makes forms and fills kept plans, as functions."""

from __future__ import annotations

import ctypes
import struct
import subprocess
from typing import TYPE_CHECKING, ClassVar

from tests.peers import PROJECT
from whit.runtime.encode import decode
from whit.runtime.oci.kept import FIRST_RECORD, HEADER, PATCH, TARGETS
from whit.runtime.opcodes import c_header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from whit.runtime.model import Op

MAX_HOLES, MAX_FILLINGS, FILL_CONFIG = 192, 256, 8
ROOM = 1 << 20


class Hole(ctypes.Structure):
    """``struct hole``."""

    _fields_: ClassVar = [("text", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class Form(ctypes.Structure):
    """``struct form``."""

    _fields_: ClassVar = [
        ("text", ctypes.c_void_p), ("room", ctypes.c_size_t), ("size", ctypes.c_size_t), ("holes", Hole * MAX_HOLES),
        ("count", ctypes.c_uint),
    ]  # fmt: skip


class Fillings(ctypes.Structure):
    """``struct fillings``."""

    _fields_: ClassVar = [("texts", Hole * MAX_FILLINGS), ("count", ctypes.c_uint)]


class Kept(ctypes.Structure):
    """``struct kept``."""

    _fields_: ClassVar = [
        ("form", ctypes.c_void_p), ("plan", ctypes.c_void_p), ("pieces", ctypes.c_void_p), ("sizes", ctypes.c_size_t * 3),
        ("patches", ctypes.c_void_p), ("patch_count", ctypes.c_uint32),
    ]  # fmt: skip


class Plan(ctypes.Structure):
    """``struct plan``."""

    _fields_: ClassVar = [
        ("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("ops", ctypes.c_void_p), ("count", ctypes.c_uint32)
    ]  # fmt: skip


class Launcher:
    """form.c and kept.c."""

    def __init__(self, folder: Path) -> None:
        (folder / "ops.h").write_text(c_header())
        launcher = PROJECT / "runtime" / "launcher"
        sources = [str(launcher / name) for name in ("form.c", "kept.c", "plan.c")]
        flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", f"-I{folder}", f"-I{launcher}"]
        subprocess.run(["gcc", *flags, "-o", str(folder / "kept.so"), *sources], check=True)
        self._c = ctypes.CDLL(str(folder / "kept.so"))
        self._c.kept_text.restype = ctypes.c_ssize_t

    def form(self, config: bytes) -> tuple[bytes, tuple[bytes, ...]] | None:
        """(the form of a configuration, what is in its holes); None where it has none."""
        data, text = ctypes.create_string_buffer(config, len(config)), ctypes.create_string_buffer(ROOM)
        form = Form(ctypes.addressof(text), ROOM)
        if self._c.form_add_config(ctypes.byref(form), data, ctypes.c_size_t(len(config))) != 0:
            return None
        holes = tuple(ctypes.string_at(hole.text, hole.length) for hole in form.holes[: form.count])
        return text.raw[: form.size], holes

    def filled(
        self, kept: bytes, command: Sequence[bytes], holes: Sequence[bytes]
    ) -> tuple[tuple[Op, ...], dict[str, list[bytes]]] | None:
        """(the plan's operations, texts of records and warnings) of a kept plan; None for what the launcher refuses."""
        data, found, plan = ctypes.create_string_buffer(kept, len(kept)), Kept(), Plan()
        if self._c.kept_check(ctypes.byref(found), data, ctypes.c_size_t(len(kept))) != 0:
            return None
        fillings = Fillings(count=FILL_CONFIG + len(holes))
        buffers = []
        for index, text in [*enumerate(command), *enumerate(holes, FILL_CONFIG)]:
            buffers.append(ctypes.create_string_buffer(text, len(text) + 1))
            fillings.texts[index] = Hole(ctypes.addressof(buffers[-1]), len(text))
        if self._c.kept_plan(ctypes.byref(found), ctypes.byref(fillings), ctypes.byref(plan)) != 0:
            return None
        ops = decode(ctypes.string_at(plan.data, plan.size)).ops
        apart: dict[str, list[bytes]] = {}
        for index in range(found.patch_count):
            place = found.patches + PATCH.size * index
            target = struct.unpack_from("=I", kept, HEADER.size + PATCH.size * index)[0]
            if target >= FIRST_RECORD:
                buffer = ctypes.create_string_buffer(ROOM)
                length = self._c.kept_text(ctypes.byref(found), ctypes.c_void_p(place), ctypes.byref(fillings), buffer)
                apart.setdefault(TARGETS[target - FIRST_RECORD], []).append(buffer.raw[:length])
        return ops, apart
