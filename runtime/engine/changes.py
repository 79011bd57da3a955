"""What a container has changed: its upper layer against the image's files (overlayfs: whiteouts, opaque folders)."""

from __future__ import annotations

import contextlib
import os
import stat

from whit.packer.support.errors import InvalidFileError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.tar.tree import is_opaque, is_whiteout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Change = tuple[str, bytes]
"""(A, C or D, path)."""

_MAX_DEPTH = 200
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def changes(upper: Path, rootfs: str) -> Iterator[Change]:
    """All of them, in the order of their paths. The container may be running: what is gone by now isn't told."""
    with _opened(os.fsencode(upper), None) as above, _opened(os.fsencode(rootfs), None) as below:
        yield from _folder(above, below, b"")


@contextlib.contextmanager
def _opened(name: bytes, folder: int | None) -> Iterator[int]:
    descriptor = os.open(name, _FOLDER, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _state(folder: int | None, name: bytes) -> os.stat_result | None:
    if folder is None:
        return None
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _folder(above: int, below: int | None, path: bytes) -> Iterator[Change]:
    """Of one folder that both have, or only the upper layer."""
    if path.count(b"/") > _MAX_DEPTH:
        raise InvalidFileError(f"a folder is more than {_MAX_DEPTH} levels deep", hint="is that a program's mistake?")
    names = set(map(os.fsencode, os.listdir(above)))
    hides = below is not None and is_opaque(above)
    hidden = set(map(os.fsencode, os.listdir(below))) - names if hides else set()  # noqa: PTH208 - a descriptor
    for name in sorted(names | hidden):
        whole = path + b"/" + name
        if name in hidden:
            yield "D", whole
            continue
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            yield from _entry(above, below, name, whole)


def _entry(above: int, below: int | None, name: bytes, whole: bytes) -> Iterator[Change]:
    now, before = _state(above, name), _state(below, name)
    if now is None:
        return
    if is_whiteout(now):
        if before is not None:
            yield "D", whole
        return
    if not stat.S_ISDIR(now.st_mode):
        if before is None or _differ(now, before):
            yield "A" if before is None else "C", whole
        return
    both = before is not None and stat.S_ISDIR(before.st_mode)
    with _opened(name, above) as inner, contextlib.ExitStack() as stack:
        lower = stack.enter_context(_opened(name, below)) if both else None
        found = list(_folder(inner, lower, whole))
    if before is None or found or _differ(now, before):
        yield "A" if before is None else "C", whole
    yield from found


def _differ(now: os.stat_result, before: os.stat_result) -> bool:
    """As docker tells it: by mode and owner, and for files by size and time."""
    if (now.st_mode, now.st_uid, now.st_gid, now.st_rdev) != (
        before.st_mode,
        before.st_uid,
        before.st_gid,
        before.st_rdev,
    ):
        return True
    return not stat.S_ISDIR(now.st_mode) and (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
