"""``list`` and ``ps``: the containers there are, and the processes in one."""

from __future__ import annotations

import errno
import json
import os
import pwd
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from whit.packer.support.errors import InvalidFileError, LaunchError, UsageError
from whit.runtime.oci.arguments import container_id
from whit.runtime.oci.state import Container, every, find, root_of

if TYPE_CHECKING:
    from whit.runtime.oci.arguments import Call
    from whit.runtime.oci.log import Log

COLUMNS = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")


def _owner(number: int) -> str:
    """A user's name, or what runc says for one without."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def _entry(container: Container, log: Log) -> dict[str, object] | None:
    """A container's line; None for one that was deleted meanwhile. One whose records are spoilt is there, too."""
    try:
        owner = _owner(container.folder.stat().st_uid)
    except FileNotFoundError:
        return None
    try:
        status, pid = container.status()
        return {"id": container.name, **container.document, "pid": pid, "status": str(status), "owner": owner}
    except InvalidFileError as error:
        log.write("warning", error.message)
        return {"id": container.name, "pid": 0, "status": "unknown", "owner": owner}


def table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as they need to be, three spaces between them, as runc has them."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def containers(call: Call, log: Log) -> None:
    """``list``."""
    from whit.runtime.oci.cli import show  # noqa: PLC0415 - it imports this

    entries = [entry for container in every(root_of(call)) if (entry := _entry(container, log)) is not None]
    form = call.options.text("format", "table")
    if call.options.flag("quiet"):
        show("".join(f"{entry.get('id')}\n" for entry in entries))
    elif form == "json":
        show(json.dumps(entries or None) + "\n")
    elif form == "table":
        rows = [tuple(str(entry.get(name.lower(), "")) for name in COLUMNS) for entry in entries]
        show(table([COLUMNS, *rows]))
    else:
        raise UsageError(f"invalid format option '{form}'", hint="table or json")


def members(folder: Path) -> tuple[int, ...]:
    """The processes of a cgroup and of those below it; one that goes meanwhile has none."""
    found: set[int] = set()
    for place, _, _ in os.walk(folder):
        try:
            found.update(int(pid) for pid in Path(place, "cgroup.procs").read_text().split())
        except OSError as error:
            # ENODEV: it went after its file was opened.
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
    return tuple(sorted(found - {0}))


def processes(container: Container) -> tuple[int, ...]:
    """The pids of all that is in the container."""
    cgroups = container.cgroups
    if cgroups:
        return members(cgroups[0][1])
    _, pid = container.status()
    return _together(pid) if pid else ()


def _namespace(process: Path) -> int:
    """The PID namespace of a process; 0 where that is closed to the caller, or the process has ended."""
    try:
        return (process / "ns" / "pid").stat().st_ino
    except OSError:
        return 0


def _together(first: int) -> tuple[int, ...]:
    """The processes of the PID namespace of a container that has no cgroup; its first one alone where it has the caller's."""
    place = Path("/proc")
    own = _namespace(place / str(first))
    if own in {0, _namespace(place / "self")}:
        return (first,)
    numbers = [
        int(process.name) for process in place.iterdir() if process.name.isdigit() and _namespace(process) == own
    ]
    return tuple(sorted({first, *numbers}))


def ps(call: Call, _log: Log) -> None:
    """``ps``: the pids as JSON, or the host's ps of them."""
    from whit.runtime.oci.cli import show  # noqa: PLC0415 - it imports this

    if not call.words:
        raise UsageError("ps needs a container ID", hint="whit-oci ps [--format json] ID [PS OPTIONS]")
    pids = processes(find(root_of(call), container_id(call.words[0])))
    form = call.options.text("format", "table")
    if form == "json":
        show(json.dumps(pids) + "\n")
        return
    if form != "table":
        raise UsageError(f"invalid format option '{form}'", hint="table or json")
    show("".join(f"{line}\n" for line in ps_lines(pids, call.words[1:])))


def ps_lines(pids: tuple[int, ...], options: tuple[str, ...], *, selected: bool = False) -> list[str]:
    """What the host's ps tells of these processes, with its header. Raises :class:`LaunchError` with its words.

    ``selected``: it is told which, as docker does, as far as that goes together with the options.
    """
    words = ["ps", *(options or ("-ef",))]
    select = ["-q" + ",".join(map(str, pids))] if selected and pids else []
    done = subprocess.run([*words, *select], capture_output=True, text=True, check=False)
    if done.returncode and select:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LaunchError(f"ps: {done.stderr.strip()}", exit_code=1)
    head, *lines = done.stdout.splitlines()
    if "PID" not in head.split():
        raise UsageError("ps: there is no PID column", hint="use options of ps(1) that show it")
    at = head.split().index("PID")
    wanted = {str(pid) for pid in pids}
    return [head, *(line for line in lines if line.split()[at] in wanted)]
