"""A look into a container that runs, at its own files: no link in it leads outside."""

from __future__ import annotations

import os
from stat import S_ISREG

from whit.packer.image.accounts import Accounts
from whit.packer.store.inroot import open_in_root
from whit.packer.support.errors import LaunchError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.oci.state import start_time

if TYPE_CHECKING:
    from whit.runtime.oci.model import Running

_MOST = 1 << 20


def open_root(running: Running) -> int:
    """A descriptor of the root that a container's first process has. Raises :class:`LaunchError` for one that has ended."""
    try:
        root = os.open(f"/proc/{running.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        root = -1
    # Its number may be another's by now.
    if start_time(running.pid) != running.started:
        if root >= 0:
            os.close(root)
        raise LaunchError("the container has ended meanwhile", exit_code=1)
    return root


def text_in(root: int, path: str) -> str:
    """The first MiB of a text file, empty where there is none: a pipe or a device isn't read."""
    try:
        found = open_in_root(root, os.fsencode(path))
    except OSError:
        return ""
    try:
        if not S_ISREG(os.fstat(found).st_mode):
            return ""
        with open(f"/proc/self/fd/{found}", "rb") as file:  # noqa: PTH123 - a descriptor
            return file.read(_MOST).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(found)


def accounts(running: Running) -> Accounts:
    """The users and groups that the container has now."""
    root = open_root(running)
    try:
        return Accounts(text_in(root, "/etc/passwd"), text_in(root, "/etc/group"))
    finally:
        os.close(root)
