"""A Linux machine with cgroup v2, or with v1 by systemd: Debian's cloud kernel under QEMU's emulation, with files and a script of the test's.

The guest's files are an initramfs in memory: nothing is installed, nothing stays.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tests.peers import find_peer
from tests.vm.initramfs import Initramfs
from tests.vm.systemd import add_systemd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INIT = Path(__file__).with_name("init")
MEMORY = "768M"
USERS = "root:x:0:0:root:/root:/bin/sh\nmessagebus:x:100:100::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"
GROUPS = "root:x:0:\nmessagebus:x:100:\nuser:x:1000:\n"
EXIT_LINE = re.compile(r"\nguest: exit (\d+)\n\Z")
COMMAND_LINE = "quiet panic=-1 mitigations=off random.trust_cpu=on"
OPTIONS = (
    *("-accel", "tcg", "-m", MEMORY, "-smp", "1"),
    *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
)


class GuestError(Exception):
    """The guest didn't come to the script's end: its console says why."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine: the peers that make it up (tests/peers), QEMU's words, the kernel's, and the terminal that the script writes to.

    The console is the first serial port, the script's output the second.
    """

    qemu: str
    kernel: str
    busybox: str
    options: tuple[str, ...]
    parameters: str
    output: str

    def command(self, console: Path, output: Path) -> list[str | Path]:
        """QEMU's command line without kernel, files and parameters."""
        program = find_peer(self.qemu)
        if program is None:
            raise GuestError(f"{self.qemu} is missing; tests/setup.sh peers installs it")
        words = [word.format(console=console, output=output) for word in self.options]
        return [program, *words, *OPTIONS]


X86_64 = Machine(
    "qemu-system-x86_64",
    "guest-kernel",
    "busybox-static",
    ("-cpu", "max", "-serial", "file:{console}", "-serial", "file:{output}"),
    "console=ttyS0 tsc=reliable no_timer_check",
    "ttyS1",
)
"""On a machine with much else to do, ticks come too late for the kernel's check of its timer, which ends in a panic."""

ARM64 = Machine(
    "qemu-system-aarch64",
    "guest-kernel-arm64",
    "busybox-arm64",
    (
        *("-M", "virt", "-cpu", "cortex-a57", "-serial", "file:{console}"),
        *("-chardev", "file,id=output,path={output}", "-device", "pci-serial,chardev=output"),
    ),
    "console=ttyAMA0",
    "ttyS0",
)
"""The processor runs 32-bit programs too."""


@dataclass(frozen=True, slots=True)
class GuestResult:
    """What the script said, stdout and stderr in one, and its exit status."""

    status: int
    output: str
    console: str
    seconds: float


def run_guest(
    script: str,
    files: Mapping[str, Path] | None = None,
    timeout: float = 60,
    trees: Iterable[Path] = (),
    *,
    systemd: bool = False,
    parameters: str = "",
    machine: Machine = X86_64,
) -> GuestResult:
    """Boot, run ``script`` with busybox's sh as root, turn off.

    ``files`` are guest paths and where their content is on this machine; ``trees`` are files, links and folders that the
    guest has under the same paths as this machine. ``systemd``: the guest's first process is this machine's systemd, with
    a D-Bus, and the script a service of its (tests/vm/systemd.py). ``parameters`` are more of the kernel's: with
    ``systemd.unified_cgroup_hierarchy=0`` systemd mounts cgroup v1. Raises :class:`GuestError` when the script doesn't
    end in ``timeout`` seconds, boot included (about 5).
    """
    kernel, busybox = (find_peer(name) for name in (machine.kernel, machine.busybox))
    if kernel is None or busybox is None:
        raise GuestError("busybox or the guest's kernel is missing; tests/setup.sh peers fetches them")
    with tempfile.TemporaryDirectory(prefix="whit-guest-") as name:
        folder = Path(name)
        initramfs, console, output = (folder / part for part in ("initramfs", "console", "output"))
        with initramfs.open("wb") as stream:
            archive = Initramfs(stream)
            _system(archive, busybox, sorted(kernel.parent.glob("*.ko")), script)
            if systemd:
                add_systemd(archive)
            for target, source in (files or {}).items():
                archive.add(source, PurePosixPath(target))
            for path in trees:
                archive.add(path, path)
            archive.finish()
        line = f"{COMMAND_LINE} {machine.parameters} whit.output={machine.output} {parameters}"
        command = [*machine.command(console, output), "-kernel", kernel, "-initrd", initramfs, "-append", line]
        seconds = _run(command, timeout, console)
        return _result(output.read_text(errors="replace"), console.read_text(errors="replace"), seconds)


def _system(archive: Initramfs, busybox: Path, modules: list[Path], script: str) -> None:
    archive.add(INIT, PurePosixPath("/init"))
    archive.add(busybox, PurePosixPath("/bin/busybox"))
    archive.add_bytes(PurePosixPath("/guest/script"), script.encode())
    archive.add_bytes(PurePosixPath("/etc/passwd"), USERS.encode())
    archive.add_bytes(PurePosixPath("/etc/group"), GROUPS.encode())
    for module in modules:
        archive.add(module, PurePosixPath("/guest", module.name))


def _run(command: list[str | Path], timeout: float, console: Path) -> float:
    begin = time.monotonic()
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        last = console.read_text(errors="replace")[-2000:] if console.exists() else ""
        raise GuestError(f"the guest didn't end within {timeout:.0f} s; its console:\n{last}") from None
    if done.returncode != 0:
        raise GuestError(f"qemu: exit code {done.returncode}\n{done.stderr}")
    return time.monotonic() - begin


def _result(output: str, console: str, seconds: float) -> GuestResult:
    end = EXIT_LINE.search(output)
    if end is None:
        raise GuestError(f"the guest stopped before its script ended\noutput:\n{output}\nconsole:\n{console[-2000:]}")
    return GuestResult(int(end[1]), output[: end.start()], console, seconds)
