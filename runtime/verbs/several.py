"""Doing the same to several containers: what failed is told, and doesn't keep the others from it."""

from __future__ import annotations

from whit.packer.showing.console import complain, say
from whit.packer.support.errors import WhitError
from whit.packer.support.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Do = Callable[[str], object]
    Pardoned = tuple[type[WhitError], ...]

AT_ONCE = 16
"""How many are worked on at the same time by :func:`each_at_once`."""


def each(names: Sequence[str], do: Do, pardoned: Pardoned = ()) -> int:
    """Do it to each, and print the name as it was given, or, where there is one, the answer. 1 if anything failed.

    Errors of the kinds that are ``pardoned`` are told, and are no failure.
    """
    return _told(names, (_tried(do, name) for name in names), pardoned)


def each_at_once(names: Sequence[str], do: Do, pardoned: Pardoned = ()) -> int:
    """The same where each waits for something: all at once, told in the order of the names."""
    # Who names one twice means it to be done twice, one after the other.
    if len(names) == 1 or len(set(names)) < len(names):
        return each(names, do, pardoned)
    return _told(names, _together(names, do), pardoned)


def _told(names: Iterable[str], answers: Iterator[object], pardoned: Pardoned) -> int:
    code = 0
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, WhitError):
            complain(answer)
            code = code if isinstance(answer, pardoned) else 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            say(name if answer is None else str(answer))
    return code


def _tried(do: Do, name: str) -> object:
    """The answer, or what was raised."""
    try:
        return do(name)
    except WhitError as error:
        return error


def _together(names: Sequence[str], do: Do) -> Iterator[object]:
    """The answers in the order of the names, each as soon as it and those before it are there."""
    import threading  # noqa: PLC0415 - one alone needs none

    answers: list[object] = [None] * len(names)
    done = [threading.Event() for _ in names]
    left = iter(range(len(names)))

    def work() -> None:
        for number in left:
            try:
                answers[number] = do(names[number])
            except BaseException as error:  # noqa: BLE001 - it is raised where it is told
                answers[number] = error
            done[number].set()

    # They are left where they are when a person interrupts.
    for _ in range(min(AT_ONCE, len(names))):
        threading.Thread(target=work, daemon=True).start()
    for number, event in enumerate(done):
        event.wait()
        yield answers[number]
