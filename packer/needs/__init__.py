"""What a program needs beside itself: one rule a file, each from evidence to a verdict.

A new rule is a file here with a ``RULE``, and its line in :data:`RULES`.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from whit.packer.executable.analysis import Format, Linkage, Wanted
from whit.packer.needs import (
    ca,
    dlopen,
    dns,
    exec,  # noqa: A004 - the need's name
    gconv,
    groups,
    home,
    locale,
    localtime,
    mime,
    observed,
    services,
    shm,
    syslog,
    temp,
    term,
    users,
    zones,
)
from whit.packer.needs.facts import OF_HOST, maybe, not_needed, reads_go_names, unless_hidden
from whit.packer.needs.model import Grade, Verdict

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.needs.model import Need, Rule

RULES: tuple[Rule, ...] = (
    ca.RULE,
    zones.RULE,
    localtime.RULE,
    users.RULE,
    groups.RULE,
    dns.RULE,
    services.RULE,
    mime.RULE,
    temp.RULE,
    exec.RULE,
    shm.RULE,
    term.RULE,
    syslog.RULE,
    locale.RULE,
    gconv.RULE,
    dlopen.RULE,
    home.RULE,
)
"""Every rule, in the order in which verdicts are shown."""

DETAILS: Wanted = functools.reduce(operator.or_, (rule.wanted for rule in RULES), observed.WANTED)
"""All that can be asked of an executable, for people who want to know."""

WANTED: Wanted = DETAILS.without_arguments
"""All that verdicts depend on: what one pass over the file has to answer before something is packed."""


def judge_all(analysis: Analysis) -> tuple[Need, ...]:
    """Every rule's verdict on an executable that was analysed with :data:`WANTED`.

    A WebAssembly file needs nothing of its own, as what its host doesn't hand to it doesn't exist for it; but of an image's
    certificates its host makes use. Of a dynamic executable only its own code is seen, so what isn't found there is "maybe".
    """
    if analysis.format is not Format.ELF:
        others = (not_needed(rule.name, OF_HOST) for rule in RULES if rule is not ca.RULE)
        return (ca.judge_webassembly(analysis), *others)
    needs = tuple(rule.judge(analysis) for rule in RULES)
    if analysis.linkage is Linkage.DYNAMIC and not reads_go_names(analysis):
        return tuple(_unless_a_library_does(need) for need in needs)
    return tuple(unless_hidden(need, analysis) for need in needs)


def _unless_a_library_does(need: Need) -> Need:
    if need.verdict is Verdict.NOT and need.grade is Grade.NONE:
        return maybe(need.name, "its own code doesn't, but its libraries, which aren't looked into, may")
    return need
