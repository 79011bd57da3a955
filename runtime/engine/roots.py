"""A container's root, opened: as its programs see it while it runs, put together for us while it doesn't."""

from __future__ import annotations

import contextlib
import os

from whit.packer.store.inroot import open_in_root
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.engine import detached
from whit.runtime.engine.model import MountKind
from whit.runtime.engine.supervision import overlay_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.runtime.engine.folder import Containers, Kept
    from whit.runtime.engine.model import Mounted

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def opened(containers: Containers, kept: Kept, *, with_mounts: bool) -> Iterator[int]:
    """A descriptor (O_PATH) of the root, with what is mounted in it or without. A stopped one isn't started meanwhile.

    A user's container is entered among its users (:func:`whit.runtime.engine.within.go_in`). Raises :class:`LaunchError`.
    """
    status = kept.status
    if status.is_running:
        root = _running(kept, status.pid, with_mounts=with_mounts)
        try:
            yield root
        finally:
            os.close(root)
        return
    with containers.locked(kept) as got:
        if not got:
            raise LaunchError(
                f"container {kept.container.name} is being started or ended just now", hint="try again", exit_code=1
            )
        root = _stopped(kept, with_mounts=with_mounts)
        try:
            yield root
        finally:
            os.close(root)


def _running(kept: Kept, pid: int, *, with_mounts: bool) -> int:
    """By way of the container's first process, or of its supervisor, in whose mounts the root is bare."""
    root = kept.container.root
    if not with_mounts and not root.is_writable:
        return os.open(root.rootfs, _FOLDER)
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        raise _ended(kept) from None
    try:
        path = f"/proc/{pid}/root" if with_mounts else f"/proc/{_parent(pid)}/root{kept.folder}/root"
        descriptor = os.open(path, _FOLDER)
    except OSError:
        raise _ended(kept) from None
    finally:
        os.close(process)
    # The number was the container's as long as the status said so: a recycled one isn't told of.
    status = kept.status
    if not status.is_running or status.pid != pid:
        os.close(descriptor)
        raise _ended(kept)
    return descriptor


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - a text path
        return int(file.read().rpartition(b")")[2].split()[1])


def _ended(kept: Kept) -> LaunchError:
    return LaunchError(f"container {kept.container.name} has ended just now", hint="try again", exit_code=1)


def _stopped(kept: Kept, *, with_mounts: bool) -> int:
    container = kept.container
    if not container.root.is_writable and not with_mounts:
        return os.open(container.root.rootfs, _FOLDER)
    detached.own_mounts()
    if container.root.is_writable:
        target = os.open(kept.folder / "root", _FOLDER)
        options = overlay_options(container, str(kept.folder))
        before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        os.chdir(kept.folder)
        root = detached.mount_new(b"overlay", options, target)
        os.fchdir(before)
        os.close(before)
        os.close(target)
    else:
        root = _bare(container.root.rootfs)
    if with_mounts:
        for mount in container.mounts:
            if mount.kind is not MountKind.TMPFS and not mount.file_system:
                _show(root, mount)
    return root


def _bare(rootfs: str) -> int:
    """The image's files, which belong to all of its containers: nothing may be written to them."""
    below = os.open(rootfs, _FOLDER)
    detached.bind(below, below)
    os.close(below)
    root = os.open(rootfs, _FOLDER)
    detached.make_read_only(root)
    return root


def _show(root: int, mount: Mounted) -> None:
    """Mount it where it would be. What isn't there isn't shown: the container couldn't be started either."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        target = open_in_root(root, os.fsencode(mount.target))
        try:
            source = os.open(mount.source, os.O_PATH | os.O_CLOEXEC)
            detached.bind(source, target)
            os.close(source)
        finally:
            os.close(target)
        if mount.read_only:
            shown = open_in_root(root, os.fsencode(mount.target))
            detached.make_read_only(shown)
            os.close(shown)
