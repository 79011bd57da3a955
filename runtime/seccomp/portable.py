"""Filter → one of the same meaning for runtimes that use libseccomp (runc, crun), where no order of rules counts. Pure.

libseccomp refuses rules of one call that overlap and differ in what they do ("file exists"). So of a call whose
arguments decide only what is allowed is said, each rule cut by the refusals that stand before it here; anything else gets the
filter's default answer in place of its own error number.
"""

from __future__ import annotations

from whit.packer.support.light import TYPE_CHECKING
from whit.runtime.seccomp.model import ALLOW, Condition, Filter, Operator, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    Pattern = dict[int, tuple[int, int]]
    """Argument → (mask, value): those bits of it have to be so."""


def portable(filter_: Filter) -> Filter:
    """The filter, so that rules of one call don't overlap with different actions. Its conditions are EQ and MASKED_EQ."""
    by_name: dict[str, list[Rule]] = {}
    for rule in filter_.rules:
        for name in rule.names:
            by_name.setdefault(name, []).append(rule)
    grouped: dict[tuple[Rule, ...], list[str]] = {}
    for name, rules in by_name.items():
        grouped.setdefault(tuple(_alone(tuple(rules))), []).append(name)
    made = tuple(Rule(tuple(names), rule.action, rule.conditions) for rules, names in grouped.items() for rule in rules)
    return Filter(filter_.default, filter_.architectures, made)


def _alone(rules: tuple[Rule, ...]) -> Iterator[Rule]:
    """The rules of one call, without its name."""
    if not rules[0].conditions:
        yield Rule((), rules[0].action)
        return
    refused: list[Pattern] = []
    for rule in rules:
        pattern = _pattern(rule)
        if rule.action != ALLOW:
            refused.append(pattern)
            continue
        left = [pattern]
        for other in refused:
            left = [rest for one in left for rest in _without(one, other)]
        yield from (Rule((), ALLOW, _conditions(one)) for one in left)
        if not rule.conditions:
            return


def _pattern(rule: Rule) -> Pattern:
    full = 0xFFFF_FFFF_FFFF_FFFF
    return {one.index: (one.mask if one.operator is Operator.MASKED_EQ else full, one.value) for one in rule.conditions}


def _conditions(pattern: Pattern) -> tuple[Condition, ...]:
    return tuple(
        Condition(index, Operator.MASKED_EQ, value, mask) for index, (mask, value) in sorted(pattern.items()) if mask
    )


def _without(one: Pattern, other: Pattern) -> Iterator[Pattern]:
    """What of a pattern is outside of another: for each bit that the other wants, what differs there and agrees before."""
    agreed = dict(one)
    for index, (mask, value) in other.items():
        for bit in reversed(range(64)):
            if not mask >> bit & 1:
                continue
            known, wanted = agreed.get(index, (0, 0))
            if not known >> bit & 1:
                yield {**agreed, index: (known | 1 << bit, wanted | (~value & 1 << bit))}
                agreed[index] = (known | 1 << bit, wanted | value & 1 << bit)
            elif (wanted ^ value) >> bit & 1:
                yield agreed
                return
