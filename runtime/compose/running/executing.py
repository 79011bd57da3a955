"""Steps in their order, as many at once as that allows. What fails keeps back those that come after it, and nobody else."""

from __future__ import annotations

import threading

from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING, StrEnum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from whit.runtime.compose.graph.model import Step

AT_ONCE = 16
"""Threads, where nobody says how many."""


class Phase(StrEnum):
    """What becomes of a step."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    LEFT = "left"


class StaysError(WhitError):
    """What can't go, since others need it: that is told, and no failure."""


if TYPE_CHECKING:
    Heard = Callable[[Step, Phase, WhitError | None], None]
    """What is told of each step, in one thread at a time."""


class Executor:
    """Does steps. One thread alone where nothing can be done beside anything else."""

    def __init__(self, act: Callable[[Step], object], heard: Heard, at_once: int = 0) -> None:
        self._act, self._heard, self._at_once = act, heard, at_once if at_once > 0 else AT_ONCE
        self._changed = threading.Condition()
        self._done: set[str] = set()
        self._failed: set[str] = set()
        self._waiting: list[Step] = []
        self._busy = 0
        self._broken: BaseException | None = None
        self.errors: list[WhitError] = []

    def run(self, steps: Sequence[Step]) -> None:
        """Do all of them. Raises the first error when nothing can be done any more; whatever else is raised at once."""
        self._waiting = list(steps)
        try:
            for _ in range(min(self._at_once, len(steps)) - 1):
                threading.Thread(target=self._work, daemon=True).start()
            self._work()
            with self._changed:
                # in short pieces, so that a signal is heard
                while self._busy and self._broken is None:
                    self._changed.wait(0.2)
        except BaseException as error:
            # Nobody begins anything more.
            self._broken = error
            raise
        if self._broken is not None:
            raise self._broken
        if self.errors:
            raise self.errors[0]

    def _work(self) -> None:
        while (step := self._next()) is not None:
            try:
                self._act(step)
            except WhitError as error:
                self._end(step, error)
            except BaseException as error:
                with self._changed:
                    self._broken = self._broken or error
                    self._busy -= 1
                    self._changed.notify_all()
                if threading.current_thread() is threading.main_thread():
                    raise
                return
            else:
                self._end(step, None)

    def _next(self) -> Step | None:
        """A step that can be done now, once there is one; None when there won't be any."""
        with self._changed:
            while self._broken is None:
                self._leave_out()
                step = next((one for one in self._waiting if self._done.issuperset(one.after)), None)
                if step is not None:
                    self._waiting.remove(step)
                    self._busy += 1
                    self._heard(step, Phase.BEGUN, None)
                    return step
                if not self._waiting:
                    return None
                self._changed.wait(0.2)
            return None

    def _leave_out(self) -> None:
        for step in [one for one in self._waiting if not self._failed.isdisjoint(one.after)]:
            self._waiting.remove(step)
            (self._done if step.tolerant else self._failed).add(step.key)
            self._heard(step, Phase.LEFT, None)
            self._leave_out()
            return

    def _end(self, step: Step, error: WhitError | None) -> None:
        with self._changed:
            self._busy -= 1
            if error is None or step.tolerant or isinstance(error, StaysError):
                self._done.add(step.key)
            else:
                self._failed.add(step.key)
                self.errors.append(error)
            self._heard(step, Phase.DONE if error is None else Phase.FAILED, error)
            self._changed.notify_all()
