"""Container → its supervisor's settings, in the launch plan's encoding. Pure; read by runtime/launcher/engine_settings.c."""

from __future__ import annotations

from os.path import relpath

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.encode import encode
from whit.runtime.engine.model import LogDriver, MountKind, Policy, ProbeKind
from whit.runtime.model import LaunchPlan, Op
from whit.runtime.opcodes import PLAN_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.model import Container, Probe

SECRETS = "secrets"
"""The folder of a container's where its supervisor mounts a place for secrets."""

NO_END = (1 << 64) - 1
WHOLE = ("redirect_dir=off", "metacopy=off", "index=off")
"""What has each folder and file of the upper layer be whole, whatever the kernel's defaults: commit and diff read it alone."""

OF_USERS = ("userxattr", "index=off")
"""The same for who isn't root: the other two are off then, and may not be named (Documentation/filesystems/overlayfs.rst)."""

POLICIES = tuple(Policy)


def _probe_ops(probe: Probe) -> Iterator[Op]:
    times = (probe.interval, probe.timeout, probe.start_period, probe.start_interval, probe.retries)
    yield Op("KEEP_PROBING", times, "how often it is looked at, and what counts")
    if probe.kind is ProbeKind.EXEC:
        yield Op("PROBE_EXEC", (probe.words,), "it is well when this program says so")
    elif probe.kind is ProbeKind.TCP:
        yield Op("PROBE_TCP", (probe.address, probe.port), "it is well when it takes connections")
    else:
        yield Op("PROBE_HTTP", (probe.address, probe.port, probe.path), "it is well when it answers 2xx or 3xx")


def _root_ops(container: Container, folder: str) -> Iterator[Op]:
    yield Op("KEEP_IMAGE", (container.root.lock,), "the image's files stay while the container is supervised")
    if container.root.is_writable:
        yield Op(
            "KEEP_ROOT",
            (f"{folder}/root", overlay_options(container, folder)),
            "what it writes goes to a layer of its own",
        )


def overlay_options(container: Container, folder: str) -> tuple[str, ...]:
    """A writable root's, as overlayfs has them, from the container's folder on, where who mounts it has to be.

    An option has 256 bytes, and a store's path may have more; and the container sees them.
    """
    lower = _escaped(relpath(container.root.rootfs, folder))
    whole = OF_USERS if container.users else WHOLE
    return (f"lowerdir={lower}", "upperdir=upper", "workdir=work", *whole)


def _secret_ops(container: Container, folder: str) -> Iterator[Op]:
    if container.secrets:
        yield Op("KEEP_SECRETS", (f"{folder}/{SECRETS}",), "its secrets are in memory alone")


def _escaped(path: str) -> str:
    """As overlayfs reads a list of folders (Documentation/filesystems/overlayfs.rst)."""
    return path.replace("\\", "\\\\").replace(":", "\\:")


def supervision_ops(container: Container, folder: str, records: str, network: str | None) -> tuple[Op, ...]:
    """The settings. ``network`` is a namespace to join, empty for a new one, None for the caller's own."""
    ops = [
        Op("KEEP_CONTAINER", (records, container.id), "the container, and where whit-oci keeps its records"),
        *_root_ops(container, folder),
        *_secret_ops(container, folder),
    ]
    if container.users:
        from whit.runtime.engine import users  # noqa: PLC0415 - root's have none

        ops.append(Op("KEEP_USERS", users.settings(container.users), "its user may do all that is its own"))
    if network is not None:
        ops.append(Op("KEEP_NETWORK", (network,), "another one's network" if network else "a network of its own"))
    if container.parameters:
        files, values = zip(*container.parameters, strict=True)
        ops.append(Op("KEEP_PARAMETERS", (files, values), "as the kernel has it in the container's network"))
    ops.append(Op("KEEP_STREAMS", (int(container.interactive), int(container.terminal)), "its input and output"))
    if container.log.driver is LogDriver.CRI:
        ops.append(Op("KEEP_LOG", (container.log.max_size, container.log.max_file), "what it writes is kept"))
    policy = POLICIES.index(container.restart.policy)
    seconds = container.stop_seconds if container.stop_seconds >= 0 else NO_END
    ops += [
        Op("KEEP_RUNNING", (policy, container.restart.most), f"restarted: {container.restart}"),
        Op("KEEP_STOPPING", (container.stop_signal, seconds), "how it is stopped"),
        *(_probe_ops(container.probe) if container.probe else ()),
    ]
    # Only Python can do that, and its start is most of what ends a container: many have nothing to give back.
    if (
        container.has_own_network
        or container.remove
        or any(mount.kind is MountKind.VOLUME for mount in container.mounts)
    ):
        ops.append(Op("KEEP_AFTERWARDS", (int(container.remove),), "what it had is given back"))
    return tuple(ops)


def encode_supervision(ops: tuple[Op, ...]) -> bytes:
    """The file's bytes."""
    return encode(LaunchPlan(PLAN_VERSION, ops))
