"""The words in which values are asked for: demands, and what a step from one leads to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from whit.packer.syscalls.locations import Location, Operation


class Inside(NamedTuple):
    """The function at ``entry`` is looked into, because of the call at ``site``."""

    site: int
    entry: int


Handed = tuple[tuple[int, frozenset[int]], ...]
"""Function → the calls that hand it a pointer; sorted."""


class Through(NamedTuple):
    """The calls through a pointer to a function, and those that handed the pointer on. What is handed on together with it is what it is called with."""

    calls: tuple[int, ...]
    handed: Handed


class Demand(NamedTuple):
    """The value of ``location`` before the instruction at ``address``, with ``operations`` done to it afterwards."""

    address: int
    location: Location
    operations: tuple[Operation, ...] = ()
    inside: tuple[Inside, ...] = ()
    handed: Handed = ()


class Lost(NamedTuple):
    """Something unknown, and the address of the instruction where it was met."""

    address: int
    reason: str


class Value(NamedTuple):
    """A constant, and the address of the instruction that says it."""

    address: int
    number: int


Step = Demand | Value | Lost


@dataclass
class Values:
    """All that a demand's value can be, each with the way from where it is said, or lost, to where it is asked for.

    ``ended``: addresses that nothing leads to.
    """

    ways: dict[int, tuple[int, ...]] = field(default_factory=dict)
    lost: dict[Lost, tuple[int, ...]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
