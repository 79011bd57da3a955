"""The program ``whit``: one command line, one exit code. Here alone errors are shown.

Command lines in their plainest form are answered at once (plain.py). Whatever else is typed goes to click (cli.py), whose
import takes longer than all that ``whit ps`` or ``whit stop`` do.
"""

from __future__ import annotations

import gc
import os
import sys

# Its C part alone: the module around it makes enumerations of all signals.
from _signal import (  # type: ignore[import-not-found]  # typeshed has none of it
    ITIMER_REAL,
    SIG_DFL,
    SIG_IGN,
    SIG_UNBLOCK,
    SIGALRM,
    SIGHUP,
    SIGINT,
    SIGTERM,
    default_int_handler,
    getsignal,
    pthread_sigmask,
    setitimer,
    signal,
)

from whit.packer.showing.console import complain, output_error, tell
from whit.packer.support.errors import ExitCode, ReaderGoneError, WhitError, as_whit_error
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.plain import plain_call

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

PRINTING = "click.utils"
"""The module that writes what commands print, beside whit's own."""

FOLLOWING = frozenset({"logs", "events", "stats", "wait", "attach"})
"""Verbs that watch until a person has seen enough."""

COLLECTING = 100_000
"""Objects that a plain command makes, before Python looks which of them are of no use any more."""

SOON = 0.001
"""Seconds after which an interruption that Python dropped is raised again."""

ENDING = {SIGTERM: "SIGTERM", SIGHUP: "SIGHUP"}
"""Signals that by themselves would end Python where it is, with what it had begun left behind."""


class EndedError(BaseException):
    """A signal asks the command to end: like KeyboardInterrupt, so that on its way out everything is taken back."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> NoReturn:
    """The process: one command, and its exit code. Nothing of Python's is taken down: that would be an eighth of a short command's time."""
    sys.unraisablehook = _raise_again
    code = run(sys.argv[1:])
    tell("")
    os._exit(code)


def run(arguments: list[str]) -> int:
    """Run one command; its exit code, once all that it printed has been written."""
    told = False
    try:
        # the native program has it wait from before Python starts
        pthread_sigmask(SIG_UNBLOCK, (SIGINT,))
        _heed_signals()
        code = _answer(arguments)
    except (KeyboardInterrupt, EndedError) as end:
        _unheed_signals()
        number = end.number if isinstance(end, EndedError) else SIGINT
        # How people end what goes on: docker says nothing then.
        if FOLLOWING.isdisjoint(arguments[:2]):
            tell(f"whit: {f'ended by {ENDING[number]}' if number in ENDING else 'interrupted'}\n")
        code = 128 + number
    except (BrokenPipeError, ReaderGoneError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except Exception as error:
        if os.environ.get("WHIT_TRACEBACK"):
            raise
        known = as_whit_error(error)
        in_docker_s_range = known.exit_code >= ExitCode.RUNTIME_FAILURE
        runs = arguments[:1] == ["run"]
        code = ExitCode.RUNTIME_FAILURE if runs and not in_docker_s_range else known.exit_code
        complain(_of_output(error) or known)
        told = True
    _unheed_signals()
    return _flushed(code, told=told)


def _heed_signals() -> None:
    """Have what should end the command raise :class:`EndedError`; what is ignored, as nohup has it, stays so."""
    for number in ENDING:
        if getsignal(number) == SIG_DFL:
            signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    # Who is told twice, by a terminal and by a service manager, still takes back all.
    for other in ENDING:
        signal(other, SIG_IGN)
    raise EndedError(number)


def _raise_again(dropped: sys.UnraisableHookArgs) -> None:
    """Raise once more, a little later, what a signal raised in a callback of Python's own, as of a weak reference.

    Nothing can be raised out of those: Python says that it ignored it, and the command would go on.
    """
    end = dropped.exc_value
    if not isinstance(end, (KeyboardInterrupt, EndedError)):
        sys.__unraisablehook__(dropped)
        return

    def raise_it(_: int, __: FrameType | None) -> None:
        raise end

    signal(SIGALRM, raise_it)
    setitimer(ITIMER_REAL, SOON)


def _unheed_signals() -> None:
    """Nothing is left to be taken back: what is still to be printed may end at once."""
    setitimer(ITIMER_REAL, 0)
    for number in (*ENDING, SIGINT):
        if getsignal(number) in {_end, default_int_handler}:
            signal(number, SIG_DFL)


def _answer(arguments: list[str]) -> int:
    # completion asks click what could follow, and says so in the environment
    completes = "_WHIT_COMPLETE" in os.environ
    if arguments[:1] == ["compose"] and not completes:
        composed = _composed(arguments[1:])
        if composed is not None:
            return composed
    call = None if completes else plain_call(arguments)
    if call is None:
        from whit.runtime import cli  # noqa: PLC0415 - with click

        return cli.answer(arguments)
    # Most end before there is anything to collect.
    gc.set_threshold(COLLECTING)
    verb = __import__(call.module, fromlist=(call.verb,))
    code: int | None = getattr(verb, call.verb)(**call.values)
    return code or 0


def _composed(words: list[str]) -> int | None:
    """The exit code of a verb of ``whit compose`` in its usual form; None where click has to read it."""
    from whit.runtime.compose.plainwords import VARIABLES, read  # noqa: PLC0415 - other verbs need none of it

    found = None if any(os.environ.get(name) for name in VARIABLES) else read(words)
    if found is None:
        return None
    gc.disable()
    from whit.runtime.compose import verbs  # noqa: PLC0415 - as above

    more = {"build": _build} if found.verb == "up" else {}
    code: int | None = getattr(verbs, found.verb)(found.chosen, **more, **found.values)
    return code or 0


def _build(words: list[str]) -> None:
    """``whit build`` with these words, for what a Compose file has built."""
    from whit.runtime import cli  # noqa: PLC0415 - with click

    cli.build_image(words)


def _of_output(error: Exception) -> WhitError | None:
    """The error in words if printing raised it: by itself it doesn't say what couldn't be written."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    printing = trace is not None and trace.tb_frame.f_globals.get("__name__") == PRINTING
    return output_error(error) if printing and isinstance(error, OSError) else None


def _flushed(code: int, *, told: bool) -> int:
    """The exit code when all that was printed has been written; if it can't be, as on a full disk, that is told once."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What Python still holds goes nowhere, or it would try again when it ends and show a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not (told or isinstance(error, BrokenPipeError)):
            complain(output_error(error))
        return code or ExitCode.FAILURE
    return code
