"""(config.json, command line, host) → everything that ``create`` writes and hands to the launcher. Pure."""

from __future__ import annotations

import posixpath

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, dataclass, replace
from whit.packer.support.lightjson import dump
from whit.runtime.model import Op
from whit.runtime.oci import records
from whit.runtime.oci.compile import compile_container
from whit.runtime.oci.lifecycle import Wish, container_lifecycle
from whit.runtime.oci.spec import VERSION, parse_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.support.lightjson import Encodable
    from whit.runtime.model import LaunchPlan
    from whit.runtime.oci.compile import Compiled
    from whit.runtime.oci.model import OciHost, Scope
    from whit.runtime.oci.process import Process
    from whit.runtime.oci.spec import Spec


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line says. ``mode`` is the launcher's word; paths are absolute; ``console`` may be empty."""

    mode: str
    name: str
    bundle: str
    root: str
    console: str = ""
    preserved: int = 0
    pidfd_socket: str = ""
    keyring: bool = True
    pivot: bool = True

    @property
    def gate(self) -> str:
        """Where the container waits for ``start``; empty where it doesn't."""
        return f"{self.root}/{self.name}/{records.GATE}" if self.mode == "create" else ""


@dataclass(frozen=True, slots=True)
class Engine:
    """The process as WebAssembly's engine runs it, and what opens that; None for an ordinary program.

    ``by_file``: it was the program's file that told, and another one under the same configuration may be of the other kind.
    """

    found: tuple[Process, Op] | None = None
    by_file: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """The plan, the container's records by their names, warnings for the log.

    ``lasting``: the same could be made again as long as what a kept plan is guarded by stays as it is.
    """

    plan: LaunchPlan
    records: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    lasting: bool


def _record(spec: Spec, request: Request, created: str) -> str:
    """What ``state`` prints, but for pid and status: those the native part puts in (runtime/launcher/oci_verbs.c)."""
    document: dict[str, Encodable] = {
        "ociVersion": VERSION,
        "id": request.name,
        "pid": 0,
        "status": "creating",
        "bundle": request.bundle,
        "rootfs": posixpath.join(request.bundle, spec.root.path),
        "created": created,
        "owner": "",
    }
    if spec.annotations:
        document["annotations"] = dict(spec.annotations)
    return dump(document, 2) + "\n"


def _hooks(spec: Spec) -> tuple[tuple[str, str], ...]:
    kept = ((records.POSTSTART, spec.hooks.poststart), (records.POSTSTOP, spec.hooks.poststop))
    return tuple((name, "") for name, hooks in kept if hooks)


def _movers(spec: Spec, request: Request, host: OciHost) -> tuple[Op, ...]:
    """What moves network interfaces: Python, outside, as a hook."""
    if not spec.linux.network_devices:
        return ()
    arguments = ("whit-oci", "_netdevices", f"{request.root}/{request.name}", "", "")
    return (Op("HOOK_OUTSIDE", (host.launcher, arguments, (), 0, '{"pid": ', "}"), "linux.netDevices"),)


def cgroup_lines(compiled: Compiled) -> str:
    """The record of the container's cgroups: what kills, freezes and removes them comes first."""
    folders = sorted(compiled.cgroup.folders, key=lambda item: "freezer" not in item[0])
    return "".join(f"{','.join(names) or 'unified'}:{path}\n" for names, path in folders)


def _check_terminal(spec: Spec, request: Request) -> None:
    terminal = spec.process is not None and spec.process.terminal
    if terminal and not request.console and request.mode not in {"run", "run-kept"}:
        raise UsageError(
            "cannot allocate tty if runc will detach without setting console socket", hint="--console-socket"
        )
    if request.console and not terminal:
        raise UsageError("cannot use console socket if runc will not detach or allocate tty")


def make(
    data: bytes,
    request: Request,
    host: OciHost,
    created: str,
    *,
    filters: tuple[Op, ...] | None = None,
    scope: Scope | None = None,
    engine_of: Callable[[Spec, str], Engine] | None = None,
) -> Made:
    """All of it. ``created`` is a time as the specification writes it; ``filters`` are those of a plan with the same filter.

    ``scope`` is the cgroup where systemd makes it; ``engine_of`` finds what runs a WebAssembly program.
    Raises what :func:`parse_spec` and the plan do.
    """
    spec = parse_spec(data)
    _check_terminal(spec, request)
    wish = Wish(
        gate=request.gate,
        console_socket=request.console,
        preserved=request.preserved,
        pidfd_socket=request.pidfd_socket,
        keyring=request.keyring,
        pivot=request.pivot,
    )
    engine = engine_of(spec, request.bundle) if engine_of else Engine()
    lifecycle = container_lifecycle(spec, request.name, request.bundle, wish)
    lifecycle = replace(lifecycle, filters=filters, scope=scope, movers=_movers(spec, request, host))
    executed = spec
    if engine.found:
        process, opening = engine.found
        before = tuple(op for op in lifecycle.before_exec if op.name != "FIND_PROGRAM")
        lifecycle = replace(lifecycle, inside=(*lifecycle.inside, opening), before_exec=before)
        executed = replace(spec, process=process)
    compiled = compile_container(executed, request.bundle, request.name, host, lifecycle)
    written = (
        (records.RECORD, _record(spec, request, created)),
        (records.CGROUPS, cgroup_lines(compiled)),
        *_hooks(spec),
    )
    # Block devices' weights come and go with a module of the kernel's; what moves interfaces has the container's folder in it.
    weights = spec.linux.resources.block_io.weight or spec.linux.resources.block_io.weight_devices
    lasting = not weights and not spec.linux.network_devices and not engine.by_file
    return Made(compiled.plan, written, (*spec.warnings, *compiled.warnings), lasting)
