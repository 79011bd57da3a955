"""Pieces that a thread makes while others are used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.ahead import ahead, used_beside

if TYPE_CHECKING:
    from collections.abc import Iterator


def numbers(made: list[int], most: int = 100, fails_at: int = -1) -> Iterator[bytes]:
    for number in range(most):
        if number == fails_at:
            raise ValueError(number)
        made.append(number)
        yield b"%d" % number


def test_pieces_come_in_their_order_and_errors_where_they_are_used() -> None:
    assert list(ahead(numbers([]))) == [b"%d" % number for number in range(100)]
    found: list[bytes] = []
    with pytest.raises(ValueError, match="30"):
        found.extend(ahead(numbers([], fails_at=30)))
    assert list(ahead(iter(()))) == []


def test_whoever_stops_early_stops_the_thread() -> None:
    made: list[int] = []
    pieces = ahead(numbers(made, most=1_000_000))
    assert next(pieces) == b"0"
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert len(made) < 100
    assert threading.active_count() == 1


def test_pieces_are_used_by_two_at_once() -> None:
    seen: list[bytes] = []
    assert list(used_beside(numbers([]), seen.extend)) == seen == [b"%d" % number for number in range(100)]


def test_what_the_other_says_ends_it() -> None:
    def refuse(pieces: Iterator[bytes]) -> None:
        raise ValueError(next(pieces))

    def refuse_in_the_end(pieces: Iterator[bytes]) -> None:
        raise ValueError(list(pieces)[-1])

    for refusing, last in ((refuse, "0"), (refuse_in_the_end, "99")):
        with pytest.raises(ValueError, match=last):
            list(used_beside(numbers([]), refusing))
        assert threading.active_count() == 1


def test_the_other_may_leave_off_and_both_end_with_who_makes_the_pieces() -> None:
    assert len(list(used_beside(numbers([]), next))) == 100
    with pytest.raises(ValueError, match="30"):
        list(used_beside(numbers([], fails_at=30), list))
    pieces = used_beside(numbers([], most=1_000_000), list)
    assert next(pieces) == b"0"
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert threading.active_count() == 1
