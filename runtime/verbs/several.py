"""Doing the same to several containers: what failed is told, and doesn't keep the others from it."""

from __future__ import annotations

from whit.packer.console import complain, say
from whit.packer.errors import WhitError
from whit.packer.light import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def each(names: Iterable[str], do: Callable[[str], object]) -> int:
    """Do it to each, and print the name as it was given, or, where there is one, the answer. 1 if anything failed."""
    code = 0
    for name in names:
        try:
            answer = do(name)
        except WhitError as error:
            complain(error)
            code = 1
        else:
            say(name if answer is None else str(answer))
    return code
