"""Other limits for a container that runs: written to its cgroups at once, for ``update``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError
from whit.packer.support.light import replace
from whit.runtime.oci import cgroups as compiler
from whit.runtime.oci.devices import v1_writes, v2_program
from whit.runtime.oci.fields import refused
from whit.runtime.oci.state import folder_of

if TYPE_CHECKING:
    from pathlib import Path

    from whit.runtime.oci.model import OciHost
    from whit.runtime.oci.resources import Resources


def _folder(cgroups: tuple[tuple[str, Path], ...], controller: str, where: str) -> Path:
    folder = folder_of(cgroups, controller)
    if folder is None:
        raise refused(where, f"the container has no {controller} cgroup")
    return folder


def _writes(resources: Resources, cgroups: tuple[tuple[str, Path], ...], host: OciHost) -> list[tuple[Path, str, str]]:
    """(file, value, member) in order; v2 has no files for devices."""
    writes = [
        (_folder(cgroups, write.controller, write.where) / write.file, write.value, write.where)
        for write in compiler.resource_writes(resources, host)
    ]
    if resources.devices and host.hierarchies:
        where = f"{compiler.WHERE}.devices"
        folder = _folder(cgroups, "devices", where)
        writes += [(folder / file, line, where) for file, line in v1_writes(resources.devices)]
    return writes


def completed(resources: Resources, cgroups: tuple[tuple[str, Path], ...], host: OciHost) -> Resources:
    """With what v2 has in one file and the resources say only a part of: the rest is as it is now.

    A quota stands beside its period in cpu.max; memory and swap together take memory's own limit.
    """
    folder = None if host.hierarchies else folder_of(cgroups, "unified")
    if folder is None:
        return resources
    cpu, memory = resources.cpu, resources.memory
    if bool(cpu.quota) is not bool(cpu.period):
        quota, period = (folder / "cpu.max").read_text().split()
        now = -1 if quota == "max" else int(quota)
        cpu = replace(cpu, quota=cpu.quota or now, period=cpu.period or int(period))
    if (memory.swap or 0) > 0 and not memory.limit:
        limit = (folder / "memory.max").read_text().strip()
        memory = replace(memory, limit=None if limit == "max" else int(limit))
    return replace(resources, cpu=cpu, memory=memory)


def with_quota(resources: Resources, folder: Path | None) -> Resources:
    """On v1: quota and period of CPU time together, one as the cgroup has it; for systemd, which knows their ratio."""
    cpu = resources.cpu
    if folder is None or bool(cpu.quota) is bool(cpu.period) or not (folder / "cpu.cfs_quota_us").exists():
        return resources
    quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    return replace(resources, cpu=replace(cpu, quota=cpu.quota or quota, period=cpu.period or period))


def _check_usage(resources: Resources, cgroups: tuple[tuple[str, Path], ...], host: OciHost) -> None:
    limit = resources.memory.limit
    if not resources.memory.check_before_update or not limit or limit < 0:
        return
    where = f"{compiler.WHERE}.memory.checkBeforeUpdate"
    name = "memory.usage_in_bytes" if host.hierarchies else "memory.current"
    used = int((_folder(cgroups, "memory", where) / name).read_text())
    if used > limit:
        raise LaunchError(
            f"{where}: {used} bytes are in use, more than the new limit of {limit}", hint="give it more, or free some"
        )


def update_devices(resources: Resources, cgroups: tuple[tuple[str, Path], ...], host: OciHost) -> None:
    """On cgroup v2: another program for the devices, where the resources speak of them."""
    if not resources.devices or host.hierarchies:
        return
    from whit.runtime.oci.bpf import attach_device_program  # noqa: PLC0415 - seldom asked for

    where = f"{compiler.WHERE}.devices"
    if not host.machine_root:
        raise refused(where, "without root the devices of a container stay as they are")
    attach_device_program(_folder(cgroups, "devices", where), v2_program(resources.devices))


def resource_writes(resources: Resources, cgroups: tuple[tuple[str, Path], ...], host: OciHost) -> None:
    """Write the limits to the container's ``cgroups``: (controllers, folder) each, ``unified`` for v2's.

    Some values hold only in one order, by whether they grow or shrink (memory beside memory and swap, a quota beside its
    period): what fails is tried again once the rest is written. Raises :class:`LaunchError` that names the member.
    """
    _check_usage(resources, cgroups, host)
    failed: list[tuple[Path, str, str]] = []
    for path, value, where in _writes(resources, cgroups, host):
        try:
            path.write_text(value)
        except OSError:
            failed.append((path, value, where))
    for path, value, where in failed:
        try:
            path.write_text(value)
        except OSError as error:
            raise LaunchError(
                f"{where}: can't write {value} to {path.name}: {os.strerror(error.errno or 0)}",
                hint="is it within what the machine has, and above what is in use?",
            ) from None
