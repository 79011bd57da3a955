"""Executes steps: what they print is shown where they fail, and whatever ends whit ends them with all that they started."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Protocol

from whit.packer.support.children import ends_with_this_one
from whit.packer.support.errors import NotFoundError, WhitError
from whit.toolchains.advice import hint_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from whit.toolchains.model import Step

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy")
ALWAYS = (
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
    *PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip
"""Variables of whit's own environment that every step sees: places, and how to reach a network."""

GRACE = 3.0
"""Seconds that a process has between SIGTERM and SIGKILL."""

TICK = 0.5
"""Seconds between two times that the watcher is told."""

_FEW = 3
_MOST_CAUSES = 6
_EXCERPT = re.compile(r"(?:\d+ *)?\|")
_READ = 1 << 16
_MOST_TOLD = 256 << 20
_LONGEST = 1 << 20
"""Bytes of a step's output that are kept: the last ones."""


class Watcher(Protocol):
    """Whoever tells people how it goes."""

    def doing(self, what: str, seconds: float) -> None:
        """Something is being done, since so long; called again and again."""
        ...

    def failed(self, output: bytes) -> None:
        """What a step that failed has printed."""
        ...

    def warn(self, what: str) -> None:
        """Something that a person should know before it begins."""
        ...

    def done(self) -> None:
        """Nothing is being done any more."""
        ...


def environment(step: Step, own: Mapping[str, str]) -> dict[str, str]:
    """What the step sees of whit's environment, and its own. Pure."""
    seen = {name: own[name] for name in (*ALWAYS, *step.inherits) if name in own}
    return {"PATH": os.defpath, **seen, **dict(step.env)}


def cause_of(text: str) -> str:
    """One line of what a command said on stderr: its last ones, or cargo's error with the causes that follow it, in order. Pure.

    Excerpts of files (``3 | …``) are left out.
    """
    said = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((at for at, line in enumerate(said) if line.startswith("error: ")), None)
    if first is None:
        return " ".join(said[-_FEW:])
    told = [line for line in said[first:] if not _EXCERPT.match(line) and line != "Caused by:"]
    return ": ".join(dict.fromkeys(line.removesuffix(":").removeprefix("--> ") for line in told[:_MOST_CAUSES]))


def run(step: Step, watcher: Watcher) -> None:
    """Run it to its end. Raises :class:`WhitError` with its exit status; what it printed goes to the watcher before."""
    output = bytearray()
    with _started(step, subprocess.STDOUT) as process:
        for chunk in _heard(process, step.doing, watcher):
            output += chunk
            del output[:-_LONGEST]
        code = process.wait()
    if code:
        watcher.failed(bytes(output))
        raise WhitError(f"{title(step)} {_ended(code)}", hint=hint_for(code, output.decode("utf-8", "replace")))


def ask(step: Step, watcher: Watcher | None = None) -> str:
    """What it prints on stdout. Raises :class:`WhitError` with the last thing that it says on stderr where it fails."""
    with tempfile.TemporaryFile() as errors, _started(step, errors.fileno()) as process:
        told = bytearray()
        for chunk in _heard(process, step.doing, watcher if step.doing else None):
            told += chunk
            if len(told) > _MOST_TOLD:
                raise WhitError(f"{title(step)} says more than {_MOST_TOLD >> 20} MB, and goes on")
        code = process.wait()
        if code:
            errors.seek(0)
            said = cause_of(errors.read(_LONGEST).decode("utf-8", "replace"))
            raise WhitError(f"{title(step)} {_ended(code)}: {said}".removesuffix(": "))
    return told.decode("utf-8", "surrogateescape")


def _heard(process: subprocess.Popen[bytes], doing: str, watcher: Watcher | None) -> Iterator[bytes]:
    """What it prints, to its end; meanwhile the watcher is told again and again that it is being done."""
    assert process.stdout is not None  # noqa: S101 - a pipe
    began = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if watcher:
                watcher.doing(doing, time.monotonic() - began)
            if selector.select(TICK):
                chunk = os.read(process.stdout.fileno(), _READ)
                if not chunk:
                    break
                yield chunk
    if watcher:
        watcher.done()


def title(step: Step) -> str:
    """The command's first words: ``go build``, ``cargo metadata``."""
    name = step.argv[0].rpartition("/")[2]
    verb = next((word for word in step.argv[1:] if word.replace("-", "a").isidentifier() and word[0] != "-"), "")
    return f"{name} {verb}".rstrip()


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"failed with exit status {code}"


@contextlib.contextmanager
def _started(step: Step, errors: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process in a group of its own, with whose end all that it started ends."""
    try:
        process = subprocess.Popen(
            step.argv, cwd=step.cwd, env=environment(step, os.environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, start_new_session=True,
            preexec_fn=ends_with_this_one(),  # noqa: PLW1509 - no other thread runs then
        )  # fmt: skip
    except FileNotFoundError:
        raise NotFoundError(f"{step.argv[0]} isn't there, or {step.cwd} isn't") from None
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)
        if process.stdout:
            process.stdout.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, then make it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
