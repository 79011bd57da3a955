"""The device program of a cgroup that exists: load it and put it in the place of whit-oci's earlier one.

For ``update`` and for cgroups that systemd makes; else the launcher does it (runtime/launcher/ops_cgroup_path.c).
Source: bpf(2), include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError
from whit.runtime.machine import architecture
from whit.runtime.seccomp.architecture import syscall_numbers

if TYPE_CHECKING:
    from pathlib import Path

PROG_LOAD, PROG_ATTACH, PROG_QUERY, PROG_GET_FD_BY_ID = 5, 8, 16, 13
TYPE_CGROUP_DEVICE, ATTACH_CGROUP_DEVICE = 15, 6
MULTI, REPLACE = 2, 4
INSTRUCTION = 8
MAX_PROGRAMS = 64


def _bpf(command: int, arguments: bytes) -> tuple[int, bytes]:
    """(what the call returns, the arguments after it). Raises :class:`OSError`."""
    number = syscall_numbers(architecture())["bpf"]
    buffer = ctypes.create_string_buffer(arguments, len(arguments))
    result = ctypes.CDLL(None, use_errno=True).syscall(number, command, buffer, len(arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(result), buffer.raw


def _load(program: bytes) -> int:
    code = ctypes.create_string_buffer(program, len(program))
    license_name = ctypes.create_string_buffer(b"GPL")
    # type, instructions' count and address, license, log level, size and address, kernel version, flags
    arguments = struct.pack(
        "=IIQQIIQII",
        TYPE_CGROUP_DEVICE, len(program) // INSTRUCTION, ctypes.addressof(code), ctypes.addressof(license_name),
        0, 0, 0, 0, 0,
    )  # fmt: skip
    return _bpf(PROG_LOAD, arguments)[0]


def _attached(cgroup: int) -> list[int]:
    """The programs that decide of the cgroup itself, not of those above, by number."""
    numbers = (ctypes.c_uint32 * MAX_PROGRAMS)()
    # target, type, query flags, attach flags, numbers' address and count
    arguments = struct.pack("=IIIIQII", cgroup, ATTACH_CGROUP_DEVICE, 0, 0, ctypes.addressof(numbers), MAX_PROGRAMS, 0)
    _, answer = _bpf(PROG_QUERY, arguments)
    return list(numbers[: struct.unpack_from("=I", answer, 24)[0]])


def _attach(cgroup: int, program: int) -> None:
    before = _attached(cgroup)
    if len(before) != 1:
        # None yet; or others' too, which all have to allow a device.
        _bpf(PROG_ATTACH, struct.pack("=IIIII", cgroup, program, ATTACH_CGROUP_DEVICE, MULTI, 0))
        return
    old, _ = _bpf(PROG_GET_FD_BY_ID, struct.pack("=III", before[0], 0, 0))
    try:
        _bpf(PROG_ATTACH, struct.pack("=IIIII", cgroup, program, ATTACH_CGROUP_DEVICE, MULTI | REPLACE, old))
    finally:
        os.close(old)


def attach_device_program(folder: Path, program: bytes) -> None:
    """Have the program decide which devices the cgroup's processes may use, from now on. Raises :class:`LaunchError`."""
    cgroup = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        loaded = _load(program)
        try:
            _attach(cgroup, loaded)
        finally:
            os.close(loaded)
    except OSError as error:
        raise LaunchError(
            f"linux.resources.devices: can't limit the use of devices: {error.strerror}", hint="it takes CAP_SYS_ADMIN"
        ) from None
    finally:
        os.close(cgroup)
