"""The words in which needs are stated: rule, verdict, grade, need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.executable.analysis import Analysis, Evidence, Wanted


class Verdict(StrEnum):
    """Whether the program needs it: always, only if it is configured so, or not."""

    NEEDED = "needed"
    MAYBE = "maybe"
    NOT = "not"


class Grade(StrEnum):
    """How strong the evidence is."""

    CALLED = "called"
    LINKED = "linked"
    MAYBE = "maybe"
    EMBEDDED = "embedded"
    NONE = "none"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Need:
    """One rule's verdict on one executable. ``name`` is one of the names in docs/inspect.md (ca, zones, users …)."""

    name: str
    verdict: Verdict
    grade: Grade
    reason: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One need's rule: what it must know of the executable, and how it judges.

    ``places`` are the paths where programs look for what serves the need; a folder's ends in a slash.
    """

    name: str
    wanted: Wanted
    judge: Callable[[Analysis], Need]
    places: tuple[str, ...] = ()
