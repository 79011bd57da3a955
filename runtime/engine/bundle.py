"""Image, options and container → the OCI configuration that whit-oci runs. Pure.

The same confinement as ``whit run``'s plan (runtime/plan.py), in the specification's words: nothing is allowed but what
the image or the person asks for.
"""

from __future__ import annotations

from whit.packer.image.accounts import identify
from whit.packer.image.callsclaim import PROGRAM
from whit.packer.support.light import TYPE_CHECKING, dataclass
from whit.runtime.engine.model import NONE, MountKind
from whit.runtime.engine.mounting import IDMAP, NOT_BELOW, PROPAGATIONS, WRITABLE_BELOW, id_mappings
from whit.runtime.engine.secretform import SECRETS_AT, USUAL, file_of, in_usual_place
from whit.runtime.engine.supervision import SECRETS
from whit.runtime.limits import CPU_PERIOD_US
from whit.runtime.mounts import MASKED, MASKED_SYS, READONLY, Tmpfs
from whit.runtime.oci.landlock import ANNOTATION as LANDLOCK
from whit.runtime.oci.spec import VERSION
from whit.runtime.plan import environment
from whit.runtime.rlimits import RLIMITS
from whit.runtime.sandbox import ANNOTATION as SANDBOX
from whit.runtime.sandbox import user_of, walls_of
from whit.runtime.seccomp.export import to_oci
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.wasm.settings import ANNOTATION as WASM
from whit.runtime.wasm.settings import annotation as settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.image.accounts import Identity
    from whit.runtime.engine.model import Container, Mounted
    from whit.runtime.options import Program, RunOptions
    from whit.runtime.seccomp.model import Filter

Document = dict[str, object]

CGROUPS = "/whit"
"""Where kept containers' cgroups are, below the root of each hierarchy."""

HARDENED = ("nosuid", "noexec", "nodev")
_TEMPORARY = "/tmp"  # noqa: S108 - a path in the container
SHARED_MEMORY = "/dev/shm"  # noqa: S108
NAME_FILES = ("hosts", "resolv.conf", "hostname")
"""What is bound over the container's own in /etc."""

_ATTRIBUTES = ((1, "ro"), (2, "nosuid"), (4, "nodev"), (8, "noexec"))


@dataclass(frozen=True, slots=True)
class Placed:
    """What the bundle is made from. ``folder`` is the container's; ``executable`` the program's path in the image."""

    container: Container
    program: Program
    options: RunOptions
    executable: str
    folder: str
    architecture: str
    root: str
    """The folder that becomes the container's root."""

    extra: Document | None = None
    """More of ``linux``, as it stands in the configuration."""


def _mount(target: str, kind: str, *options: str, source: str = "") -> Document:
    return {"destination": target, "type": kind, "source": source or kind, "options": list(options)}


def _own_mounts() -> Iterator[Document]:
    yield _mount("/proc", "proc", *HARDENED)
    yield _mount("/dev", "tmpfs", "nosuid", "noexec", "mode=755", "size=65536k")
    yield _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")
    yield _mount(SHARED_MEMORY, "tmpfs", *HARDENED, "mode=1777", "size=65536k", source="shm")
    yield _mount("/dev/mqueue", "mqueue", *HARDENED)
    yield _mount("/sys", "sysfs", *HARDENED, "ro")
    yield _mount("/sys/fs/cgroup", "cgroup", *HARDENED, "relatime", "ro")


def _tmpfs_mount(mount: Tmpfs) -> Document:
    words = [word for bit, word in _ATTRIBUTES if mount.attributes & bit]
    return _mount(mount.target, "tmpfs", *words, *mount.options, *(["tmpcopyup"] if mount.filled else []))


def _running_nothing(made: Document) -> Document:
    """A mount of which nothing is executed."""
    options = made["options"]
    assert isinstance(options, list)  # noqa: S101 - as it is made here
    return {**made, "options": [*(word for word in options if word != "exec"), "noexec"]}


def _asked_mount(mount: Mounted) -> Document:
    """A file system of its own, or a bind: with all that is mounted below, which is read-only too where the bind is."""
    if mount.kind is MountKind.TMPFS or mount.file_system:
        words = [*(["ro"] if mount.read_only else []), "nosuid", "nodev", *mount.options]
        return _mount(mount.target, mount.file_system or "tmpfs", *words, source=mount.source)
    below = NOT_BELOW not in mount.options
    words = ["rbind" if below else "bind", "ro" if mount.read_only else "rw", "nosuid", "nodev"]
    if mount.read_only and below and WRITABLE_BELOW not in mount.options:
        words.append("rro")
    made = _mount(mount.target, "bind", *words, source=mount.source)
    for option in mount.options:
        if option.startswith(IDMAP):
            made["uidMappings"], made["gidMappings"] = id_mappings(option)
            words.append("idmap")
        elif option not in {NOT_BELOW, WRITABLE_BELOW}:
            words.append(option)
    if not set(words) & set(PROPAGATIONS):
        words.append("rprivate")
    return {**made, "options": words}


def _secret_mounts(placed: Placed) -> Iterator[Document]:
    """Those in the usual place are one folder, with nothing else in it; each other one is bound by itself."""
    secrets, words = placed.container.secrets, ("bind", "ro", "rro", *HARDENED, "rprivate")
    if any(in_usual_place(secret) for secret in secrets):
        yield _mount(SECRETS_AT, "bind", *words, source=f"{placed.folder}/{SECRETS}/{USUAL}")
    for secret in secrets:
        if not in_usual_place(secret):
            yield _mount(secret.target, "bind", *words, source=f"{placed.folder}/{SECRETS}/{file_of(secret, secrets)}")


def _mounts(placed: Placed) -> Iterator[Document]:
    container, program = placed.container, placed.program
    yield from _own_mounts()
    for name in NAME_FILES:
        yield _mount(
            f"/etc/{name}", "bind", "bind", "rw", "nosuid", "noexec", "nodev", source=f"{placed.folder}/{name}"
        )
    taken = {mount.target for mount in container.mounts}
    hides = container.command[:1] and container.command[0].startswith(f"{_TEMPORARY}/")
    if program.has_tmp and container.root.is_read_only and _TEMPORARY not in taken and not hides:
        yield _tmpfs_mount(Tmpfs(_TEMPORARY, ("mode=1777",), 2 | 4 | 8, program.fills_tmp))
    asked = map(_asked_mount, container.mounts)
    yield from map(_running_nothing, asked) if placed.options.sandbox else asked
    yield from _secret_mounts(placed)


def _propagation(container: Container) -> Document:
    """What is mounted on the host later comes in, or what is mounted inside goes out, only if the root lets it through."""
    words = {
        option.removeprefix("r") for mount in container.mounts for option in mount.options if option in PROPAGATIONS
    }
    if "shared" in words:
        return {"rootfsPropagation": "rshared"}
    return {"rootfsPropagation": "rslave"} if "slave" in words else {}


def _capabilities(options: RunOptions, identity: Identity) -> Document:
    kept = [f"CAP_{name}" for name in sorted(options.add_capabilities)]
    ambient = kept if identity.uid else []
    return {"bounding": kept, "effective": kept, "permitted": kept, "inheritable": ambient, "ambient": ambient}


def _process(placed: Placed, identity: Identity) -> Document:
    options, program = placed.options, placed.program
    env = environment(options, program, identity)
    if placed.container.terminal and not any(item.startswith("TERM=") for item in env):
        env = (*env, "TERM=xterm")
    directory = options.working_dir or program.config.working_dir or "/"
    user: Document = {
        "uid": identity.uid,
        "gid": identity.gid,
        "additionalGids": list(dict.fromkeys((identity.gid, *identity.groups))),
    }
    return {
        "terminal": placed.container.terminal,
        "user": user,
        "args": list(placed.container.command),
        "env": list(env),
        "cwd": directory,
        "capabilities": _capabilities(options, identity),
        "rlimits": [
            {"type": f"RLIMIT_{RLIMITS[limit.resource].upper()}", "soft": limit.soft, "hard": limit.hard}
            for limit in options.rlimits
        ],
        "noNewPrivileges": True,
    }


def _resources(options: RunOptions) -> Document:
    limits = options.limits
    resources: Document = {"devices": [{"allow": False, "access": "rwm"}]}
    if limits.memory is not None:
        resources["memory"] = {"limit": limits.memory, "swap": limits.memory}
    if limits.cpu_quota_us is not None:
        resources["cpu"] = {"quota": limits.cpu_quota_us, "period": CPU_PERIOD_US}
    if limits.pids is not None:
        resources["pids"] = {"limit": limits.pids}
    return resources


def _filter(placed: Placed, capabilities: frozenset[str]) -> Filter:
    """The default one, or of it what the image says that the program calls; and less in a strict sandbox."""
    calls = None if placed.program.wasm else placed.program.calls
    if calls is None:
        made = default_filter(placed.architecture, capabilities)
    else:
        from whit.runtime.seccomp.proven import exported_filter  # noqa: PLC0415 - few images say that

        made = exported_filter(calls, placed.architecture, capabilities)
    if placed.options.sandbox is None:
        return made
    from whit.runtime.seccomp.strict import strict_filter  # noqa: PLC0415 - few ask for it

    return strict_filter(made, walls_of(placed.program, has_network=placed.container.network != NONE))


def document(placed: Placed) -> Document:
    """The configuration. Raises what :func:`identify` does of a user that the image doesn't have."""
    options, container = placed.options, placed.container
    identity = identify(user_of(options, placed.program.config), placed.program.accounts)
    capabilities = frozenset(f"CAP_{name}" for name in options.add_capabilities)
    linux: Document = {
        "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "cgroup")],
        "resources": _resources(options),
        "cgroupsPath": f"{CGROUPS}/{container.id}",
        "maskedPaths": [*MASKED, *MASKED_SYS],
        "readonlyPaths": list(READONLY),
        "seccomp": to_oci(_filter(placed, capabilities)),
        **_propagation(container),
        **(placed.extra or {}),
    }
    made: Document = {
        "ociVersion": VERSION,
        "process": _process(placed, identity),
        "root": {"path": placed.root, "readonly": container.root.is_read_only},
        "hostname": container.hostname,
        "mounts": list(_mounts(placed)),
        "linux": linux,
    }
    annotations = {LANDLOCK: "true"} if options.landlock else {}
    if options.sandbox:
        annotations[SANDBOX] = str(options.sandbox)
    if placed.program.calls is not None and not placed.program.wasm:
        annotations[PROGRAM] = placed.executable
    if placed.program.wasm:
        annotations[WASM] = settings_of(options)
    if annotations:
        made["annotations"] = annotations
    return made
