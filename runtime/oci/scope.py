"""Systemd's side of a container's cgroup: its unit, where that stands, and its limits as the unit's properties. Pure.

``linux.cgroupsPath`` is "SLICE:PREFIX:NAME" then, and the unit PREFIX-NAME.scope in that slice, as runc has it
(runc's docs/systemd.md). Properties: systemd.resource-control(5) and org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError
from whit.runtime.oci.cgroups import CgroupPlan, resource_warnings, resource_writes
from whit.runtime.oci.fields import refused
from whit.runtime.oci.model import HYBRID, Cgroup
from whit.runtime.oci.resources import CPU_LIST, listed

if TYPE_CHECKING:
    from whit.runtime.oci.cgroups import Write
    from whit.runtime.oci.model import Folders, OciHost, Scope
    from whit.runtime.oci.resources import Resources

PREFIX = "whit"
"""Of the scope's name, where config.json names none."""

WHERE = "linux.cgroupsPath"
UNLIMITED = (1 << 64) - 1
MAX_NAME = 255
IDLE_SINCE = 252
"""The version of systemd whose CPUWeight of 0 is cpu.idle."""

Property = tuple[str, tuple[str, object]]
"""(name, (D-Bus signature, value))."""

NUMBERS = {
    "memory.max": "MemoryMax", "memory.high": "MemoryHigh", "memory.low": "MemoryLow", "memory.min": "MemoryMin",
    "memory.swap.max": "MemorySwapMax", "pids.max": "TasksMax", "cpu.weight": "CPUWeight", "io.weight": "IOWeight",
}  # fmt: skip
"""A file of cgroup v2 → the property that systemd writes to it."""

INTEGERS = {
    "": ("i", -(1 << 31), (1 << 31) - 1), "int32": ("i", -(1 << 31), (1 << 31) - 1), "uint32": ("u", 0, (1 << 32) - 1),
    "int64": ("x", -(1 << 63), (1 << 63) - 1), "uint64": ("t", 0, UNLIMITED), "int16": ("n", -(1 << 15), (1 << 15) - 1),
    "uint16": ("q", 0, (1 << 16) - 1), "byte": ("y", 0, 255),
}  # fmt: skip
"""GVariant's word → D-Bus's signature and the smallest and largest number."""

ANNOTATION = "org.systemd.property."

NUMBER, QUOTA = r"max|(default )?[0-9]{1,20}", r"(max|[0-9]{1,20})( 0*[1-9][0-9]{0,19})?"

SETS = {"cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes"}

DEFAULT_PERIOD = 100_000
"""The kernel's, of a quota of CPU time, in microseconds."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The scope of a container. ``slice`` is the slice's name, ``path`` the scope's cgroup below the manager's own."""

    name: str
    slice: str
    path: str


def slice_path(name: str) -> str:
    """A slice's cgroup: each dash in its name leads one down (systemd.slice(5))."""
    stem = name.removesuffix(".slice")
    if stem == "-":
        return ""
    parts = stem.split("-")
    if stem == name or not all(re.fullmatch(r"[A-Za-z0-9:_.\\]+", part) for part in parts):
        raise InvalidFileError(f"{WHERE}: {name!r} is no slice", hint="a name such as system.slice or user-web.slice")
    return "/".join("-".join(parts[: depth + 1]) + ".slice" for depth in range(len(parts)))


def unit_of(path: str, container: str, *, user: bool) -> Unit:
    """The scope that ``linux.cgroupsPath`` names; ``user``: of a user's manager. Raises :class:`InvalidFileError`."""
    parts = path.split(":") if path else ["", PREFIX, container]
    if len(parts) != 3:  # noqa: PLR2004 - as the format has it
        raise InvalidFileError(
            f"{WHERE}: {path!r} isn't SLICE:PREFIX:NAME", hint="such as system.slice:whit:web, for --systemd-cgroup"
        )
    parent, prefix, name = parts
    scope = f"{prefix}-{name}.scope"
    if name.endswith(".slice") or not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", scope) or len(scope) > MAX_NAME:
        raise InvalidFileError(f"{WHERE}: {scope!r} can't be a scope's name", hint="letters, digits, and :-_.\\@")
    parent = parent or ("user.slice" if user else "system.slice")
    return Unit(scope, parent, "/".join(part for part in (slice_path(parent), scope) if part))


def _bits(text: str) -> list[int]:
    """A list such as 0-3,7 as bytes, the lowest number in the first byte's lowest bit."""
    mask = 0
    for number in listed(text):
        mask |= 1 << number
    return list(mask.to_bytes(max(1, (mask.bit_length() + 7) // 8), "little"))


def _is_plain(write: Write) -> bool:
    """Whether the value is of a form that systemd has too; the kernel takes more (``linux.resources.unified``)."""
    form = CPU_LIST if write.file in SETS else QUOTA if write.file == "cpu.max" else NUMBER
    plain = re.fullmatch(form, write.value, re.ASCII) is not None
    return plain and all(int(digits) <= UNLIMITED for digits in re.findall("[0-9]+", write.value))


def set_property(write: Write) -> list[Property]:
    """A cpuset's."""
    return [(SETS[write.file], ("ay", _bits(write.value)))] if write.file in SETS and _is_plain(write) else []


def _of(write: Write, version: int) -> list[Property]:
    if not _is_plain(write):
        return []
    name = NUMBERS.get(write.file)
    if name is not None:
        value = UNLIMITED if write.value == "max" else int(write.value.removeprefix("default "))
        # It takes no 0; that is written to the cgroup itself.
        return [(name, ("t", max(1, value) if name == "TasksMax" else value))]
    if write.file in SETS:
        return set_property(write)
    if write.file == "cpu.max":
        quota, _, period = write.value.partition(" ")
        microseconds = int(period or DEFAULT_PERIOD)
        # Of CPU time a second.
        share = UNLIMITED if quota == "max" else int(quota) * 1_000_000 // microseconds
        return [("CPUQuotaPeriodUSec", ("t", microseconds)), ("CPUQuotaPerSecUSec", ("t", share))]
    if write.file == "cpu.idle" and write.value == "1" and version >= IDLE_SINCE:
        return [("CPUWeight", ("t", 0))]
    return []


def limit_properties(resources: Resources, host: OciHost, version: int) -> list[Property]:
    """The limits as far as systemd knows them: what it writes again when it is reloaded. The last of a name counts."""
    writes = resource_writes(resources, host)
    if host.hierarchies:
        from whit.runtime.oci.scope_v1 import v1_properties  # noqa: PLC0415 - it needs this module's names

        return v1_properties(writes)
    return list(dict(item for write in writes for item in _of(write, version)).items())


def _value(text: str) -> tuple[str, object] | None:
    """A value as GVariant writes it, with its D-Bus signature; None for what isn't one of the plain kinds."""
    if text in {"true", "false"}:
        return "b", text == "true"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and "\\" not in text:
        return "s", text[1:-1]
    kind, _, digits = text.rpartition(" ")
    signature, low, high = INTEGERS.get(kind, ("", 0, 0))
    number = int(digits) if re.fullmatch(r"-?[0-9]{1,20}", digits, re.ASCII) else None
    return (signature, number) if signature and number is not None and low <= number <= high else None


def annotated(annotations: tuple[tuple[str, str], ...]) -> list[Property]:
    """Properties that config.json's annotations name, as runc has them: ``org.systemd.property.NAME`` → a GVariant.

    Raises :class:`UnsupportedError` for another kind of value, with the annotation's name.
    """
    found = []
    for name, text in annotations:
        stem = name.removeprefix(ANNOTATION)
        if stem == name:
            continue
        value = _value(text.strip())
        if value is None or not re.fullmatch(r"[A-Z][A-Za-z]*", stem):
            raise refused(
                f"annotations[{name!r}]", f"no such value: {text}", "a property's name; true, 'text', or uint64 5"
            )
        found.append((stem, value))
    return found


def scope_properties(unit: Unit, container: str, pid: int, *, v1: bool = False) -> list[Property]:
    """Those of the scope itself; it is delegated: what is below it is the container's affair."""
    counted = ("Memory", "CPU", "BlockIO" if v1 else "IO", "Tasks")
    return [
        ("Description", ("s", f"whit-oci container {container}")),
        ("Slice", ("s", unit.slice)),
        ("Delegate", ("b", True)),
        ("PIDs", ("au", [pid])),
        *((f"{name}Accounting", ("b", True)) for name in counted),
        ("DefaultDependencies", ("b", False)),
    ]


def scope_folders(path: str, host: OciHost) -> Folders:
    """Where the scope is: ``path`` from each hierarchy's root on. Systemd makes it in those that it knows, we in the others."""
    v1 = tuple((hierarchy.controllers, posixpath.join(hierarchy.mount, path)) for hierarchy in host.hierarchies)
    names = HYBRID if v1 else ()
    return (*v1, (names, posixpath.join(host.unified, path))) if host.unified else v1


def scoped_cgroups(resources: Resources, host: OciHost, scope: Scope) -> CgroupPlan:
    """The plan's part. Raises what can't be honoured, by its name; it is written once systemd has made the cgroup."""
    resource_writes(resources, host)
    return CgroupPlan((), (scope.attach,), 0, Cgroup(scope.folders), resource_warnings(resources))
