"""What tests of a user's podman share: a machine on which the user has subordinate ids and may open /dev/net/tun, and scripts on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.integration.conftest import USER, become

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""podman asks for more open files than root may here."""

FUNCTIONS = """
pod() {
    podman --root $HOME/p --runroot $HOME/r --tmpdir $HOME/t --storage-driver vfs --cgroup-manager cgroupfs \
        --events-backend none --log-level error --runtime $RUNTIME "$@"
}
case_of() { name=$1; shift; said=$("$@" 2>$HOME/errors); echo "=== $name $?"; echo "$said"; echo "--- errors"; cat $HOME/errors; }
cd $HOME
"""
"""A case's output, and what it said on standard error, stand between lines ``=== NAME STATUS``."""

MACHINE = """
cd "$0"
mount --bind passwd /etc/passwd && mount --bind group /etc/group || exit
for file in subuid subgid; do test -e /etc/$file || touch /etc/$file; mount --bind sub /etc/$file || exit; done
mount --bind tun /dev/net/tun && ip link set lo up || exit
umount /sys/fs/cgroup/unified 2>/dev/null
exec "$@"
"""
"""crun refuses hybrid cgroups: it runs where the v2 tree is hidden from it."""

APART = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
"""A user's podman leaves a process that holds its namespaces, and what a container left would be there: all end with the script."""


class Said(NamedTuple):
    """How a case ended, what it printed, and what it said on standard error."""

    status: int
    output: str
    error: str


def _cases(text: str) -> dict[str, Said]:
    heads = [part.partition("\n") for part in f"\n{text}".split("\n=== ")[1:]]
    said = {head: rest.partition("\n--- errors") for head, _, rest in heads}
    return {
        head.split()[0]: Said(int(head.split()[1]), out.strip(), error.strip())
        for head, (out, _, error) in said.items()
    }


def run_script(command: tuple[str, ...], folder: Path, runtime: str | Path, script: str) -> dict[str, Said]:
    """What the cases of a script did, in order; ``command`` begins it, and ``folder`` is its home. Fails when there was none."""
    environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "RUNTIME": str(runtime)}
    done = subprocess.run(
        [*command, "bash", "-c", FUNCTIONS + script], env=environment, cwd=folder,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    cases = _cases(done.stdout)
    assert cases, done.stderr
    return cases


def give_machine(folder: Path, files: Mapping[str, bytes] | None = None) -> tuple[str, ...]:
    """The beginning of a command of the user's; all that is in ``folder`` becomes the user's, whose home it is."""
    entry = f"rootless:x:{USER}:"
    texts = {
        "passwd": Path("/etc/passwd").read_text() + f"{entry}{USER}::{folder}:/bin/sh\n",
        "group": Path("/etc/group").read_text() + f"{entry}\n",
        "sub": "rootless:700000:65536\n",
    }
    for name, data in {**{name: text.encode() for name, text in texts.items()}, **(files or {})}.items():
        (folder / name).write_bytes(data)
    os.mknod(folder / "tun", 0o020666, os.makedev(10, 200))
    (folder / "tun").chmod(0o666)
    for path in (folder, *folder.iterdir()):
        os.chown(path, USER, USER)
    return (*APART, "sh", "-c", MACHINE, str(folder), *become(USER))
