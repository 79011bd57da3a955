"""One traced run: the launcher is started, its program's calls are answered one by one, and everything is ended in time."""

from __future__ import annotations

import array
import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from whit.packer.support.errors import LaunchError, UnsupportedError
from whit.runtime.capabilities import mask
from whit.runtime.encode import encode
from whit.runtime.launch import find_launcher
from whit.runtime.trace.calls import trace_filter
from whit.runtime.trace.kernel import Listener, open_in_root
from whit.runtime.trace.observe import Observer
from whit.runtime.trace.plan import traced
from whit.runtime.trace.root import User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from whit.runtime.model import LaunchPlan
    from whit.runtime.options import Host
    from whit.runtime.trace.sightings import Sightings

GRACE_SECONDS = 10.0
"""How long a program may take to end by itself once it is asked to; docker's."""

SIGNALLED = 128

ENDING = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGQUIT))
PASSED_ON = frozenset((signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH))


@dataclass(frozen=True, slots=True)
class Traced:
    """How a run ended and what was seen. ``status`` is the program's exit status, as ``whit run`` has it.

    ``started`` is False where the launcher failed, which it has said itself. ``stopped`` tells that the program was
    ended by whit: its time was up, or a person interrupted it.
    """

    sightings: Sightings
    status: int
    seconds: float
    started: bool
    stopped: bool


def user_of(plan: LaunchPlan, host: Host) -> User:
    """Whom the plan's program runs as, in the host's numbers."""
    if not host.privileged:
        return User(host.user, frozenset((host.group, *os.getgroups())))
    args = {op.name: op.args for op in plan.ops}
    uid, gid, packed, _ = args["SET_IDS"]
    effective = args["SET_CAPABILITIES"][0]
    if not (isinstance(uid, int) and isinstance(gid, int) and isinstance(packed, bytes) and isinstance(effective, int)):
        raise TypeError("SET_IDS and SET_CAPABILITIES have other arguments")
    return User(uid, frozenset((gid, *array.array("I", packed))), bool(effective & mask(frozenset(("DAC_OVERRIDE",)))))


def _receive_listener(ours: socket.socket) -> int | None:
    """The descriptor that the container's first process has sent; None if it ended without."""
    size = array.array("i").itemsize
    try:
        data, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(size))
    except OSError:
        return None
    if not data or not ancillary:
        return None
    (descriptor,) = array.array("i", ancillary[0][2][:size])
    os.set_inheritable(descriptor, False)
    return descriptor


@contextlib.contextmanager
def _signals_as_bytes() -> Iterator[int]:
    """A descriptor on which the signals that reach us can be read, a byte each, while the block runs."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def nothing(number: int, frame: FrameType | None) -> None:
        """The byte on the pipe says it all."""

    before = {number: signal.signal(number, nothing) for number in ENDING | PASSED_ON}
    known = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(known)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reading)
        os.close(writing)


class Session:
    """A container that is being traced."""

    def __init__(self, process: subprocess.Popen[bytes], observer: Observer, duration: float | None) -> None:
        self.process = process
        self.observer = observer
        self.stopped = False
        self.began = time.monotonic()
        self._duration = duration
        self._deadline: float | None = None
        self._program: int | None = None
        self._poll = select.poll()

    def run(self, ours: socket.socket, signals: int) -> None:
        """Until the launcher has ended."""
        launcher = os.pidfd_open(self.process.pid)
        listener: Listener | None = None
        for descriptor in (launcher, signals, ours.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        try:
            while True:
                ready = dict(self._poll.poll(self._patience()))
                if listener and listener.descriptor in ready:
                    self._serve(listener, ready[listener.descriptor])
                if ours.fileno() in ready:
                    self._poll.unregister(ours.fileno())
                    received = _receive_listener(ours)
                    if received is not None:
                        listener = Listener(received)
                        self._poll.register(received, select.POLLIN)
                if signals in ready:
                    self._obey(os.read(signals, 64))
                if launcher in ready:
                    return
                self._watch_the_clock()
        finally:
            os.close(launcher)
            if listener:
                listener.close()

    def _serve(self, listener: Listener, events: int) -> None:
        if not events & select.POLLIN:
            self._poll.unregister(listener.descriptor)
            return
        call = listener.receive()
        if call is None:
            return
        had_started = self.observer.started
        try:
            self.observer.observe(call, listener)
            if self.observer.started and not had_started:
                self._starts(call.thread)
        except OSError as error:
            if not self.observer.started:
                raise _unreadable(error) from None
        try:
            listener.go_on(call)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise UnsupportedError(
                    "this kernel can't let a call go on that was shown to a tracer",
                    hint="whit trace needs Linux 5.5 or newer",
                ) from None
            raise

    def _starts(self, thread: int) -> None:
        self.began = time.monotonic()
        if self._duration is not None and self._deadline is None:
            self._deadline = self.began + self._duration
        with contextlib.suppress(OSError):
            self._program = os.pidfd_open(thread)

    def _patience(self) -> int | None:
        """Milliseconds until something is to be done."""
        return None if self._deadline is None else max(0, int((self._deadline - time.monotonic()) * 1000) + 1)

    def _obey(self, numbers: bytes) -> None:
        for number in numbers:
            if number in ENDING:
                self.stop()
            elif number in PASSED_ON:
                self.process.send_signal(number)

    def _watch_the_clock(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.stop()

    def stop(self) -> None:
        """Ask the program to end; when that was done already, end it."""
        if self.stopped:
            self._deadline = None
            self.kill()
            return
        self.stopped = True
        self._deadline = time.monotonic() + GRACE_SECONDS
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the container: its program, so that the launcher still cleans up; or, where there is none, the launcher."""
        if self._program is None:
            self.process.kill()
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._program, signal.SIGKILL)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.kill()
            self.process.kill()
            self.process.wait()
        if self._program is not None:
            os.close(self._program)
            self._program = None


def _unreadable(error: OSError) -> LaunchError:
    return LaunchError(
        f"the program can't be looked at: {error.strerror}",
        hint="to trace, root needs CAP_SYS_PTRACE; any other user its own programs",
    )


def check_kernel() -> None:
    """Raise :class:`UnsupportedError` where the kernel lacks what looking into a container needs."""
    root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_in_root(root, b"/", follow=True))
    except OSError as error:
        raise UnsupportedError(
            f"whit trace can't look into a container here: openat2: {error.strerror}",
            hint="it needs Linux 5.6 or newer",
        ) from None
    finally:
        os.close(root)


def trace(
    plan: LaunchPlan,
    host: Host,
    duration: float | None,
    stdout: int | None = None,
    unfound: frozenset[str] = frozenset(),
) -> Traced:
    """Run a plan's program under a tracer until it ends, ``duration`` seconds have gone by, or a signal ends it.

    ``stdout`` is where the program's standard output goes, ours unless given. ``unfound`` are calls that are told, too. Raises :class:`UnsupportedError` on a
    kernel without what a trace needs, :class:`LaunchError` where the program may not be looked at.
    """
    check_kernel()
    ours, theirs = socket.socketpair()
    launcher = str(find_launcher())
    with ours, _signals_as_bytes() as signals:
        with theirs:
            watching = trace_filter(host.architecture, unfound, theirs.fileno())
            data = encode(traced(plan, watching, theirs.fileno(), os.getpid()))
            file = os.memfd_create("whit-plan", 0)
            os.write(file, data)
            sys.stdout.flush()
            process = subprocess.Popen(
                [launcher, "_launch", str(file)], pass_fds=(file, theirs.fileno()), stdout=stdout, process_group=0
            )
            os.close(file)
        observer = Observer(host.architecture, user_of(plan, host), unfound)
        session = Session(process, observer, duration)
        try:
            session.run(ours, signals)
            ended = process.wait()
        finally:
            session.close()
            observer.close()
    status = ended if ended >= 0 else SIGNALLED - ended
    started = observer.started and not _failed_to_execute(observer.sightings, status)
    seconds = time.monotonic() - session.began
    return Traced(observer.sightings, status, seconds, started, session.stopped)


def _failed_to_execute(sightings: Sightings, status: int) -> bool:
    """Whether the launcher failed at its very end: the program's start is all that was seen."""
    return sightings.calls == 1 and status in (125, 126, 127)
