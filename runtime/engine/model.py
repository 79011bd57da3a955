"""A container that is kept: what it is and what was asked for. Pure; docs/engine.md says what is on disk."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.packer.support.shortid import short_id

if TYPE_CHECKING:
    from whit.runtime.engine.networks.model import Joining, PortMapping

NONE, HOST, CONTAINER = "none", "host", "container:"
"""Networks that aren't whit's."""


def has_networks(mode: str) -> bool:
    """Whether a container whose network is called so is in networks of whit's."""
    return mode not in {NONE, HOST} and not mode.startswith(CONTAINER)


NO_LIMIT = -1
"""As the time that a stop may take: the container is never killed."""


class Policy(StrEnum):
    """When a container is started again; in the order of the launcher's numbers."""

    NO = "no"
    ON_FAILURE = "on-failure"
    UNLESS_STOPPED = "unless-stopped"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Restart:
    """The policy; ``most`` is how often after failures, 0 for ever."""

    policy: Policy = Policy.NO
    most: int = 0

    def __str__(self) -> str:
        return f"{self.policy.value}:{self.most}" if self.most else self.policy.value


class ProbeKind(StrEnum):
    """By what a container's health is told."""

    EXEC = "exec"
    TCP = "tcp"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Probe:
    """How a container's health is told; times in ns, docker's defaults. ``words`` are a program's in the container."""

    kind: ProbeKind
    words: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    port: int = 0
    path: str = "/"
    interval: int = 30_000_000_000
    timeout: int = 30_000_000_000
    start_period: int = 0
    start_interval: int = 5_000_000_000
    retries: int = 3


class LogDriver(StrEnum):
    """Where what the program writes goes: a file, or nowhere."""

    CRI = "cri"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """``max_size`` in bytes, 0 for no end; ``max_file`` files, the newest among them.

    ``labels`` and ``env`` are names of what ``whit logs --details`` tells, the others patterns of such names.
    """

    driver: LogDriver = LogDriver.CRI
    max_size: int = 0
    max_file: int = 1
    labels: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    labels_regex: str = ""
    env_regex: str = ""


class MountKind(StrEnum):
    """What is mounted."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount that a person asked for. ``source`` is a path of the host's; ``name`` a volume's.

    ``file_system`` is the type of what is mounted from ``source`` where that isn't bound.
    """

    kind: MountKind
    source: str
    target: str
    read_only: bool = False
    name: str = ""
    options: tuple[str, ...] = ()
    is_anonymous: bool = False
    file_system: str = ""


@dataclass(frozen=True, slots=True)
class Secret:
    """A file in memory with what is read at each start from ``source``: a file of the host's, or a variable of the caller's."""

    source: str
    is_variable: bool
    target: str
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True)
class Root:
    """The container's root: the image's unpacked files, the lock that keeps them, and whether it has a layer of its own.

    ``size`` is what that layer may have in bytes, 0 for no limit.
    """

    rootfs: str
    lock: str
    is_writable: bool = False
    is_read_only: bool = True
    size: int = 0


@dataclass(frozen=True, slots=True)
class Users:
    """Whose a container is that isn't root's. ``more_users`` and ``more_groups`` are subordinate ones, (first, how many), with the
    programs newuidmap and newgidmap that map them; without those there are none.
    """

    user: int
    group: int
    more_users: tuple[tuple[int, int], ...] = ()
    more_groups: tuple[tuple[int, int], ...] = ()
    mappers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """One container. ``created`` in ns since 1970; ``command`` is the program and its arguments as they are executed."""

    id: str
    name: str
    created: int
    image: str
    image_id: str
    image_digest: str
    command: tuple[str, ...]
    root: Root
    restart: Restart = Restart()
    stop_signal: int = 15
    stop_seconds: int = 10
    interactive: bool = False
    terminal: bool = False
    remove: bool = False
    hostname: str = ""
    domainname: str = ""
    network: str = "none"
    """The first of its networks when it was made, or what it has instead: docker's NetworkMode."""

    networks: tuple[Joining, ...] = ()
    """Those of whit's that it is in whenever it runs."""

    joins: tuple[tuple[str, str], ...] = ()
    """Namespaces that are other containers': (type as OCI has it, container)."""

    parameters: tuple[tuple[str, str], ...] = ()
    """Kernel parameters of its network: (file below /proc/sys, value)."""

    ports: tuple[PortMapping, ...] = ()
    exposed: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    mounts: tuple[Mounted, ...] = ()
    users: Users | None = None
    secrets: tuple[Secret, ...] = ()
    probe: Probe | None = None
    log: LogOptions = LogOptions()

    @property
    def has_own_network(self) -> bool:
        """Whether it is in networks of whit's, or can be."""
        return has_networks(self.network)

    @property
    def network_names(self) -> tuple[str, ...]:
        """Its networks, or what it has instead."""
        return tuple(wish.network for wish in self.networks) if self.has_own_network else (self.network,)

    @property
    def short_id(self) -> str:
        """The first 12 digits, as tables show it."""
        return short_id(self.id)
