"""The words of ``run`` and ``create`` beside those of any launch, told apart by who reads them. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    T = TypeVar("T")

NOTHING: tuple[object, ...] = (None, False, ())
"""What an option has that nobody gave."""


def parted(words: Mapping[str, Any], kind: type[T]) -> tuple[dict[str, Any], T]:
    """(the other words, those that this dataclass has)."""
    names: tuple[str, ...] = getattr(kind, "__match_args__")  # noqa: B009 - of any dataclass
    own = {name: words[name] for name in names if name in words}
    return {name: value for name, value in words.items() if name not in own}, kind(**own)


def is_given(record: object) -> bool:
    """Whether any word of the dataclass's was given."""
    names: tuple[str, ...] = getattr(record, "__match_args__")  # noqa: B009 - of any dataclass
    return any(getattr(record, name) not in NOTHING for name in names)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Words about a container that is kept."""

    name: str | None = None
    tty: bool = False
    publish: tuple[str, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()
    restart: str | None = None
    label: tuple[str, ...] = ()
    label_file: tuple[str, ...] = ()
    stop_signal: str | None = None
    stop_timeout: int | None = None
    health_cmd: str | None = None
    health_tcp: str | None = None
    health_http: str | None = None
    health_interval: str | None = None
    health_timeout: str | None = None
    health_start_period: str | None = None
    health_start_interval: str | None = None
    health_retries: int | None = None
    no_healthcheck: bool = False
    log_driver: str | None = None
    log_opt: tuple[str, ...] = ()
    network_alias: tuple[str, ...] = ()
    ip: str | None = None
    ip6: str | None = None
    mac_address: str | None = None
    add_host: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_option: tuple[str, ...] = ()
    read_only: bool | None = None
    storage_opt: tuple[str, ...] = ()
    mount: tuple[str, ...] = ()
    volumes_from: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    cidfile: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether anything of it was given: the container is kept then. ``--writable`` says no to ``read_only``, which is a wish too."""
        return self.read_only is False or is_given(self)


@dataclass(frozen=True, slots=True)
class PowerWords:
    """Words about what a container may do beyond the default."""

    memory_swap: str | None = None
    memory_reservation: str | None = None
    cpu_shares: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    blkio_weight: int | None = None
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    security_opt: tuple[str, ...] = ()
    device: tuple[str, ...] = ()
    device_cgroup_rule: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    shm_size: str | None = None
    sysctl: tuple[str, ...] = ()
    oom_score_adj: int | None = None
    pid: str | None = None
    ipc: str | None = None
    uts: str | None = None
    cgroupns: str | None = None
    cgroup_parent: str | None = None
    domainname: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether anything of it was given: only a container that is kept has it."""
        return is_given(self)
