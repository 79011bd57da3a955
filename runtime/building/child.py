"""The process of one RUN: namespaces of its own, in which the root is mounted and whit-oci runs the program.

It has a child that is the first process of a pid namespace. Whatever ends either of them, or the build above them, the
kernel ends all that was started, and what was mounted is gone with the last of them: nothing has to be cleared away.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
from pathlib import Path

from whit.packer.buildfile.build.owners import accounts_in
from whit.packer.buildfile.build.steps import Bound, Layers
from whit.packer.image.accounts import identify
from whit.packer.support.errors import WhitError, as_whit_error
from whit.packer.support.light import TYPE_CHECKING, replace
from whit.packer.support.userns import FEW_USERS, read_ids
from whit.packer.tar.recorded import give_if_there
from whit.runtime.building.bundle import NAME_FILES, Placed, Shown, document
from whit.runtime.building.leftovers import cgroup_name
from whit.runtime.building.network import attached, name_files
from whit.runtime.building.overlay import open_root
from whit.runtime.building.stubs import Stubs
from whit.runtime.engine import detached
from whit.runtime.machine import oci_launcher
from whit.runtime.rootview import RootView

if TYPE_CHECKING:
    from whit.packer.buildfile.build.steps import RunOrder
    from whit.runtime.building.wire import Job

_NEW_PID, _NEW_NET = 0x2000_0000, 0x4000_0000
_SET_DEATH_SIGNAL = 1
_GIVEN_UP = 1
_NETWORKS = ("host", "none")
"""Those for which nothing has to be connected."""

_libc = ctypes.CDLL(None, use_errno=True)


def run(job: Job, result: int) -> None:
    """Run it; what came of it is written to a descriptor: ``{"code": …}``, or ``{"error": …, "hint": …}``."""
    try:
        _end_with(job.parent)
        told = _run(job)
    except (WhitError, OSError) as error:
        known = as_whit_error(error)
        told = {"error": known.message, "hint": known.hint}
    os.write(result, json.dumps(told).encode())


def _end_with(parent: int) -> None:
    """Let this process not outlive another."""
    _checked(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _checked(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _run(job: Job) -> dict[str, object]:
    told, telling = os.pipe()
    ready, be_ready = os.pipe()
    go, let_go = os.pipe()
    child = _forked()
    if child == 0:
        for descriptor in (told, ready, let_go):
            os.close(descriptor)
        _first(job, telling, be_ready, go)
    for descriptor in (telling, be_ready, go):
        os.close(descriptor)
    try:
        os.read(ready, 1)
        with contextlib.nullcontext() if job.order.network in _NETWORKS else attached(job, child):
            os.write(let_go, b"+")
            return _heard(told)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _forked() -> int:
    """Fork; the child is the first process of a new pid namespace.

    What comes later is in this one again, unless this one belongs to another user namespace: then it ends with the child.
    """
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    _checked(_libc.unshare(_NEW_PID))
    child = os.fork()
    if child:
        with contextlib.suppress(PermissionError):
            _checked(_libc.setns(own, _NEW_PID))
        os.close(own)
    return child


def _heard(told: int) -> dict[str, object]:
    data = b""
    while chunk := os.read(told, 1 << 16):
        data += chunk
    found: dict[str, object] = json.loads(data or b'{"error": "the program was killed with all that was around it"}')
    return found


def _first(job: Job, telling: int, be_ready: int, go: int) -> None:
    """The first process of the pid namespace; it never returns."""
    try:
        _checked(_libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0))
        detached.own_mounts()
        if job.order.network != "host":
            _checked(_libc.unshare(_NEW_NET))
        os.write(be_ready, b"+")
        if not os.read(go, 1):
            os._exit(_GIVEN_UP)
        told = _in_root(job.order, cgroup_name(job.parent))
    except (WhitError, OSError) as error:
        known = as_whit_error(error)
        told = {"error": known.message, "hint": known.hint}
    os.write(telling, json.dumps(told).encode())
    os._exit(0)


def _in_root(order: RunOrder, cgroup: str) -> dict[str, object]:
    folder = Path(order.folder)
    _mount(b"proc", b"/proc", b"proc", b"")
    _mount(b"tmpfs", os.fsencode(folder), b"tmpfs", b"mode=0700")
    root = folder / "root"
    _show(order.layers, root)
    descriptor = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    identity, ids = identify(order.user, accounts_in(descriptor)), read_ids()
    if ids and not ids.have(identity.uid, identity.gid):
        raise WhitError(f"there is no user {identity.uid}:{identity.gid} in builds of yours", hint=FEW_USERS)
    shown = tuple(_shown(order, folder))
    own = document(Placed(order, str(root), identity, cgroup, shown, ids))
    stubs = Stubs(descriptor)
    mounts = own["mounts"]
    assert isinstance(mounts, list)  # noqa: S101 - for the type
    stubs.note(str(mount["destination"]) for mount in mounts)
    (folder / "config.json").write_text(json.dumps(own))
    told = _run_bundle(folder, cgroup.rpartition("/")[2])
    stubs.remove()
    return told


def _mount(source: bytes, target: bytes, kind: bytes, options: bytes) -> None:
    _checked(_libc.mount(source, target, kind, ctypes.c_ulong(0), options))


def _show(layers: Layers, place: Path) -> None:
    """Mount a root of layers on a new folder."""
    place.mkdir()
    target = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    root = open_root(layers)
    if layers.upper or len(layers.lowers) > 1:
        detached.move(root, target)
    else:
        detached.bind(root, target)
    os.close(root)
    os.close(target)


def _shown(order: RunOrder, folder: Path) -> list[Shown]:
    """Everything that is bound over the root: names, mounts in their order, secrets, the script."""
    shown: list[Shown] = []
    for name, data in name_files(order.network, is_user=bool(read_ids())).items():
        shown.append(Shown(_file(folder / name, data, 0o644), f"/etc/{name}", is_readonly=True))
    assert len(shown) == len(NAME_FILES)  # noqa: S101 - one of each
    for number, mount in enumerate(order.mounts):
        if isinstance(mount, Bound):
            shown.append(_bound(mount, folder, number))
    for number, secret in enumerate(order.secrets):
        path = _file(folder / f"secret{number}", secret.data, secret.mode)
        give_if_there(path, (secret.uid, secret.gid))
        shown.append(Shown(path, secret.target, is_readonly=True))
    if order.script:
        target, data = order.script
        shown.append(Shown(_file(folder / "script", data, 0o755), target, is_readonly=True))
    return shown


def _file(path: Path, data: bytes, mode: int) -> str:
    path.write_bytes(data)
    path.chmod(mode)
    return str(path)


def _bound(mount: Bound, folder: Path, number: int) -> Shown:
    if mount.layers is None:
        return Shown(mount.path, mount.target, mount.is_readonly)
    layers, place = mount.layers, folder / f"layers{number}"
    if not mount.is_readonly:
        upper, work = folder / f"upper{number}", folder / f"work{number}"
        upper.mkdir()
        work.mkdir()
        layers = replace(layers, upper=str(upper), work=str(work))
    _show(layers, place)
    found = RootView(str(place)).resolve(f"/{mount.path}")
    if found is None:
        raise WhitError(f"/{mount.path} isn't there to be mounted")
    return Shown(found, mount.target, mount.is_readonly)


def _run_bundle(folder: Path, name: str) -> dict[str, object]:
    """Run the bundle to its end. What whit-oci has to say itself is in its log."""
    log = folder / "log"
    words = [oci_launcher(), "--root", str(folder / "oci"), "--log", str(log), "--log-format", "json"]
    words += ["run", "--bundle", str(folder), name]
    code = subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    errors = [entry["msg"] for line in lines if (entry := json.loads(line)).get("level") == "error"]
    if errors:
        return {"error": errors[-1], "hint": None}
    return {"code": code if code >= 0 else 128 - code}
