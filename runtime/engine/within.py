"""A user's own containers: which ids the user has, which cgroup, and the way into the containers' user namespace."""

from __future__ import annotations

import os
import sys

from whit.packer.support.errors import StoreError, UnsupportedError
from whit.packer.support.light import TYPE_CHECKING
from whit.packer.support.userns import read_subordinate
from whit.runtime.cgroup import DELEGATE
from whit.runtime.engine.bundle import CGROUPS
from whit.runtime.engine.model import Users
from whit.runtime.launch import find_launcher
from whit.runtime.oci.host import read_oci_host
from whit.runtime.oci.state import Container

if TYPE_CHECKING:
    from whit.runtime.engine.folder import Kept


def read_users() -> Users | None:
    """Whose containers the caller's are; None for root."""
    number = os.geteuid()
    if number == 0:
        return None
    more = read_subordinate()
    if more is None:
        return Users(number, os.getegid())
    return Users(number, os.getegid(), more.users, more.groups, more.mappers)


def own_cgroup(container_id: str) -> tuple[str | None, str]:
    """(a user's container's cgroup, or None, and why there is none)."""
    host = read_oci_host()
    if host.hierarchies or not host.unified:
        return None, "only root may make cgroups here"
    if host.delegated is None:
        return None, "only root may make cgroups here: none is delegated to you"
    return f"{'/' if host.delegated else ''}{host.delegated}{CGROUPS}/{container_id}", ""


def check_cgroup(kept: Kept) -> None:
    """Raises :class:`UnsupportedError` for a container that runs without a cgroup, in which it could be held or limited."""
    if not Container(kept.container.id, kept.records / kept.container.id).cgroups:
        why = own_cgroup(kept.container.id)[1] or "none was delegated to you when it was started"
        raise UnsupportedError(f"container {kept.container.name} has no cgroup: {why}", hint=DELEGATE, exit_code=1)


def _command(kept: Kept, words: list[str]) -> tuple[list[str], dict[str, str]]:
    """The command line of whit with these words among the container's users, and its environment."""
    environment = {**os.environ, "WHIT_ROOT": str(kept.folder.parent.parent)}
    return [str(find_launcher()), "_users", str(kept.folder), *words], environment


def go_in(kept: Kept) -> None:
    """Run this very command among the container's users, where only their root can do it; returns where it is so already."""
    if kept.container.users and os.geteuid() != 0:
        words, environment = _command(kept, sys.argv[1:])
        sys.stdout.flush()
        os.execve(words[0], words, environment)  # noqa: S606 - no shell


def empty(kept: Kept) -> None:
    """Remove files of subordinate users', which the user alone can't."""
    if not (kept.container.users and kept.container.users.mappers and (kept.folder / "upper").exists()):
        return
    if os.geteuid() == 0:
        return
    words, environment = _command(kept, ["_emptied", str(kept.folder)])
    import subprocess  # noqa: PLC0415 - root needs none

    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.splitlines() or [""]
        raise StoreError(
            f"can't remove what container {kept.container.name} has written: {said[0].removeprefix('whit: ')}"
        )
