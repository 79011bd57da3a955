"""Mounts that only this process sees: a stopped container's root, put together as its supervisor would (fsopen(2), mount(2)).

The process gets a mount namespace of its own, so nothing has to be unmounted, however it ends.
"""

from __future__ import annotations

import ctypes
import os

from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_NR_MOVE_MOUNT, _NR_FSOPEN, _NR_FSCONFIG, _NR_FSMOUNT = 429, 430, 431, 432
_SET_FLAG, _SET_STRING, _CREATE = 0, 1, 6
_CLOEXEC = 1
_FROM_EMPTY, _TO_EMPTY = 0x04, 0x40
_NEW_MOUNTS = 0x0002_0000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x4_0000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def own_mounts() -> None:
    """From now on no mount is seen by anybody else, and none of theirs comes in."""
    _checked(_libc.unshare(_NEW_MOUNTS), "unshare")
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(_RECURSIVE | _PRIVATE), None), "/")


def detached(kind: bytes, options: Iterable[str]) -> int:
    """A descriptor of a new file system's root, mounted nowhere: with the last descriptor of it, it is gone."""
    context = _checked(_libc.syscall(_NR_FSOPEN, kind, _CLOEXEC), "fsopen")
    try:
        for option in options:
            name, equals, value = os.fsencode(option).partition(b"=")
            words = (_SET_STRING, name, value) if equals else (_SET_FLAG, name, None)
            _checked(_libc.syscall(_NR_FSCONFIG, context, *words, 0), option)
        _checked(_libc.syscall(_NR_FSCONFIG, context, _CREATE, None, None, 0), "fsconfig")
        return _checked(_libc.syscall(_NR_FSMOUNT, context, _CLOEXEC, 0), "fsmount")
    finally:
        os.close(context)


def mount_new(kind: bytes, options: Iterable[str], target: int) -> int:
    """The same, mounted on a folder's descriptor."""
    mounted = detached(kind, options)
    move(mounted, target)
    return mounted


def move(mounted: int, target: int) -> None:
    """Mount what is mounted nowhere on a folder's descriptor; if that fails, it is closed."""
    flags = _FROM_EMPTY | _TO_EMPTY
    try:
        _checked(_libc.syscall(_NR_MOVE_MOUNT, mounted, b"", target, b"", flags), "move_mount")
    except OSError:
        os.close(mounted)
        raise


def _by_descriptor(descriptor: int) -> bytes:
    return b"/proc/self/fd/%d" % descriptor


def bind(source: int, target: int) -> None:
    """Show a file or folder in another one's place, with all that is mounted below it; both by descriptor."""
    flags = ctypes.c_ulong(_BIND | _RECURSIVE)
    _checked(_libc.mount(_by_descriptor(source), _by_descriptor(target), None, flags, None), "bind")


def make_read_only(mounted: int) -> None:
    """Let nothing be written through a mount whose root is open."""
    flags = ctypes.c_ulong(_BIND | _REMOUNT | _READ_ONLY)
    _checked(_libc.mount(None, _by_descriptor(mounted), None, flags, None), "remount")
