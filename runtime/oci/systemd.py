"""Systemd as the one who makes a container's cgroup: a transient scope, asked for over D-Bus. For ``--systemd-cgroup``.

The launcher's child asks for it as for a hook: Python is started with the child's pid, has systemd put that process
into a new scope, and writes the limits. The record ``scope`` in the container's folder tells of it later.

Source: org.freedesktop.systemd1(5); systemd's "Control Group APIs and Delegation".
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whit.packer.support.errors import LaunchError, UnsupportedError
from whit.runtime.machine import oci_launcher
from whit.runtime.model import Op
from whit.runtime.oci.beside import enter_all, write_lines
from whit.runtime.oci.bpf import attach_device_program
from whit.runtime.oci.bus import open_bus, user_bus
from whit.runtime.oci.control import set_frozen
from whit.runtime.oci.devices import v1_writes, v2_program
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.limits import resource_writes, with_quota
from whit.runtime.oci.model import OciHost, Scope
from whit.runtime.oci.records import CONFIG, SCOPE
from whit.runtime.oci.scope import Property, Unit, annotated, limit_properties, scope_folders, scope_properties, unit_of
from whit.runtime.oci.scope_v1 import device_properties
from whit.runtime.oci.spec import parse_spec
from whit.runtime.oci.state import Container, freezer, is_frozen, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.oci.resources import Resources
    from whit.runtime.oci.spec import Spec

NAME, PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
MANAGER = f"{NAME}.Manager"
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
SECONDS = 30.0
OLDEST = 244
"""The version whose properties have all that is asked for."""


class SystemdError(Exception):
    """Systemd's refusal: the D-Bus error's name and its words."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"systemd: {words}")
        self.name = name


class Systemd:
    """A connection to a manager, the machine's or a user's."""

    def __init__(self, bus: str) -> None:
        try:
            import jeepney  # noqa: PLC0415 - an extra, for this alone
        except ImportError:
            raise UnsupportedError(
                "--systemd-cgroup needs the Python library jeepney", hint="pip install 'whit[systemd]'"
            ) from None
        self.dbus = jeepney
        self.subscribed = False
        try:
            self.connection = open_bus(bus, SECONDS)
        except (OSError, ValueError, RuntimeError, TimeoutError) as error:
            raise LaunchError(
                f"--systemd-cgroup: can't reach systemd on the bus {bus}: {error}", hint="does systemd run here?"
            ) from None

    def _ask(self, message: Any) -> tuple[Any, ...]:  # noqa: ANN401 - jeepney has no types
        reply = self.connection.send_and_get_reply(message, timeout=SECONDS)
        if reply.header.message_type is self.dbus.MessageType.error:
            name = str(reply.header.fields.get(self.dbus.HeaderFields.error_name))
            raise SystemdError(name, str(reply.body[0]) if reply.body else name)
        body: tuple[Any, ...] = reply.body
        return body

    def call(self, method: str, signature: str = "", body: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        """A method of the manager. Raises :class:`SystemdError`."""
        address = self.dbus.DBusAddress(PATH, NAME, MANAGER)
        return self._ask(self.dbus.new_method_call(address, method, signature or None, body))

    def get(self, name: str) -> str:
        """A property of the manager, a text."""
        address = self.dbus.DBusAddress(PATH, NAME, MANAGER)
        ((_, value),) = self._ask(self.dbus.Properties(address).get(name))
        return str(value)

    @property
    def version(self) -> int:
        """Its number."""
        digits = re.search(r"\d+", self.get("Version"))
        return int(digits[0]) if digits else 0

    def job(self, method: str, signature: str, body: tuple[Any, ...]) -> str:
        """A method that starts a job, and how that ended: ``done``, or why not."""
        rule = self.dbus.MatchRule(type="signal", interface=MANAGER, member="JobRemoved", path=PATH)
        if not self.subscribed:
            self._ask(self.dbus.bus_messages.message_bus.AddMatch(rule))
            self.call("Subscribe")
            self.subscribed = True
        with self.connection.filter(rule, bufsize=1024) as signals:
            (job,) = self.call(method, signature, body)
            while True:
                _, path, _, result = self.connection.recv_until_filtered(signals, timeout=SECONDS).body
                if path == job:
                    return str(result)

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


@contextmanager
def connected(bus: str) -> Iterator[Systemd]:
    """A connection for as long as it is used; systemd's refusals become errors of whit's."""
    systemd = Systemd(bus)
    try:
        yield systemd
    except SystemdError as error:
        raise LaunchError(str(error), hint="journalctl and 'systemctl status' may say more") from None
    except TimeoutError:
        raise LaunchError("systemd doesn't answer", hint=f"it was given {SECONDS:.0f} s") from None
    finally:
        systemd.close()


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of a container's scope. ``devices`` are v1's (file, line)."""

    bus: str
    unit: Unit
    devices: tuple[tuple[str, str], ...] = ()


def read_record(place: Path) -> Record | None:
    """The record in the container's folder; None for a container without a scope."""
    try:
        document = json.loads((place / SCOPE).read_text())
    except FileNotFoundError:
        return None
    devices = tuple((file, line) for file, line in document.get("devices", ()))
    return Record(document["bus"], Unit(document["name"], document["slice"], document["path"]), devices)


def _text(record: Record) -> bytes:
    unit = record.unit
    document = {"bus": record.bus, "name": unit.name, "slice": unit.slice, "path": unit.path, "devices": record.devices}
    return json.dumps(document).encode()


def _helper(verb: str, place: str, sub: str = "") -> Op:
    environment = tuple(f"{name}={os.environ[name]}" for name in ("PATH", "HOME") if name in os.environ)
    arguments = ("whit-oci", verb, place, sub, "")
    return Op("HOOK_OUTSIDE", (oci_launcher(), arguments, environment, 0, '{"pid": ', "}"), "systemd's scope")


def plan_scope(spec: Spec, container: str, place: str, host: OciHost) -> tuple[Scope, bytes]:
    """What the plan needs to know of the scope that is to be made, and its record."""
    user = not host.machine_root
    if not host.hierarchies and not host.unified:
        raise UnsupportedError("--systemd-cgroup: no cgroup file system is mounted", hint="leave it out")
    if host.hierarchies and user:
        raise UnsupportedError(
            "--systemd-cgroup: on cgroup v1 it takes root", hint="leave it out, or boot with cgroup v2"
        )
    bus = user_bus() if user else os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or SYSTEM_BUS
    unit = unit_of(spec.linux.cgroups_path, container, user=user)
    annotated(spec.annotations)
    with connected(bus) as systemd:
        if systemd.version < OLDEST:
            raise UnsupportedError(
                f"--systemd-cgroup: systemd {systemd.version} is too old", hint=f"it takes {OLDEST} or newer"
            )
        ((_, _, _, active, *_),) = systemd.call("ListUnitsByNames", "as", ([unit.name],))[0]
        if active not in {"inactive", "failed"}:
            raise LaunchError(
                f"{unit.name} is there already, and {active}",
                hint="another container's? Take another linux.cgroupsPath",
            )
        above = systemd.get("ControlGroup").strip("/")
    folders = scope_folders(posixpath.join(above, unit.path), host)
    devices = tuple(v1_writes(spec.linux.resources.devices)) if host.hierarchies else ()
    return Scope(folders, _helper("_scope", place)), _text(Record(bus, unit, devices))


def attaching(place: Path, sub: str) -> Scope | None:
    """For ``exec`` by who may not move processes there: systemd does it. ``sub`` is a cgroup below the scope's."""
    record = read_record(place)
    return Scope((), _helper("_attach", str(place), sub)) if record else None


def _start(systemd: Systemd, unit: Unit, properties: list[Property]) -> None:
    body: tuple[Any, ...] = (unit.name, "replace", properties, [])
    try:
        result = systemd.job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
    except SystemdError as error:
        if not error.name.endswith(".UnitExists"):
            raise
        # One of that name that has failed is kept until somebody says that it is seen.
        systemd.call("ResetFailedUnit", "s", (unit.name,))
        result = systemd.job("StartTransientUnit", "ssa(sv)a(sa(sv))", body)
    if result != "done":
        raise LaunchError(f"systemd: {unit.name}: {result}", hint="journalctl may say why")


def _own(container: Container, spec: Spec) -> None:
    """Give the cgroup to the container's user, where the specification has it so (cgroups(7), "Cgroups delegation")."""
    from whit.runtime.oci.compile import cgroup_owner  # noqa: PLC0415 - it needs this module's neighbours

    folder, owner = container.cgroup("unified"), cgroup_owner(spec)
    if folder is None or not owner:
        return
    os.chown(folder, owner, -1)
    for name in Path("/sys/kernel/cgroup/delegate").read_text().split():
        if (folder / name).exists():
            os.chown(folder / name, owner, -1)


def _limit(container: Container, resources: Resources, record: Record, host: OciHost) -> None:
    """Write what systemd doesn't know, and what it does: it has written that before."""
    if host.hierarchies:
        write_lines(container.cgroup("devices"), record.devices)
    resource_writes(resources, container.cgroups, host)
    folder = container.cgroup("unified")
    if folder is not None and host.machine_root:
        attach_device_program(folder, v2_program(resources.devices))


def _enter(place: Path, record: Record, pid: int) -> None:
    """Have systemd make the scope with the process in it, and write what systemd doesn't know."""
    spec, container = parse_spec((place / CONFIG).read_bytes()), Container(place.name, place)
    host, resources = read_oci_host(), spec.linux.resources
    with connected(record.bus) as systemd:
        own = scope_properties(record.unit, place.name, pid, v1=bool(host.hierarchies))
        limits = limit_properties(resources, host, systemd.version)
        # What is said last counts.
        properties = [*own, *limits, *device_properties(record.devices), *annotated(spec.annotations)]
        try:
            _start(systemd, record.unit, list(dict(properties).items()))
        except (SystemdError, LaunchError):
            # It isn't this container's: nobody may stop it in its name.
            (place / SCOPE).unlink()
            raise
    if host.hierarchies:
        enter_all((folder for _, folder in container.cgroups), pid)
    _limit(container, resources, record, host)
    if host.machine_root:
        _own(container, spec)


@contextmanager
def _still(container: Container, host: OciHost) -> Iterator[None]:
    """On v1 systemd closes all devices before it opens those that it knows: nothing of the container runs meanwhile."""
    if not host.hierarchies or freezer(container) is None or is_frozen(container):
        yield
        return
    set_frozen(container, frozen=True)
    try:
        yield
    finally:
        set_frozen(container, frozen=False)


def set_limits(container: Container, resources: Resources, host: OciHost) -> None:
    """Other limits for the unit, so that systemd knows them too."""
    record = read_record(container.folder)
    if record is None:
        return
    if host.hierarchies and resources.devices:
        record = replace(record, devices=tuple(v1_writes(resources.devices)))
        write(container, SCOPE, _text(record))
    with connected(record.bus) as systemd:
        properties = limit_properties(with_quota(resources, container.cgroup("cpu")), host, systemd.version)
        properties += device_properties(record.devices) if resources.devices else []
        if not properties:
            return
        with _still(container, host):
            systemd.call("SetUnitProperties", "sba(sv)", (record.unit.name, True, properties))
            # It writes them before it answers anything else.
            systemd.get("Version")
            if host.hierarchies:
                write_lines(container.cgroup("devices"), record.devices)


def leave(place: Path) -> None:
    """Have systemd forget the scope; one that is gone already is no error."""
    record = read_record(place)
    if record is None:
        return
    with connected(record.bus) as systemd:
        for call in (
            lambda: systemd.job("StopUnit", "ss", (record.unit.name, "replace")),
            lambda: systemd.call("ResetFailedUnit", "s", (record.unit.name,)),
        ):
            try:
                call()
            except SystemdError as error:
                if not error.name.endswith(".NoSuchUnit"):
                    raise


def helper(verb: str, place: Path, sub: str, pid: int) -> None:
    """Answer the launcher: ``_scope`` and ``_attach`` for the process with that pid, ``_unscope`` afterwards."""
    record = read_record(place)
    if verb == "_unscope":
        leave(place)
    elif record is not None and verb == "_scope":
        _enter(place, record, pid)
    elif record is not None:
        with connected(record.bus) as systemd:
            systemd.call("AttachProcessesToUnit", "ssau", (record.unit.name, f"/{sub}", [pid]))
