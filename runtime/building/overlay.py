"""Layers of a build → one root: an overlay mount without a place, by descriptor (fsopen(2), overlayfs.rst)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from whit.packer.support.counting import counted
from whit.packer.support.errors import UnsupportedError, WhitError
from whit.packer.support.userns import read_ids
from whit.runtime.engine import detached
from whit.runtime.engine.supervision import OF_USERS, WHOLE

if TYPE_CHECKING:
    from whit.packer.buildfile.build.steps import Layers

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST = 255
"""Bytes of one option (fsconfig(2))."""


def open_root(layers: Layers) -> int:
    """A descriptor of the root, writable where there is an upper folder; the mount goes with it. Raises :class:`WhitError`."""
    if not layers.upper and len(layers.lowers) == 1:
        return os.open(layers.lowers[0], _FOLDER)
    try:
        try:
            return detached.detached(b"overlay", _options(layers, _one_by_one(layers)))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        return _older(layers)
    except OSError as error:
        raise WhitError(
            f"can't put a root together of {counted(len(layers.lowers), 'layer')}: {error.strerror}",
            hint="the store must be on a file system that overlayfs can write to (ext4, xfs, btrfs, tmpfs): set WHIT_ROOT; "
            "without root that takes Linux 5.11",
        ) from None


def _options(layers: Layers, lowers: list[str]) -> list[str]:
    whole = OF_USERS if read_ids() else WHOLE
    if not layers.upper:
        return [*lowers, *whole]
    return [*lowers, f"upperdir={layers.upper}", f"workdir={layers.work}", *whole]


def _one_by_one(layers: Layers) -> list[str]:
    """From Linux 6.5 on each layer is an option of its own."""
    return [f"lowerdir+={lower}" for lower in layers.lowers]


def _older(layers: Layers) -> int:
    """Before, all are one option, so they are named as shortly as can be: by descriptors."""
    opened = [os.open(lower, _FOLDER) for lower in layers.lowers]
    try:
        words = ":".join(f"/proc/self/fd/{descriptor}" for descriptor in opened)
        if len(words) > _LONGEST:
            raise UnsupportedError(
                f"this kernel takes too few layers for this build ({len(opened)})",
                hint="Linux 6.5 has no such limit; or put some RUN instructions together",
            )
        return detached.detached(b"overlay", _options(layers, [f"lowerdir={words}"]))
    finally:
        for descriptor in opened:
            os.close(descriptor)
