"""A RUN's place in the usual network: as a container's, and gone with it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support import durable
from whit.packer.support.locks import is_locked
from whit.packer.support.userns import read_ids
from whit.runtime.building.bundle import HOSTNAME
from whit.runtime.engine.networks import attaching, rootless
from whit.runtime.engine.networks.hosts import hosts_file, resolv_conf
from whit.runtime.engine.networks.members import BUILD_LOCK
from whit.runtime.engine.networks.model import Joining, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.building.wire import Job

_STUB = Path("/run/systemd/resolve/resolv.conf")


def name_files(network: str, *, is_user: bool = False) -> dict[str, bytes]:
    """Hosts and resolv.conf; ``is_user``: of a builder who isn't root."""
    own = _read(Path("/etc/resolv.conf"))
    if network == "host":
        return {"hosts": _read(Path("/etc/hosts")).encode(), "resolv.conf": own.encode()}
    member = Member(id="", hostname=HOSTNAME, names=())
    servers = (rootless.RESOLVER,) if is_user and network != "none" else ()
    resolvers = resolv_conf(own, _read(_STUB), servers=servers)
    return {"hosts": hosts_file(member, ()).encode(), "resolv.conf": resolvers.encode()}


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def attached(job: Job, pid: int) -> contextlib.AbstractContextManager[None]:
    """The network namespace of a process is in the usual network for as long as the block lasts. Raises :class:`WhitError`."""
    if read_ids():
        return _way_out(Path(job.order.folder).with_name("pasta.pid"), pid)
    return _bridged(Path(job.store), pid)


@contextlib.contextmanager
def _way_out(note: Path, pid: int) -> Iterator[None]:
    """Without root: as ``whit run`` has it. What speaks for the RUN ends when this process does.

    It may be in the pid namespace whose first process ``pid`` is, which can't end before all others there are waited for.
    """
    watched, held = os.pipe()
    speaking: int | None = None
    try:
        speaking = rootless.connect(pid, watched, note)
        yield
    finally:
        os.close(held)
        os.close(watched)
        rootless.disconnect(note)
        if speaking:
            os.waitpid(speaking, 0)


@contextlib.contextmanager
def _bridged(store: Path, pid: int) -> Iterator[None]:
    _sweep(store)
    member = Member(id=os.urandom(32).hex(), hostname=HOSTNAME, names=())
    folder = store / "containers" / member.id
    durable.private_folder(folder.parent)
    folder.mkdir(mode=0o700)
    with durable.locked(folder / BUILD_LOCK, exclusive=True):
        try:
            attaching.attach(store, member, (Joining(),), pid)
            yield
        finally:
            _remove(store, folder)


def _sweep(store: Path) -> None:
    """Places of builds that were killed."""
    for mark in (store / "containers").glob(f"*/{BUILD_LOCK}"):
        if not is_locked(mark):
            _remove(store, mark.parent)


def _remove(store: Path, folder: Path) -> None:
    attaching.detach(store, folder.name)
    durable.remove_tree(folder)
