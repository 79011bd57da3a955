"""Other limits for a container that is there: what is asked, checked as docker does, and put into ``linux.resources``. Pure."""

from __future__ import annotations

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.limits import CPU_PERIOD_US, MIN_QUOTA_US, parse_size
from whit.runtime.oci.resources import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

Part = dict[str, object]
Document = dict[str, Part]

LEAST_MEMORY = 6 << 20
"""Docker's."""

_PERIODS = (1000, 1_000_000)
_WEIGHTS = (10, 1000)
_SWAPPINESS = (0, 100)
_SHARES = (2, 262_144)
_SIZES = ("memory", "memory_swap", "memory_reservation")


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they stand on the command line; None: not given."""

    memory: str | None = None
    memory_swap: str | None = None
    memory_reservation: str | None = None
    cpus: float | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    pids_limit: int | None = None
    blkio_weight: int | None = None
    memory_swappiness: int | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What the limits are within: which processors and memory nodes there are, as the kernel lists them (``0-3``)."""

    cpus: str
    nodes: str

    @property
    def processors(self) -> int:
        """How many."""
        return len(set(listed(self.cpus)))


def _size(text: str, option: str) -> int:
    if text == "-1":
        return -1
    try:
        return parse_size(text)
    except UsageError as error:
        raise UsageError(f"--{option}: {error.message}", hint=error.hint) from None


def _memory(asked: Asked, own: Mapping[str, object]) -> Part:
    """Memory; without a word about swap there is none beside it, as where a container is made."""
    given = {name: _size(text, name.replace("_", "-")) for name in _SIZES if (text := getattr(asked, name)) is not None}
    limit, swap = given.get("memory"), given.get("memory_swap")
    if limit is not None and limit < LEAST_MEMORY:
        raise UsageError("Minimum memory limit allowed is 6MB", hint="--memory 64m")
    before, beside = own.get("limit"), own.get("swap")
    if limit is not None and swap is None:
        if isinstance(beside, int) and beside not in {before, -1} and limit > beside:
            raise UsageError(
                "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
                hint="give --memory-swap, too: memory and swap together",
            )
        swap = limit if beside in {before, None} else None
    whole = limit if limit is not None else before
    if swap is not None and swap >= 0 and (not isinstance(whole, int) or whole < 0):
        raise UsageError(
            "You should always set the Memory limit when using Memoryswap limit", hint="give --memory, too"
        )
    if swap is not None and isinstance(whole, int) and 0 <= swap < whole:
        raise UsageError(
            "Minimum memoryswap limit should be larger than memory limit", hint="it is memory and swap together"
        )
    reservation = given.get("memory_reservation")
    if reservation is not None and isinstance(whole, int) and 0 < whole < reservation:
        raise UsageError(
            "Minimum memory limit can not be less than memory reservation limit", hint="reserve less, or allow more"
        )
    _within(
        asked.memory_swappiness,
        _SWAPPINESS,
        f"Invalid value: {asked.memory_swappiness}, valid memory swappiness range is 0-100",
    )
    found = {"limit": limit, "swap": swap, "reservation": reservation, "swappiness": asked.memory_swappiness}
    return {name: value for name, value in found.items() if value is not None}


def _within(value: int | None, bounds: tuple[int, int], message: str) -> None:
    if value is not None and not bounds[0] <= value <= bounds[1]:
        raise UsageError(message)


def _check_list(text: str, available: str, what: str) -> None:
    """Raises for a list that isn't one (cpuset(7)), or has what isn't there."""
    wanted: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and len(first) < 5 and (not dash or (last.isdecimal() and len(last) < 5))):  # noqa: PLR2004 - digits
            raise UsageError(f"Invalid value {text} for a list of {what}", hint="a list such as 0-3,7")
        wanted.update(range(int(first), int(last if dash else first) + 1))
    if not wanted <= set(listed(available)):
        raise UsageError(f"Requested {what} are not available - requested {text}, available: {available}")


def _cpu(asked: Asked, machine: Machine) -> Part:
    if asked.cpus is not None and (asked.cpu_period is not None or asked.cpu_quota is not None):
        other = "Quota" if asked.cpu_quota is not None else "Period"
        raise UsageError(f"Conflicting options: Nano CPUs and CPU {other} cannot both be set")
    if asked.cpus is not None and not 0.01 <= asked.cpus <= machine.processors:  # noqa: PLR2004 - docker's
        raise UsageError(
            f"Range of CPUs is from 0.01 to {machine.processors}.00, as there are only {machine.processors} CPUs available"
        )
    _within(
        asked.cpu_period,
        _PERIODS,
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    )
    if asked.cpu_quota is not None and 0 <= asked.cpu_quota < MIN_QUOTA_US:
        raise UsageError("CPU cfs quota can not be less than 1ms (i.e. 1000)", hint="-1: no limit")
    _within(asked.cpu_shares, _SHARES, f"the minimum allowed cpu-shares is {_SHARES[0]}, the maximum {_SHARES[1]}")
    if asked.cpuset_cpus is not None:
        _check_list(asked.cpuset_cpus, machine.cpus, "CPUs")
    if asked.cpuset_mems is not None:
        _check_list(asked.cpuset_mems, machine.nodes, "memory nodes")
    quota = round(asked.cpus * CPU_PERIOD_US) if asked.cpus is not None else asked.cpu_quota
    found = {
        "quota": quota,
        "period": CPU_PERIOD_US if asked.cpus is not None else asked.cpu_period,
        "shares": asked.cpu_shares,
        "cpus": asked.cpuset_cpus,
        "mems": asked.cpuset_mems,
    }
    return {name: value for name, value in found.items() if value is not None}


def resources_of(asked: Asked, own: Mapping[str, object], machine: Machine) -> Document:
    """What of ``linux.resources`` is to change; ``own`` is the container's. Raises :class:`UsageError` in docker's words."""
    memory = own.get("memory")
    parts: Document = {
        "memory": _memory(asked, memory if isinstance(memory, dict) else {}),
        "cpu": _cpu(asked, machine),
    }
    if asked.pids_limit is not None:
        parts["pids"] = {"limit": asked.pids_limit if asked.pids_limit > 0 else -1}
    if asked.blkio_weight is not None:
        _within(asked.blkio_weight, _WEIGHTS, "Range of blkio weight is from 10 to 1000")
        parts["blockIO"] = {"weight": asked.blkio_weight}
    return {name: part for name, part in parts.items() if part}


def merged(own: Mapping[str, object], changes: Document) -> dict[str, object]:
    """``linux.resources`` with the changes in it."""
    found = dict(own)
    for name, part in changes.items():
        before = found.get(name)
        found[name] = {**(before if isinstance(before, dict) else {}), **part}
    return found
