"""The options of ``run`` and ``create`` about what a container may do beyond the default, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from whit.packer.image.accounts import Accounts
    from whit.runtime.engine.powers import Device, Powers

_MANY: dict[str, Any] = {"multiple": True}

_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--memory-swap",), {"metavar": "SIZE", "help": "Memory and swap together; -1: any.  [default: no swap]"}),
    (("--memory-reservation",), {"metavar": "SIZE", "help": "What it is to keep where memory is short."}),
    (("-c", "--cpu-shares"), {"type": int, "metavar": "NUMBER", "help": "Its weight among others: 1024 is usual."}),
    (("--cpu-period",), {"type": int, "metavar": "MICROSECONDS", "help": "The period of --cpu-quota."}),
    (("--cpu-quota",), {"type": int, "metavar": "MICROSECONDS", "help": "CPU time in a period; -1: any."}),
    (("--cpuset-cpus",), {"metavar": "LIST", "help": "The processors that it may use: 0-3,7."}),
    (("--cpuset-mems",), {"metavar": "LIST", "help": "The memory nodes that it may use."}),
    (("--blkio-weight",), {"type": int, "metavar": "NUMBER", "help": "Its weight at block devices: 10 to 1000."}),
    (("--cap-drop",), {**_MANY, "metavar": "CAPABILITY", "help": "Take away what --cap-add ALL or --privileged gave."}),
    (("--privileged",), {"is_flag": True, "help": "Every capability and device, no filter: no wall at all."}),
    (("--security-opt",), {**_MANY, "metavar": "OPTION", "help": "seccomp=FILE|unconfined, apparmor=PROFILE, …"}),
    (("--device",), {**_MANY, "metavar": "SOURCE[:TARGET][:rwm]", "help": "A device of the host's."}),
    (("--device-cgroup-rule",), {**_MANY, "metavar": "RULE", "help": "Let it use devices: 'c 10:200 rwm'."}),
    (("--group-add",), {**_MANY, "metavar": "GROUP", "help": "One more group of its user's."}),
    (("--shm-size",), {"metavar": "SIZE", "help": "The size of its /dev/shm.  [default: 64m]"}),
    (("--sysctl",), {**_MANY, "metavar": "NAME=VALUE", "help": "A kernel parameter of its namespaces."}),
    (("--oom-score-adj",), {"type": int, "metavar": "NUMBER", "help": "How soon the kernel kills it for memory."}),
    (("--pid",), {"metavar": "host|container:NAME", "help": "Whose processes it sees."}),
    (("--ipc",), {"metavar": "host|container:NAME|none", "help": "Whose shared memory and queues it has."}),
    (("--uts",), {"metavar": "host", "help": "Have the host's name."}),
    (("--cgroupns",), {"metavar": "host|private", "help": "Whose cgroups it sees."}),
    (("--cgroup-parent",), {"metavar": "PATH", "help": "The cgroup above its own.  [default: /whit]"}),
    (("--domainname",), {"metavar": "NAME", "help": "Its NIS domain name."}),
)

NAMESPACES = ("pid", "ipc", "uts", "cgroupns")


def power_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every such option."""
    for names, settings in reversed(_OPTIONS):
        function = click.option(*names, **settings)(function)
    return function


@dataclass(frozen=True, slots=True)
class PowerWords:
    """Their values, as click gives them."""

    memory_swap: str | None
    memory_reservation: str | None
    cpu_shares: int | None
    cpu_period: int | None
    cpu_quota: int | None
    cpuset_cpus: str | None
    cpuset_mems: str | None
    blkio_weight: int | None
    cap_drop: tuple[str, ...]
    privileged: bool
    security_opt: tuple[str, ...]
    device: tuple[str, ...]
    device_cgroup_rule: tuple[str, ...]
    group_add: tuple[str, ...]
    shm_size: str | None
    sysctl: tuple[str, ...]
    oom_score_adj: int | None
    pid: str | None
    ipc: str | None
    uts: str | None
    cgroupns: str | None
    cgroup_parent: str | None
    domainname: str | None

    @property
    def is_asked(self) -> bool:
        """Whether anything of it was given: only a container that is kept has it."""
        return any(getattr(self, field.name) not in {None, False, ()} for field in fields(self))


def split_powers(words: dict[str, Any]) -> tuple[dict[str, Any], PowerWords]:
    """(the other words, these)."""
    names = {field.name for field in fields(PowerWords)}
    rest = {name: value for name, value in words.items() if name not in names}
    return rest, PowerWords(**{name: words[name] for name in names})


def powers_of(words: PowerWords, accounts: Accounts, *, init: bool) -> Powers:
    """What is asked for; groups by name are the image's. Raises :class:`UsageError`."""
    from whit.runtime.engine.limiting import Asked
    from whit.runtime.engine.powers import Powers, check_namespace

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
    import json
    from pathlib import Path

    from whit.packer.support.errors import InvalidFileError, NotFoundError

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
    from whit.packer.support.errors import UsageError

    if text.isascii() and text.isdigit() and len(text) <= 10:  # noqa: PLR2004 - digits of a group
        return int(text)
    rows = (line.split(":") for line in accounts.group.split("\n"))
    for row in rows:
        if len(row) > 2 and row[0] == text and row[2].isdigit():  # noqa: PLR2004 - group(5)
            return int(row[2])
    raise UsageError(f"--group-add: the image has no group '{text}'", hint="give its number")


def _device(text: str) -> Device:
    import os
    import stat
    from pathlib import Path

    from whit.packer.support.errors import NotFoundError, UsageError
    from whit.runtime.engine.powers import Device, DeviceKind

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
        raise NotFoundError(f"--device: {source}: {(error.strerror or 'unreadable').lower()}") from None
    kinds = {stat.S_IFCHR: DeviceKind.CHARACTER, stat.S_IFBLK: DeviceKind.BLOCK}
    kind = kinds.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise UsageError(f"--device: {source} is no device", hint="show it files by --volume")
    numbers = os.major(status.st_rdev), os.minor(status.st_rdev)
    return Device(target or source, kind, *numbers, stat.S_IMODE(status.st_mode), access)
