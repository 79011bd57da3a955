"""``update``: other limits for a container that runs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError, UnsupportedError
from whit.runtime.oci.control import container_of
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.records import SCOPE, read_regular
from whit.runtime.oci.spec import parse_resources
from whit.runtime.oci.state import Status

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call, Options
    from whit.runtime.oci.log import Log

NUMBERS = {
    "cpu-period": ("cpu", "period"), "cpu-quota": ("cpu", "quota"), "cpu-burst": ("cpu", "burst"),
    "cpu-share": ("cpu", "shares"), "cpu-rt-period": ("cpu", "realtimePeriod"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime"), "cpu-idle": ("cpu", "idle"), "memory": ("memory", "limit"),
    "memory-reservation": ("memory", "reservation"), "memory-swap": ("memory", "swap"),
    "kernel-memory": ("memory", "kernel"), "kernel-memory-tcp": ("memory", "kernelTCP"),
    "pids-limit": ("pids", "limit"), "blkio-weight": ("blockIO", "weight"),
}  # fmt: skip
"""Option → member of linux.resources; the value is a number, memory's may have a unit."""

WORDS = {"cpuset-cpus": ("cpu", "cpus"), "cpuset-mems": ("cpu", "mems")}

REFUSED = ("l3-cache-schema", "mem-bw-schema")

SIZES = {"k": 10, "m": 20, "g": 30, "t": 40}


def _number(option: str, text: str) -> int:
    digits, unit = text.lower().removesuffix("b"), 0
    if option.startswith(("memory", "kernel")) and digits[-1:] in SIZES:
        digits, unit = digits[:-1], SIZES[digits[-1]]
    bare = digits.removeprefix("-")
    if not bare.isascii() or not bare.isdigit():
        raise UnsupportedError(
            f"--{option}: '{text}' is no number", hint="a number, for memory with k, m or g after it"
        )
    return int(digits) << unit


def resources_of(options: Options) -> dict[str, dict[str, object]]:
    """The document of linux.resources that the options say."""
    document: dict[str, dict[str, object]] = {}
    for option in REFUSED:
        if options.flag(option):
            raise UnsupportedError(f"--{option}: whit has no Intel RDT", hint="leave it out")
    for option, (part, member) in NUMBERS.items():
        if options.flag(option):
            document.setdefault(part, {})[member] = _number(option, options.text(option))
    for option, (part, member) in WORDS.items():
        if options.flag(option):
            document.setdefault(part, {})[member] = options.text(option)
    return document


def _document(options: Options) -> bytes:
    path = options.text("resources")
    if path == "-":
        return sys.stdin.buffer.read()
    if path:
        return read_regular(path)
    return json.dumps(resources_of(options)).encode()


def update(call: Call, log: Log) -> None:
    """``update``: what is given changes, the rest stays."""
    from whit.runtime.oci.limits import completed, resource_writes, update_devices  # noqa: PLC0415 - the compiler's

    container = container_of(call)
    status, _ = container.status()
    if status is Status.STOPPED:
        raise LaunchError("container not running", exit_code=1)
    resources, warnings = parse_resources(_document(call.options))
    for warning in warnings:
        log.write("warning", warning)
    host = read_oci_host()
    resources = completed(resources, container.cgroups, host)
    if (container.folder / SCOPE).exists():
        from whit.runtime.oci.systemd import set_limits  # noqa: PLC0415 - for systemd's containers alone

        set_limits(container, resources, host)
    resource_writes(resources, container.cgroups, host)
    update_devices(resources, container.cgroups, host)
