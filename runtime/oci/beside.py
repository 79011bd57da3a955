"""A scope's cgroups on v1 beside those that systemd makes: it knows its own hierarchy and a few controllers, not cpuset or freezer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CPUSET = ("cpuset.cpus", "cpuset.mems")


def _lend(above: Path, folder: Path) -> None:
    """A new cpuset is empty, and nothing can enter it (cgroup-v1/cpusets.rst)."""
    for name in CPUSET:
        if not (folder / name).read_text().strip():
            (folder / name).write_text((above / name).read_text())


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    if (folder / CPUSET[0]).exists():
        _lend(folder.parent, folder)


def enter_all(folders: Iterable[Path], pid: int) -> None:
    """Make what is missing of them, and put the process into each. Raises :class:`LaunchError`."""
    for folder in folders:
        try:
            _make(folder)
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            raise LaunchError(
                f"can't join the cgroup {folder}: {error.strerror}", hint="is this hierarchy yours to write?"
            ) from None


def write_lines(folder: Path | None, lines: Iterable[tuple[str, str]]) -> None:
    """Devices, after systemd has written what it knows of them."""
    if folder is not None:
        for file, line in lines:
            (folder / file).write_text(line)
