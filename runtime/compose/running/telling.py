"""How it goes, on standard error: docker's plain lines, a line of JSON each, or a live tree on a terminal."""

from __future__ import annotations

import contextlib
import os
import sys

from whit.packer.showing.console import has_colours, tell
from whit.packer.support.errors import ExitCode, WhitError
from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.compose.graph.model import Kind
from whit.runtime.compose.running.executing import Executor, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from whit.runtime.compose.commands.chosen import Chosen
    from whit.runtime.compose.graph.model import Step
    from whit.runtime.compose.running.executing import Heard

_WORDS = {
    Kind.NETWORK: ("Network", "Creating", "Created"),
    Kind.RENEW_NETWORK: ("Network", "Recreating", "Recreated"),
    Kind.REMOVE_NETWORK: ("Network", "Removing", "Removed"),
    Kind.VOLUME: ("Volume", "Creating", "Created"),
    Kind.REMOVE_VOLUME: ("Volume", "Removing", "Removed"),
    Kind.CREATE: ("Container", "Creating", "Created"),
    Kind.TAKE_PLACE: ("Container", "Recreating", "Recreated"),
    Kind.PREPARE: ("Service", "Preparing", "Prepared"),
    Kind.START: ("Container", "Starting", "Started"),
    Kind.STOP: ("Container", "Stopping", "Stopped"),
    Kind.KILL: ("Container", "Killing", "Killed"),
    Kind.REMOVE: ("Container", "Removing", "Removed"),
    Kind.WAIT: ("Service", "Waiting", "Ready"),
}
_MARKS = {Phase.BEGUN: "⠿", Phase.DONE: "✔", Phase.FAILED: "✘", Phase.LEFT: "-"}
_COLOURS = {Phase.BEGUN: "33", Phase.DONE: "32", Phase.FAILED: "31", Phase.LEFT: "2"}


def run_steps(act: Callable[[Step], object], steps: Sequence[Step], chosen: Chosen) -> None:
    """Do the steps, and tell of it; or tell alone, where nothing is to be done. Raises the first error, with the exit code 1."""
    if chosen.dry:
        for step in in_order(steps):
            what, word = words_of(step, Phase.DONE)
            tell(f" DRY-RUN MODE -  {what}  {word}\n")
        return
    heard = teller(
        chosen.progress, steps, colours=chosen.ansi == "always" or (chosen.ansi != "never" and has_colours())
    )
    with failing_with_one():
        Executor(act, heard, chosen.parallel).run(steps)


def in_order(steps: Sequence[Step]) -> Iterator[Step]:
    """Each step after those that it waits for, else as they were thought of."""
    left, done = list(steps), set[str]()
    while left:
        step = next((one for one in left if done.issuperset(one.after)), left[0])
        left.remove(step)
        done.add(step.key)
        yield step


@contextlib.contextmanager
def failing_with_one() -> Iterator[None]:
    """Have what fails end the command with 1, as docker compose's do, whatever ``whit run`` says of the same."""
    try:
        yield
    except WhitError as error:
        error.exit_code = ExitCode.FAILURE
        raise


def teller(mode: str, steps: Sequence[Step], *, colours: bool = True) -> Heard:
    """Who tells of the steps: ``auto`` (a tree on a terminal, else lines), ``tty``, ``plain``, ``json``, ``quiet``."""
    if mode == "quiet":
        return lambda _step, _phase, _error: None
    if mode == "json":
        return once_left(tell_json)
    if mode == "tty" or (mode == "auto" and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"):
        return Tree(steps, colours=colours)
    return once_left(tell_line)


def once_left(heard: Heard) -> Heard:
    """Have each container, network or volume be told of as left out once, and not at all where it is what has failed."""
    known: set[str] = set()

    def hear(step: Step, phase: Phase, error: WhitError | None) -> None:
        what = words_of(step, phase)[0]
        if phase is Phase.LEFT and (what in known or step.kind in {Kind.WAIT, Kind.PREPARE}):
            return
        if phase in {Phase.LEFT, Phase.FAILED}:
            known.add(what)
        heard(step, phase, error)

    return hear


def words_of(step: Step, phase: Phase) -> tuple[str, str]:
    """(what it is about, what is happening to it), in docker's words."""
    what, doing, done = _WORDS[step.kind]
    name = step.name or step.service
    word = {Phase.BEGUN: doing, Phase.DONE: done, Phase.FAILED: "Error", Phase.LEFT: "Left out"}[phase]
    if step.kind is Kind.WAIT and phase is Phase.DONE and step.condition:
        word = {"service_healthy": "Healthy", "service_completed_successfully": "Exited"}.get(step.condition, "Started")
    is_service = step.kind in {Kind.WAIT, Kind.PREPARE}
    return f"{what if step.name or is_service else 'Container'} {name}", word


def tell_line(step: Step, phase: Phase, error: WhitError | None) -> None:
    """`` Container shop-web-1  Started``."""
    what, word = words_of(step, phase)
    tell(f" {what}  {word}{f': {error.message}' if error else ''}\n")


def tell_json(step: Step, phase: Phase, error: WhitError | None) -> None:
    """A document a line: ``id``, ``status`` (Working, Done, Error), ``text``; docs/compose.md."""
    import json  # noqa: PLC0415 - for this form alone

    what, word = words_of(step, phase)
    status = {Phase.BEGUN: "Working", Phase.DONE: "Done"}.get(phase, "Error")
    document = {"id": what, "status": status, "text": word, **({"details": error.message} if error else {})}
    tell(f"{json.dumps(document, ensure_ascii=False)}\n")


class Tree:
    """What is being done, and below each thing that waits what it waits for; drawn anew where it is."""

    def __init__(self, steps: Sequence[Step], *, colours: bool = True) -> None:
        self._steps = {step.key: step for step in steps}
        self._phases: dict[str, Phase] = {}
        self._errors: dict[str, str] = {}
        self._drawn = 0
        self._colours = colours

    def __call__(self, step: Step, phase: Phase, error: WhitError | None) -> None:
        """Draw it with what has changed."""
        self._phases[step.key] = phase
        if error:
            self._errors[step.key] = error.message
        self._draw()

    def _draw(self) -> None:
        lines = self.lines(_width())[-(_height() - 1) :]
        up = f"\033[{self._drawn}A" if self._drawn else ""
        tell(up + "".join(f"\r\033[K{line}\n" for line in lines) + ("\033[J" if len(lines) < self._drawn else ""))
        self._drawn = len(lines)

    def lines(self, width: int) -> list[str]:
        """A line a container, network or volume, by its latest step; who waits says for whom."""
        latest: dict[str, tuple[Step, Phase]] = {}
        for key, step in self._steps.items():
            phase = self._phases.get(key)
            what = words_of(step, Phase.BEGUN)[0]
            if phase is not None and step.kind is not Kind.WAIT:
                latest[what] = (step, phase)
            elif phase is None and step.kind is Kind.START and what not in latest:
                latest[what] = (step, Phase.LEFT)
        done = sum(phase in {Phase.DONE, Phase.FAILED} for phase in self._phases.values())
        found = [f"[+] {done}/{len(self._steps)}"]
        for what, (step, phase) in latest.items():
            waits = self._waits(what)
            word = f"Waiting for {', '.join(waits)}" if waits else words_of(step, phase)[1]
            more = f": {self._errors[step.key]}" if step.key in self._errors else ""
            found.append(self._painted(Phase.BEGUN if waits else phase, f"{what}  {word}{more}"[: width - 4]))
        return found

    def _waits(self, what: str) -> list[str]:
        """What the start of a container waits for: others that aren't ready."""
        start = next(
            (one for one in self._steps.values() if one.kind is Kind.START and words_of(one, Phase.BEGUN)[0] == what),
            None,
        )
        if start is None or start.key in self._phases:
            return []
        left = [self._steps[key] for key in start.after if self._phases.get(key) not in {Phase.DONE, Phase.FAILED}]
        return [_wanted(one) for one in left if one.kind in {Kind.WAIT, Kind.START}]

    def _painted(self, phase: Phase, text: str) -> str:
        line = f" {_MARKS[phase]} {text}"
        return f"\033[{_COLOURS[phase]}m{line}\033[0m" if self._colours else line


def _wanted(step: Step) -> str:
    """``db to be healthy``."""
    words = {"service_healthy": " to be healthy", "service_completed_successfully": " to be done"}
    return f"{step.service}{words.get(step.condition or '', '')}"


def _width() -> int:
    return _size()[0]


def _height() -> int:
    return max(_size()[1], 3)


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal; the usual ones where it doesn't know them."""
    try:
        columns, lines = os.get_terminal_size(2)
    except OSError:
        columns, lines = 0, 0
    return columns or 80, lines or 24
