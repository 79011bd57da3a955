"""What the plan of an OCI container is made from beside its configuration. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, dataclass

if TYPE_CHECKING:
    from whit.runtime.model import Op


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A cgroup v1 hierarchy: its controllers (``name=systemd`` for a named one), where it is mounted, and where the caller stands in it.

    ``writable``: the caller may make cgroups there. ``folder`` is that of the caller's own cgroup.
    """

    controllers: tuple[str, ...]
    mount: str
    own: str = ""
    writable: bool = True
    folder: str = ""


@dataclass(frozen=True, slots=True)
class OciHost:
    """What the plan must know of the host.

    ``unified`` is the mount point of cgroup v2, where there is one, ``unified_own`` the caller's cgroup in it, and ``unified_folder`` that one's folder;
    ``controllers`` are those that v2's root hands out: on a hybrid host few or none. ``delegated`` is the cgroup of v2 below
    which the caller may make others: empty for all, None for nowhere. ``first_users`` tells whether the caller stands in the
    machine's first user namespace: in any other one it has no say in what devices may be used. ``mappers`` are newuidmap
    and newgidmap, where who isn't root has them. ``sets_groups`` is false where the caller's user namespace has given
    that up for good. ``capabilities`` is the caller's permitted set: nothing beyond it can be
    given. ``launcher`` is
    whit-oci's own path, ``launcher_owner`` as in runtime/options.py. ``weight_file`` is that of
    block devices' weights, ``page_sizes`` are those of huge pages: empty where the kernel has none.
    """

    user: int
    group: int
    architecture: str
    capabilities: int
    hierarchies: tuple[Hierarchy, ...] = ()
    unified: str = ""
    unified_own: str = ""
    unified_folder: str = ""
    controllers: tuple[str, ...] = ()
    swap: bool = False
    launcher_owner: int = 0
    launcher_shared: bool = False
    apparmor: bool = False
    selinux: bool = False
    page_sizes: tuple[str, ...] = ()
    weight_file: str = ""
    delegated: str | None = ""
    first_users: bool = True
    mappers: tuple[str, str] | None = None
    sets_groups: bool = True
    launcher: str = ""

    @property
    def privileged(self) -> bool:
        """Whether namespaces can be made without a user namespace."""
        return self.user == 0

    @property
    def machine_root(self) -> bool:
        """Whether the caller is the machine's root, not a user namespace's: it has a say in what devices may be used."""
        return self.privileged and self.first_users

    def may_write_launcher(self, uid: int) -> bool:
        """Whether a process that is user ``uid`` on the host could write the launcher's file, given a way to it."""
        return uid in (0, self.launcher_owner) or self.launcher_shared


Folders = tuple[tuple[tuple[str, ...], str], ...]
"""(controllers, folder) of each cgroup; no controllers for v2's alone."""

HYBRID = ("hybrid",)
"""What stands for the controllers of a v2 hierarchy beside v1's: it has none that count, but systemd knows processes by it."""


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The container's cgroups, as they are noted for ``kill``, ``exec`` and ``delete``."""

    folders: Folders = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """A cgroup that systemd makes: its folders, and the operation that has systemd put the process there."""

    folders: Folders
    attach: Op


@dataclass(frozen=True, slots=True)
class Running:
    """A container that ``exec`` goes into: its first process, when that was started (clock ticks since boot), its cgroups."""

    pid: int
    started: int
    cgroup: Cgroup
