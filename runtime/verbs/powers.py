"""What a container may do beyond the default, in words, and what they come to."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.limiting import Asked
from whit.runtime.engine.powers import Device, DeviceKind, Powers, check_namespace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.accounts import Accounts
    from whit.runtime.verbs.given import PowerWords

NAMESPACES = ("pid", "ipc", "uts", "cgroupns")


def powers_of(words: PowerWords, accounts: Accounts, *, init: bool) -> Powers:
    """What is asked for; groups by name are the image's. Raises :class:`UsageError`."""
    limits = Asked(
        memory_swap=words.memory_swap,
        memory_reservation=words.memory_reservation,
        cpu_shares=words.cpu_shares,
        cpu_period=words.cpu_period,
        cpu_quota=words.cpu_quota,
        cpuset_cpus=words.cpuset_cpus,
        cpuset_mems=words.cpuset_mems,
        blkio_weight=words.blkio_weight,
    )
    asked = ((option, getattr(words, option)) for option in NAMESPACES)
    return Powers(
        limits=limits,
        cap_drop=words.cap_drop,
        privileged=words.privileged,
        security=words.security_opt,
        devices=tuple(map(_device, words.device)),
        device_rules=words.device_cgroup_rule,
        groups=tuple(_group(text, accounts) for text in words.group_add),
        shm_size=words.shm_size,
        sysctls=words.sysctl,
        oom_score_adj=words.oom_score_adj,
        namespaces=tuple((option, check_namespace(option, value)) for option, value in asked if value),
        cgroup_parent=words.cgroup_parent,
        domainname=words.domainname,
        init=init,
    )


def profiles_of(words: tuple[str, ...]) -> Mapping[str, object]:
    """The filters that --security-opt seccomp=FILE names. Raises what reading them does."""
    found: dict[str, object] = {}
    for text in words:
        name, _, path = text.partition("=")
        if name != "seccomp" or path in {"", "unconfined"}:
            continue
        try:
            found[path] = json.loads(Path(path).read_bytes())
        except FileNotFoundError:
            raise NotFoundError(f"--security-opt seccomp: there is no {path}") from None
        except ValueError as error:
            raise InvalidFileError(f"--security-opt seccomp: {path} is not JSON: {error}") from None
    return found


def _group(text: str, accounts: Accounts) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 10:  # noqa: PLR2004 - digits of a group
        return int(text)
    rows = (line.split(":") for line in accounts.group.split("\n"))
    for row in rows:
        if len(row) > 2 and row[0] == text and row[2].isdigit():  # noqa: PLR2004 - group(5)
            return int(row[2])
    raise UsageError(f"--group-add: the image has no group '{text}'", hint="give its number")


def _device(text: str) -> Device:
    source, _, rest = text.partition(":")
    target, _, access = rest.rpartition(":") if ":" in rest else (rest, "", "")
    if target and not target.startswith("/") and set(target) <= set("rwm"):
        target, access = "", target
    access = access or "rwm"
    if not source.startswith("/") or not set(access) <= set("rwm") or (target and not target.startswith("/")):
        raise UsageError(f"--device: '{text}'", hint="/dev/SOURCE[:/dev/TARGET][:rwm]")
    try:
        status = Path(source).stat()
    except OSError as error:
        raise NotFoundError(
            f"--device: {source}: {(error.strerror or 'unreadable').lower()}", hint="check its spelling"
        ) from None
    kinds = {stat.S_IFCHR: DeviceKind.CHARACTER, stat.S_IFBLK: DeviceKind.BLOCK}
    kind = kinds.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise UsageError(f"--device: {source} is no device", hint="show it files by --volume")
    numbers = os.major(status.st_rdev), os.minor(status.st_rdev)
    return Device(target or source, kind, *numbers, stat.S_IMODE(status.st_mode), access)
