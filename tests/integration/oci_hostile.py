"""What tests of whit-oci's confinement share: programs and containers that mean harm, and files that change meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

from tests.integration.oci_bundle import Bundle, Ran
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("pid", "network", "ipc", "uts", "mount", "cgroup")
MAPS = {name: [{"containerID": 0, "hostID": 200000, "size": 65536}] for name in ("uidMappings", "gidMappings")}
USERS = {"namespaces": [{"type": kind} for kind in (*NAMES, "user")], **MAPS}
LONG = 60.0
RACES = int(os.environ.get("WHIT_RACES", "3"))
"""How often a race is run: by chance each time may be the one."""


def put(bundle: Bundle, name: str) -> None:
    """A test program of that name in the container's root."""
    shutil.copy(build(name, "c-musl"), bundle.rootfs / name)


@contextlib.contextmanager
def running(bundle: Bundle, *args: str, change: dict[str, Any] | None = None) -> Iterator[tuple[str, Path]]:
    """A container that runs ``args``: its name, and the file that its output goes to."""
    name, output = f"t{uuid.uuid4().hex[:12]}", bundle.folder / "output"
    change = change or {}
    bundle.write("", {**change, "process": {**change.get("process", {}), "args": [*args]}})
    with output.open("wb") as file:
        command = bundle.command("run", "--detach", name)
        subprocess.run(
            command, cwd=bundle.folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False, timeout=LONG
        )
    try:
        yield name, output
    finally:
        bundle.call("delete", "--force", name)


def wait_for(output: Path, word: str) -> None:
    """Until the container has printed the word."""
    end = time.monotonic() + LONG
    while word not in output.read_text():
        assert time.monotonic() < end, output.read_text()
        time.sleep(0.01)


def start(bundle: Bundle, how: str, *args: str, change: dict[str, Any] | None = None, **options: Any) -> Ran:
    """Run ``args`` to its end: as a container's first process, also in a user namespace, or by exec in one that sleeps."""
    change = change or {}
    process = {**change.get("process", {}), "args": [*args]}
    if how == "users":
        owned_by_others(bundle)
        change = {**change, "linux": {**change.get("linux", {}), **USERS}}
    if how != "exec":
        bundle.write("", {**change, "process": process})
        # Compiled, then from the kept plan, without Python.
        first, second = (call_with(bundle, {**options}, "run", f"t{uuid.uuid4().hex[:12]}") for _ in range(2))
        assert (first.code, first.out) == (second.code, second.out), (first, second)
        return second
    quiet = {key: value for key, value in process.items() if key not in {"args", "cwd", "env", "terminal"}}
    with running(bundle, "/bin/sleep", "600", change={**change, "process": quiet}) as (name, _):
        words = [f"--env={item}" for item in process.get("env", [])]
        words += ["--cwd", process["cwd"]] if "cwd" in process else []
        return call_with(bundle, options, "exec", *words, name, *args)


def call_with(bundle: Bundle, options: dict[str, Any], *words: str) -> Ran:
    before, more = options.pop("before", []), {"stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(
        [*before, *bundle.command(*words)], cwd=bundle.folder, capture_output=True, text=True, check=False, timeout=LONG, **more
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def swapping(one: Path, other: Path) -> Iterator[None]:
    """Two names that change places all the time, each in one step."""
    with subprocess.Popen([build("swap", "c-musl"), one, other]) as process:
        try:
            yield
            assert process.poll() is None
        finally:
            process.kill()


def owned_by_others(bundle: Bundle) -> None:
    """The root file system is that of a user namespace's users, who come to it."""
    subprocess.run(["chown", "-R", "-h", "200000:200000", bundle.rootfs], check=True)
    for folder in (bundle.folder, *bundle.folder.parents):
        if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o111)
