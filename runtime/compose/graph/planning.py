"""A plan while it is being made: steps by their keys, in the order in which they were thought of. Pure."""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING, replace
from whit.runtime.compose.graph.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whit.runtime.compose.graph.model import Step


class Plan:
    """Steps without two of one key."""

    __slots__ = ("_steps",)

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}

    def add(self, step: Step) -> str:
        """Its key; a step that is there already is done once, after all that either waits for."""
        known = self._steps.get(step.key)
        after = tuple(dict.fromkeys((*(known.after if known else ()), *step.after)))
        self._steps[step.key] = replace(step, after=after)
        return step.key

    def also_after(self, key: str, others: Iterable[str]) -> None:
        """Have a step that is there wait for more."""
        step = self._steps[key]
        self._steps[key] = replace(step, after=tuple(dict.fromkeys((*step.after, *others))))

    def has(self, key: str) -> bool:
        """Whether such a step is there."""
        return key in self._steps

    def steps(self) -> tuple[Step, ...]:
        """All of them; what a step waits for that isn't to be done is done, and nothing is waited for that no step needs."""
        needed = {key for step in self._steps.values() for key in step.after}
        known = {key: step for key, step in self._steps.items() if step.kind is not Kind.WAIT or key in needed}
        return tuple(replace(step, after=tuple(key for key in step.after if key in known)) for step in known.values())
