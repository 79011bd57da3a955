"""A container's folder, as ``create`` makes it; state.py reads it. runtime/launcher/oci.h says what the files hold."""

from __future__ import annotations

import errno
import os
from stat import S_ISREG

from whit.packer.support.errors import InvalidFileError, LaunchError, UsageError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whit.runtime.oci.arguments import Call

ALL_USERS = ["0", "0", "4294967295"]
"""The mapping of the first user namespace (user_namespaces(7))."""

RECORD = "state.json"
PROCESS, CGROUPS, GATE, PLAN, OUTCOME, CONFIG = "process", "cgroups", "start", "plan", "outcome", "config.json"
MARK = b"WHITPLAN"
"""What a container's plan begins with (encode.py): it is written first and removed last."""

POSTSTART, POSTSTOP = "poststart", "poststop"
SCOPE, HELPER_ERROR = "scope", "helper-error"


def _is_a_user_s_root() -> bool:
    """Whether this root is one of a user namespace, such as rootless podman's; then /run isn't its own, as in runc."""
    with open("/proc/self/uid_map", encoding="ascii") as file:  # noqa: PTH123 - pathlib costs more
        return file.read().split() != ALL_USERS and os.environ.get("USER") != "root"


PLANS = "@plans"
"""Kept plans (kept.py), among the containers' folders: no container can be called so."""


def default_root() -> str:
    """Where containers are kept unless ``--root`` says otherwise."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0 and not (runtime and _is_a_user_s_root()):
        return "/run/whit-oci"
    if not runtime:
        raise UsageError("XDG_RUNTIME_DIR isn't set", hint="set it, or give --root")
    return f"{runtime}/whit-oci"


def root_of(call: Call) -> str:
    """Where the containers are that the command line speaks of."""
    return call.globals.path("root") or default_root()


def read_regular(path: str) -> bytes:
    """The bytes of a file that somebody names: one that is no pipe or device, which would have us wait, or never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidFileError(
                f"{path} is no regular file", hint="give a file: a folder, pipe or device isn't read"
            )
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def make(root: str, name: str) -> str:
    """A new container's folder. Raises :class:`LaunchError` where there is one of that name."""
    folder = f"{root}/{name}"
    os.makedirs(root, mode=0o711, exist_ok=True)  # noqa: PTH103 - pathlib costs more than all of this
    try:
        os.mkdir(folder, mode=0o711)  # noqa: PTH102
    except FileExistsError:
        raise LaunchError(
            f'container with id "{name}" already exists', hint="delete it, or take another name", exit_code=1
        ) from None
    return folder


_HINTS = {
    errno.ENOSPC: "free some space, or give another --root",
    errno.EDQUOT: "free some space, or give another --root",
    errno.EFBIG: "raise the limit of a file's size: ulimit -f",
}


def unwritable(place: str, number: int) -> LaunchError:
    """The error for records that can't be written, in the launcher's words (runtime/launcher/oci_launch.c)."""
    message = f"can't write the container's records in {place}: {os.strerror(number)}"
    return LaunchError(message, hint=_HINTS.get(number))


def fill(folder: str, records: Mapping[str, bytes]) -> None:
    """Write the records: for their owner's eyes, because environments hold secrets. The plan, which is the mark, first.

    Raises :class:`LaunchError`.
    """
    try:
        for name, data in sorted(records.items(), key=lambda record: record[0] != PLAN):
            descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                file.write(data)
    except OSError as error:
        raise unwritable(folder, error.errno or 0) from None


def has_mark(folder: str) -> bool:
    """Whether it is a container's: whatever else is below the root, another runtime's or a person's, is none of ours."""
    try:
        descriptor = os.open(f"{folder}/{PLAN}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return os.read(descriptor, len(MARK)) == MARK
    except OSError:
        return False
    finally:
        os.close(descriptor)


def remove(folder: str) -> None:
    """Forget the container. The mark goes last, so that what a killed removal leaves can be removed."""
    from contextlib import suppress  # noqa: PLC0415 - for what has failed or ended

    with suppress(OSError):
        for name in sorted(os.listdir(folder), key=lambda name: name == PLAN):  # noqa: PTH208
            with suppress(OSError):
                os.unlink(f"{folder}/{name}")  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
