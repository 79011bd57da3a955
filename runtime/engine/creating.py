"""A command line → a container's folder: the image is found or packed, everything that its start needs is written."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from whit.packer.image.accounts import identify
from whit.packer.store.rootfs import MountPoint
from whit.packer.store.targets import names_file
from whit.packer.support.errors import StoreError, UsageError
from whit.packer.support.jsondoc import canonical_json
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.shortid import short_id
from whit.runtime.engine import placing
from whit.runtime.engine.asked import HealthWords, image_probe, parse_probe
from whit.runtime.engine.bundle import NAME_FILES, Placed, document
from whit.runtime.engine.folder import Containers, Kept, new_id
from whit.runtime.engine.model import HOST, NONE, Container, LogOptions, Restart, Root
from whit.runtime.engine.networks.hosts import hosts_file, resolv_conf
from whit.runtime.engine.networks.members import member_of
from whit.runtime.engine.networks.model import DEFAULT, Joining
from whit.runtime.engine.networks.ports import with_exposed
from whit.runtime.engine.secretform import SECRETS_AT, in_usual_place, owned
from whit.runtime.engine.supervision import SECRETS, encode_supervision, supervision_ops
from whit.runtime.engine.users import check_network, limits_without, without_root
from whit.runtime.engine.within import own_cgroup, read_users
from whit.runtime.machine import architecture
from whit.runtime.plan import command_line
from whit.runtime.prepare import prepare
from whit.runtime.request import parse_request
from whit.runtime.sandbox import said_of, settled, user_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from whit.packer.store.store import Store, StoredImage
    from whit.runtime.engine.mounting import AskedMount
    from whit.runtime.engine.networks.model import PortMapping
    from whit.runtime.engine.powers import Powers
    from whit.runtime.engine.secretform import AskedSecret
    from whit.runtime.options import Program, RunOptions
    from whit.runtime.prepare import Prepared
    from whit.runtime.request import Request, Words
    from whit.runtime.sandbox import Sandbox
    from whit.runtime.seccomp.filterfile import FilterFile

    Joins = tuple[tuple[str, str], ...]

_STUB = Path("/run/systemd/resolve/resolv.conf")
"""Where systemd-resolved lists the resolvers behind its own."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a container that is kept, parsed; beside the words of any launch."""

    name: str
    restart: Restart = Restart()
    stop_signal: int | None = None
    stop_seconds: int = 10
    interactive: bool = False
    terminal: bool = False
    remove: bool = False
    network: str = DEFAULT
    networks: tuple[Joining, ...] = (Joining(),)
    ports: tuple[PortMapping, ...] = ()
    publish_all: bool = False
    exposed: tuple[str, ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    mounts: tuple[AskedMount, ...] = ()
    volumes_from: tuple[tuple[str, bool | None], ...] = ()
    secrets: tuple[AskedSecret, ...] = ()
    health: HealthWords = HealthWords()
    log: LogOptions = LogOptions()
    read_only: bool | None = None
    size: int = 0
    powers: Callable[[Program], Powers] | None = None
    """What it may do beyond the default; groups by name are the image's."""

    profiles: tuple[tuple[str, FilterFile], ...] = ()


def _resolvers(container: Container) -> tuple[str, ...]:
    """Those of a user's way out."""
    if not (container.users and container.has_own_network):
        return ()
    from whit.runtime.engine.networks.rootless import RESOLVER  # noqa: PLC0415 - with all that starts it

    return (RESOLVER,)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def name_files(container: Container) -> dict[str, bytes]:
    """hosts, resolv.conf and hostname: the host's own on its network, else the container's."""
    if container.network == HOST and not container.hosts:
        hosts = _read(Path("/etc/hosts"))
    else:
        hosts = hosts_file(member_of(container), ())
    own = _read(Path("/etc/resolv.conf"))
    if container.network == HOST and not (container.dns or container.dns_search or container.dns_options):
        resolvers = own
    else:
        resolvers = resolv_conf(
            own,
            _read(_STUB),
            servers=container.dns or _resolvers(container),
            search=container.dns_search,
            options=container.dns_options,
        )
    texts = {"hosts": hosts, "resolv.conf": resolvers, "hostname": f"{container.hostname}\n"}
    return {name: text.encode() for name, text in texts.items()}


def _is_read_only(prepared: Prepared, wished: bool | None) -> bool:  # noqa: FBT001 - a tristate
    """What was asked for; else read-only where whit packed the image, which then writes nowhere but in /tmp."""
    if wished is not None:
        return wished
    return any(name.startswith("dev.whit.") for name, _ in prepared.image.manifest.annotations)


def _container(request: Request, wishes: Wishes, prepared: Prepared, container_id: str) -> Container:
    options, config = request.options, prepared.program.config
    if options.sandbox and wishes.read_only is False:
        raise UsageError("--writable and --sandbox strict", hint="leave one of them out")
    read_only = _is_read_only(prepared, True if options.sandbox else wishes.read_only)
    words = command_line(options, prepared.program)
    image = prepared.image
    exposed = tuple(dict.fromkeys((*config.exposed_ports, *wishes.exposed)))
    hostname = options.hostname or (wishes.network == HOST and _read(Path("/proc/sys/kernel/hostname")).strip())
    return Container(
        id=container_id,
        name=wishes.name,
        created=time.time_ns(),
        image=_shown_image(request.target, image),
        image_id=image.image_id,
        image_digest=image.digest,
        command=words,
        root=_root(prepared.program, wishes, read_only=read_only),
        restart=wishes.restart,
        stop_signal=wishes.stop_signal or _image_signal(config.stop_signal),
        stop_seconds=wishes.stop_seconds,
        interactive=wishes.interactive,
        terminal=wishes.terminal,
        remove=wishes.remove,
        hostname=hostname or short_id(container_id),
        network=wishes.network,
        networks=wishes.networks,
        ports=with_exposed(wishes.ports, exposed) if wishes.publish_all else wishes.ports,
        exposed=exposed,
        hosts=wishes.hosts,
        dns=wishes.dns,
        dns_search=wishes.dns_search,
        dns_options=wishes.dns_options,
        labels=tuple((dict(config.labels) | dict(wishes.labels)).items()),
        probe=parse_probe(wishes.health, image_probe(config)),
        log=wishes.log,
        users=read_users(),
    )


def _root(program: Program, wishes: Wishes, *, read_only: bool) -> Root:
    if wishes.size and read_only:
        raise UsageError("--storage-opt size= is for a root that can be written", hint="give --writable, too")
    return Root(program.rootfs, program.lock, not read_only, read_only, wishes.size)


def _shown_image(target: str, image: StoredImage) -> str:
    """As it was asked for, and so as docker shows it; a file that was packed has a name of whit's."""
    if not names_file(target):
        return target
    return image.reference.familiar if image.reference else image.digest


def _image_signal(text: str | None) -> int:
    from whit.packer.support.signals import parse_signal  # noqa: PLC0415 - most images have none

    try:
        return parse_signal(text) if text else 15
    except UsageError:
        return 15


def _in_known_networks(wishes: Wishes, root: Path) -> Wishes:
    """Networks by their names, whatever they were called by, and that they can be joined so. A user's are looked at elsewhere."""
    if os.geteuid() != 0 or wishes.networks in {(), (Joining(),)}:
        return wishes
    from whit.runtime.engine.networks.managing import known  # noqa: PLC0415 - most containers name none

    networks = known(root, wishes.networks)
    return replace(wishes, network=networks[0].network, networks=networks)


def _ground(program: Program, options: RunOptions) -> placing.Ground:
    identity = identify(user_of(options, program.config), program.accounts)
    return placing.Ground(Path(program.rootfs), (identity.uid, identity.gid))


def _secret_points(secrets: tuple[AskedSecret, ...]) -> Iterator[MountPoint]:
    for secret in secrets:
        usual = in_usual_place(secret)
        yield MountPoint(SECRETS_AT) if usual else MountPoint(secret.target, is_directory=False)


def create(words: Words, wishes: Wishes, store: Store) -> Kept:
    """Make the container. Raises what parsing, packing and the store do."""
    containers = Containers(store.root)
    wishes = _in_known_networks(wishes, store.root)
    request = parse_request(replace(words, network=(NONE,), volume=(), tmpfs=()))
    wanted = placing.wanted(wishes.mounts, wishes.volumes_from, containers)
    own = (*(MountPoint(f"/etc/{name}", is_directory=False) for name in NAME_FILES), *_secret_points(wishes.secrets))
    prepared = prepare(request, store, (), lambda config: (*own, *placing.with_image(wanted, config).points()))
    wanted = placing.with_image(wanted, prepared.program.config)
    ground = _ground(prepared.program, request.options)
    secrets = tuple(owned(secret, ground.owner) for secret in wishes.secrets)
    with placing.placed(wanted, store.root, ground) as mounts, _kept_image(store, prepared):
        container = replace(_container(request, wishes, prepared, new_id()), mounts=mounts, secrets=secrets)
        return _add(containers, container, prepared, request, wishes)


@contextlib.contextmanager
def _kept_image(store: Store, prepared: Prepared) -> Iterator[None]:
    """Until the container is there, by which its image is known to be needed, nobody collects garbage."""
    with store.adding():
        if not Path(prepared.program.rootfs).is_dir():
            raise StoreError("the image was removed while the container was being made", hint="try again")
        yield


def _empowered(
    made: dict[str, object], wishes: Wishes, placed: Placed, network: str
) -> tuple[dict[str, object], Joins, Joins]:
    """The configuration with what was asked for beyond the default, the namespaces that are other containers', and its network's parameters."""
    if wishes.powers is None:
        return made, (), ()
    from whit.runtime.engine.parameters import taken_out  # noqa: PLC0415 - most containers have none
    from whit.runtime.engine.powers import empower, joined  # noqa: PLC0415
    from whit.runtime.engine.updating import read_machine  # noqa: PLC0415

    powers = wishes.powers(placed.program)
    made, parameters = taken_out(empower(made, powers, read_machine(), dict(wishes.profiles)), network)
    return made, joined(powers), parameters


def _sandbox(options: RunOptions, sandbox: Sandbox, container: Container, prepared: Prepared) -> Sandbox:
    """With the ports that it is known to listen at, and what the program may execute."""
    from whit.runtime.lookedat import warn_if_deaf  # noqa: PLC0415 - few ask for one

    said = replace(
        said_of(prepared.program, options, container.command),
        exposed=container.exposed,
        published=tuple(port.container_port for port in container.ports if port.protocol.value == "tcp"),
    )
    mounted = (*(f"/etc/{name}" for name in NAME_FILES), *(mount.target for mount in container.mounts))
    done = settled(sandbox, prepared.program, prepared.executable, said, mounted=mounted)
    if container.network != NONE:
        warn_if_deaf(sandbox, prepared.program, said)
    return done


def _check_sandboxed(wishes: Wishes, program: Program) -> None:
    """Before anything is said of the sandbox that isn't to be."""
    if wishes.powers is not None:
        from whit.runtime.engine.powers import check_sandboxed  # noqa: PLC0415 - few ask for both

        check_sandboxed(wishes.powers(program))


def _add(containers: Containers, container: Container, prepared: Prepared, request: Request, wishes: Wishes) -> Kept:
    """Write down all that the container's start needs."""
    options, cgroup = request.options, None
    if container.users:
        check_network(container)
        cgroup, why_not = own_cgroup(container.id)
        options = replace(options, limits=options.limits if cgroup else limits_without(options.limits, why_not))
    if options.sandbox:
        _check_sandboxed(wishes, prepared.program)
        options = replace(options, sandbox=_sandbox(options, options.sandbox, container, prepared))
    folder = containers.at(container.id)
    placed = Placed(
        container=container,
        program=prepared.program,
        options=replace(options, hostname=container.hostname),
        executable=prepared.executable,
        folder=str(folder),
        architecture=architecture(),
        root=f"{folder}/root" if container.root.is_writable else container.root.rootfs,
    )
    made, joins, parameters = _empowered(document(placed), wishes, placed, container.network)
    container = replace(container, joins=joins, parameters=parameters)
    if container.users:
        made = without_root(made, container.users, cgroup)
    ops = supervision_ops(container, str(folder), str(containers.records), "" if container.network != HOST else None)
    files = {
        **name_files(container),
        "bundle/config.json": canonical_json(made),
        "supervision": encode_supervision(ops),
    }
    writable = ("upper", "work", "root") if container.root.is_writable else ()
    folders = ("bundle", *writable, *((SECRETS,) if container.secrets else ()))
    return containers.add(container, files, folders)
