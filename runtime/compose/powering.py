"""What a service may do beyond the default, or less, as the engine takes it."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose.project import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.runtime.compose.project import Values
    from whit.runtime.engine.powers import Powers
    from whit.runtime.options import Program
    from whit.runtime.seccomp.filterfile import FilterFile

_KEYS = (
    "annotations", "cap_drop", "cgroup", "cgroup_parent", "cpu_period", "cpu_quota", "cpu_shares", "cpuset", "device_cgroup_rules", "devices",
    "domainname", "group_add", "init", "ipc", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_score_adj", "pid", "privileged",
    "security_opt", "shm_size", "sysctls", "uts",
)  # fmt: skip
_SHARES = 1024
"""Of one processor."""


def _reserved(values: Values) -> Values:
    found: Values = ((values.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    return found


def is_asked(values: Values) -> bool:
    """Whether a service asks for anything of this."""
    return any(values.get(key) for key in _KEYS) or bool(_reserved(values))


def profiles_of(values: Values, folder: str) -> tuple[tuple[str, FilterFile], ...]:
    """The filters of system calls that it names by a file, relative to the project's ``folder``."""
    options = tuple(values.get("security_opt") or ())
    if not options:
        return ()
    from whit.runtime.verbs.powers import profiles_of as read  # noqa: PLC0415 - few name any

    return tuple(read(options, folder).items())


def powers_of(values: Values, names: Callable[[str], str], program: Program) -> Powers:
    """What is asked for; groups by name are the image's. Raises :class:`UsageError`."""
    if not _reserved(values) and not any(values.get(key) for key in _KEYS if key != "init"):
        from whit.runtime.engine.powers import Powers  # noqa: PLC0415 - as below

        return Powers(init=True)
    from whit.runtime.verbs.given import PowerWords  # noqa: PLC0415 - few services ask for any
    from whit.runtime.verbs.powers import powers_of as parse  # noqa: PLC0415

    reserved = _reserved(values)
    shares = values.get("cpu_shares") or (round(float(reserved["cpus"]) * _SHARES) if reserved.get("cpus") else None)
    words = PowerWords(
        memory_swap=_text(values.get("memswap_limit")),
        memory_reservation=_text(values.get("mem_reservation") or reserved.get("memory")),
        cpu_shares=None if shares is None else max(int(shares), 2),
        cpu_period=_number(values.get("cpu_period")),
        cpu_quota=_number(values.get("cpu_quota")),
        cpuset_cpus=_text(values.get("cpuset")),
        cpuset_mems=None,
        blkio_weight=None,
        cap_drop=tuple(values.get("cap_drop") or ()),
        privileged=bool(values.get("privileged")),
        security_opt=tuple(values.get("security_opt") or ()),
        device=tuple(map(_device, values.get("devices") or ())),
        device_cgroup_rule=tuple(values.get("device_cgroup_rules") or ()),
        group_add=tuple(map(str, values.get("group_add") or ())),
        shm_size=_text(values.get("shm_size")),
        sysctl=tuple(f"{name}={value}" for name, value in (values.get("sysctls") or {}).items()),
        oom_score_adj=_number(values.get("oom_score_adj")),
        pid=_namespace(values.get("pid"), names),
        ipc=_namespace(values.get("ipc"), names),
        uts=_namespace(values.get("uts"), names),
        cgroupns=_text(values.get("cgroup")),
        cgroup_parent=_text(values.get("cgroup_parent")),
        domainname=_text(values.get("domainname")),
    )
    powers = parse(words, program.accounts, init=bool(values.get("init")))
    annotations = tuple((name, str(value)) for name, value in (values.get("annotations") or {}).items())
    limits = replace(powers.limits, memory_swappiness=_number(values.get("mem_swappiness")))
    return replace(powers, annotations=annotations, limits=limits)


def _text(value: object) -> str | None:
    return None if value in {None, ""} else str(value)


def _number(value: object) -> int | None:
    return None if value in {None, ""} else int(str(value))


def _namespace(value: object, names: Callable[[str], str]) -> str | None:
    text = _text(value)
    return f"container:{names(text.removeprefix(SERVICE))}" if text and text.startswith(SERVICE) else text


def _device(values: Values | str) -> str:
    if isinstance(values, str):
        return values
    return ":".join(filter(None, (values["source"], values.get("target"), values.get("permissions"))))
