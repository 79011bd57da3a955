"""What a person asks of a launch, parsed; and what must be known of image and host to plan it. Pure."""

from __future__ import annotations

from whit.packer.image.accounts import Accounts
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass
from whit.runtime.limits import Limits, Rlimit

if TYPE_CHECKING:
    from whit.packer.image.callsclaim import Calls
    from whit.packer.image.spec import RunConfig
    from whit.runtime.cgroup import CgroupLayout
    from whit.runtime.listening import Port
    from whit.runtime.mounts import Tmpfs, Volume
    from whit.runtime.sandbox import Sandbox


class Network(StrEnum):
    """Which network the container sees: only its own loopback, the host's, or the default one."""

    NONE = "none"
    HOST = "host"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Bridge:
    """A network of whit's as the launcher must know it to put a program in it; see runtime/launcher/bridge.h.

    ``networks`` is the folder of all of them. ``gateway``, ``first`` and ``count`` (of the addresses that there are for
    containers) are IPv4 addresses as numbers; ``mtu`` is 0 for the kernel's own. ``number`` is made of the network's ID.
    """

    networks: str
    network: str
    device: str
    mac: bytes
    number: int
    gateway: int
    first: int
    count: int
    prefix: int
    mtu: int
    hosts_head: str


@dataclass(frozen=True, slots=True)
class WayOut:
    """A program that speaks for a container of a user's; the launcher adds the container's process to its ``arguments``."""

    program: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of ``whit run``, each as the person gave it; None and empty mean that the image decides."""

    arguments: tuple[str, ...] = ()
    entrypoint: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    working_dir: str | None = None
    hostname: str | None = None
    network: Network = Network.NONE
    bridge: Bridge | WayOut | None = None
    """Where ``network`` is one: root's, or another user's."""

    warning: tuple[str, str] | None = None
    """What a person should know at each start: message and hint."""

    limits: Limits = Limits()
    rlimits: tuple[Rlimit, ...] = ()
    add_capabilities: frozenset[str] = frozenset()
    volumes: tuple[Volume, ...] = ()
    tmpfs: tuple[Tmpfs, ...] = ()
    init: bool = False
    landlock: bool = False
    sandbox: Sandbox | None = None
    time_offset: int | None = None
    timeout_ms: int | None = None
    fuel: int | None = None


@dataclass(frozen=True, slots=True)
class Wasm:
    """How a WebAssembly program is run: the engine and the compiled code, both of the host; ``kind`` is what settings.py has.

    ``function`` is what is called of it, where that isn't the usual one.
    """

    engine: str
    code: str
    kind: str
    function: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """The image as it lies on disk: ``rootfs`` is its unpacked files, ``lock`` the file that keeps them there.

    ``name`` becomes the host name unless told otherwise. ``has_tmp`` tells whether the image has a /tmp,
    ``fills_tmp`` whether anything is in it. ``wasm`` is there where the program is WebAssembly. ``calls`` are all system
    calls that the program makes, where the image tells or a sandbox made somebody look; ``folders`` are then the names
    in the image's root, ``listens`` the ports that constants in its code show, and ``may_listen`` is
    False where it is seen never to.
    """

    name: str
    rootfs: str
    lock: str
    config: RunConfig
    accounts: Accounts = Accounts()
    has_tmp: bool = False
    fills_tmp: bool = False
    wasm: Wasm | None = None
    calls: Calls | None = None
    folders: tuple[str, ...] = ()
    listens: tuple[Port, ...] = ()
    may_listen: bool = True


@dataclass(frozen=True, slots=True)
class Host:
    """What the plan must know of the host. ``user`` and ``group`` are the caller's effective ids.

    ``launcher_owner`` owns the launcher's file; ``launcher_shared`` tells whether others may write it too.
    """

    user: int
    group: int
    architecture: str
    cgroups: CgroupLayout
    launcher_owner: int = 0
    launcher_shared: bool = False

    @property
    def privileged(self) -> bool:
        """Whether namespaces can be made without a user namespace."""
        return self.user == 0

    def may_write_launcher(self, uid: int) -> bool:
        """Whether a program that is user ``uid`` in the container could write the launcher's file, given a way to it."""
        outside = uid if self.privileged else self.user
        return outside in (0, self.launcher_owner) or self.launcher_shared


FileIdentity = tuple[str, int, int, int, int, int]
"""(path, device, inode, size, mtime in ns, ctime in ns)."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What a plan was made from; see the GUARD operations.

    ``kernel`` is (release, version); ``plans`` is the folder that the plan is kept in, of the store that all of its
    paths lead to; ``launcher`` is the file that is to execute it; ``cgroup`` is the caller's own one on v2 where the
    container's place follows from it; ``landlock`` is the kernel's version of it (0 for none) where the plan uses any: what it
    lacks was said as the plan was made, and it is switched off by the kernel's command line, too.
    """

    command: tuple[str, ...]
    kernel: tuple[str, str]
    plans: str
    launcher: str
    files: tuple[FileIdentity, ...] = ()
    absent: tuple[str, ...] = ()
    directory: str | None = None
    environment: tuple[tuple[str, str | None], ...] = ()
    cgroup: str | None = None
    landlock: int | None = None
