"""What tests of a user's containers share: a machine on which the user may have what root allows, and the user's whit on it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.conftest import USER, become
from tests.integration.kept import Engine

if TYPE_CHECKING:
    from tests.integration.conftest import User

FIRST_SUBORDINATE, SUBORDINATE = 700_000, 65536
KNOWN = """
mount --bind "$0/tun" /dev/net/tun || exit
if [ -e "$0/etc-sub" ]; then
    mount --bind "$0/etc-passwd" /etc/passwd && mount --bind "$0/etc-group" /etc/group || exit
    mount --bind "$0/etc-sub" /etc/subuid && mount --bind "$0/etc-sub" /etc/subgid || exit
fi
exec "$@"
"""
"""In a mount namespace of its own: a machine on which users may open /dev/net/tun, and the user may have subordinate ids."""


@dataclass(frozen=True, slots=True)
class Mine(Engine):
    """The engine of a user."""

    home: Path = Path("/")

    @property
    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"]}

    def close(self) -> None:
        """Remove every container."""
        self.clean()

    def give_ids(self, machine: Path) -> None:
        """From now on the user has a name and subordinate ids."""
        entry = f"rootless:x:{USER}:"
        (machine / "etc-passwd").write_text(Path("/etc/passwd").read_text() + f"{entry}{USER}::/:/bin/sh\n")
        (machine / "etc-group").write_text(Path("/etc/group").read_text() + f"{entry}\n")
        (machine / "etc-sub").write_text(f"rootless:{FIRST_SUBORDINATE}:{SUBORDINATE}\n")


def machine_of(user: User) -> Path:
    """What the user's machine is like: a folder of files for its /dev and /etc."""
    folder = user.home / "machine"
    folder.mkdir()
    os.mknod(folder / "tun", 0o020666, os.makedev(10, 200))
    (folder / "tun").chmod(0o666)
    return folder


def engine_of(user: User, machine: Path) -> Mine:
    """The user's whit on that machine."""
    before = ("unshare", "--mount", "sh", "-c", KNOWN, str(machine), *become(USER))
    return Mine(user.program, user.store, before, user.home)
