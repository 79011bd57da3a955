"""What a container may do beyond the default, in words, and what they come to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine.limiting import Asked
from whit.runtime.engine.powers import Device, DeviceKind, Powers, check_namespace, security_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.packer.image.accounts import Accounts
    from whit.runtime.seccomp.filterfile import FilterFile
    from whit.runtime.verbs.given import PowerWords

_NO_FILES = ("unconfined", "builtin")
_HINT = "seccomp=unconfined, seccomp=builtin, or a file"
_HINTS = {
    "auto": "the calls of its own code: whit pack --seccomp auto writes them into the image",
    "strict": "as little as is known of the program: --sandbox strict",
}

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


def profiles_of(words: tuple[str, ...], folder: str = "") -> Mapping[str, FilterFile]:
    """The filters that --security-opt seccomp=FILE names, by FILE, which is relative to ``folder``. Raises :class:`WhitError`."""
    found: dict[str, FilterFile] = {}
    for text in words:
        name, path = security_option(text)
        if name == "seccomp" and path not in {"", *_NO_FILES}:
            found[path] = _filter_file(path, folder, f"--security-opt: {text}")
    return found


def _filter_file(path: str, folder: str, where: str) -> FilterFile:
    from whit.packer.support.regular import read_regular  # noqa: PLC0415 - few name any
    from whit.runtime.machine import architecture  # noqa: PLC0415
    from whit.runtime.seccomp.filterfile import LARGEST, System, read_filter  # noqa: PLC0415

    try:
        data = read_regular(Path(folder, path), LARGEST)
    except OSError as error:
        raise NotFoundError(
            f"{where}: {(error.strerror or 'unreadable').lower()}", hint=_HINTS.get(path, _HINT)
        ) from None
    except UsageError as error:
        raise InvalidFileError(f"{where}: {error.message}", hint=error.hint) from None
    return read_filter(data, where, System(architecture(), os.uname().release))


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
