"""The ``StepRunner`` that ``whit build`` is given."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whit.packer.support.errors import UnsupportedError, WhitError
from whit.packer.support.light import replace
from whit.packer.support.userns import ALLOW, enter, read_ids
from whit.runtime.building.leftovers import sweep_cgroups
from whit.runtime.building.overlay import open_root
from whit.runtime.building.wire import Job, encode
from whit.runtime.engine.detached import own_mounts
from whit.runtime.launch import find_launcher
from whit.runtime.machine import architecture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from whit.packer.buildfile.build.steps import Layers, RunOrder

VERB = "_step"
_READ = 1 << 16


@dataclass(slots=True)
class Runner:
    """Runs steps for a store; several at once."""

    store: Path
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    @contextlib.contextmanager
    def root(self, layers: Layers) -> Iterator[int]:
        """The root of some layers, as a descriptor of a mount that nobody else sees."""
        descriptor = open_root(layers)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def run(self, order: RunOrder, output: Callable[[bytes], None]) -> int:
        """Run it to its end; the exit code. Raises :class:`WhitError` where it couldn't be run."""
        order = replace(order, architecture=architecture())
        result, telling = os.pipe()
        try:
            process = self._started(encode(Job(order, str(self.store), os.getpid())), telling)
        finally:
            os.close(telling)
        try:
            assert process.stdout is not None  # noqa: S101 - a pipe
            while chunk := os.read(process.stdout.fileno(), _READ):
                output(chunk)
            told = _heard(result)
        finally:
            os.close(result)
            self._ended(process)
        if "code" in told:
            return int(told["code"])
        raise WhitError(told.get("error") or "the step was ended from outside", hint=told.get("hint"))

    def _started(self, job: bytes, telling: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise WhitError("the build was stopped")
            process = subprocess.Popen(
                [str(find_launcher()), VERB, str(telling)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(telling,),
                start_new_session=True,
            )
            self._running.add(process)
        assert process.stdin is not None  # noqa: S101 - a pipe
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(job)
            process.stdin.close()
        return process

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
        with self._lock:
            self._running.discard(process)

    def stop(self) -> None:
        """End everything that runs."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


def _heard(result: int) -> dict[str, str]:
    data = b""
    while chunk := os.read(result, _READ):
        data += chunk
    found: dict[str, str] = json.loads(data or b"{}")
    return found


def make_runner(store: Path) -> Runner:
    """A runner. A user who isn't root is so from now on, in a namespace with the user's own ids and mounts.

    Raises :class:`UnsupportedError` where the system doesn't allow that.
    """
    ids = read_ids() if os.geteuid() == 0 else enter()
    if ids:
        try:
            own_mounts()
        except OSError as error:
            raise UnsupportedError(f"this system lets you mount nothing: {error.strerror}", hint=ALLOW) from None
    else:
        sweep_cgroups()
    return Runner(store)
