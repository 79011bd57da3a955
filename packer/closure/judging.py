"""The rules of ``packer/needs`` on a dynamic executable whose libraries were looked into. Pure.

What the program itself imports, it calls: that decides as in a static one. What only a library imports, the program may
or may not reach: then the need is "maybe", and what costs a few kB is given; certificates are given too, since a TLS
client without them fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from whit.packer.closure.imports import LOCAL_TIME, TERMINALS
from whit.packer.executable.analysis import Evidence, EvidenceKind, Libc
from whit.packer.needs import RULES, WANTED
from whit.packer.needs.facts import maybe, needed, present, unless_hidden
from whit.packer.needs.locale import UNIVERSAL
from whit.packer.needs.model import Grade, Need, Verdict

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis
    from whit.packer.needs.model import Rule
    from whit.packer.resolution.model import Imports

_GIVEN_FOR_LIBRARIES = ("ca",)
_CHEAP = ("services", "mime")
_BY_IMPORT = {
    "localtime": (LOCAL_TIME, "uses local time, which is UTC unless /etc/localtime is mounted", Grade.LINKED),
    "zones": (LOCAL_TIME, "reads a time zone only when TZ is set", Grade.MAYBE),
    "term": (TERMINALS, "looks for the terminal's description when it draws a full screen", Grade.MAYBE),
}
"""Needs whose code is a library's, and whose strings stand there: the program's own imports tell."""

_ICONV, _LOCALES = "iconv_open", ("setlocale", "newlocale")


def judge_with(analysis: Analysis, imports: Imports) -> tuple[Need, ...]:
    """Every rule's verdict, in their order."""
    # Whether Go's own names are known stays as it is: rules by these hold only then.
    known = analysis.functions_known or analysis.language.name != "go"
    own = replace(analysis, functions=analysis.functions | (imports.own & WANTED.functions), functions_known=known)
    wider = replace(own, functions=own.functions | (imports.libraries.keys() & WANTED.functions))
    return tuple(unless_hidden(_judge(rule, own, wider, imports), own) for rule in RULES)


def _judge(rule: Rule, own: Analysis, wider: Analysis, imports: Imports) -> Need:
    if own.libc is Libc.GLIBC and rule.name in {"gconv", "locale"}:
        return _judge_glibc(rule, own, imports)
    need = rule.judge(own)
    if need.verdict is Verdict.NEEDED:
        return _called(need, imports)
    if need.verdict is Verdict.NOT and rule.name in _BY_IMPORT:
        names, reason, grade = _BY_IMPORT[rule.name]
        if called := tuple(Evidence(EvidenceKind.SYMBOL, name) for name in names if name in imports.own):
            return maybe(rule.name, reason, called, grade)
    by_libraries = rule.judge(wider)
    new = tuple(fact for fact in by_libraries.evidence if fact not in need.evidence)
    if by_libraries.verdict is Verdict.NOT or not new:
        return need
    evidence = (*need.evidence, *_attributed(new, imports))
    libraries = ", ".join(dict.fromkeys(title for fact in new for title in imports.libraries.get(fact.detail, ())))
    if rule.name in _GIVEN_FOR_LIBRARIES and by_libraries.verdict is Verdict.NEEDED:
        return needed(rule.name, f"{by_libraries.reason}: {libraries}", evidence)
    grade = Grade.LINKED if rule.name in _CHEAP else Grade.MAYBE
    return maybe(rule.name, f"only its libraries ask for it: {libraries}", evidence, grade)


def _called(need: Need, imports: Imports) -> Need:
    """An import is there because the program's code refers to it: nothing that isn't called is imported."""
    calls = any(fact.detail in imports.own for fact in need.evidence)
    return replace(need, grade=Grade.CALLED) if calls and need.grade is Grade.LINKED else need


def _attributed(facts: tuple[Evidence, ...], imports: Imports) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(EvidenceKind.IMPORT, f"{fact.detail} by {imports.libraries[fact.detail][0]}")
        if fact.detail in imports.libraries
        else fact
        for fact in facts
    )


def _judge_glibc(rule: Rule, own: Analysis, imports: Imports) -> Need:
    """Converters and locales, which a dynamic glibc loads from files."""
    names = (_ICONV,) if rule.name == "gconv" else _LOCALES
    if called := tuple(Evidence(EvidenceKind.SYMBOL, name) for name in names if name in imports.own):
        if rule.name == "gconv":
            return needed(rule.name, "converts text by iconv: the most used converters are given", called, Grade.CALLED)
        if own_name := present(own, UNIVERSAL):
            return needed(rule.name, "asks for the locale C.UTF-8: it is given, and no other", (*called, *own_name))
        return maybe(rule.name, "sets a locale if LANG or LC_ALL names one; the image has C alone", called)
    linked = _attributed(tuple(Evidence(EvidenceKind.SYMBOL, n) for n in names if n in imports.libraries), imports)
    if linked:
        return maybe(rule.name, f"only its libraries ask for it: {', '.join(imports.importers(names, ''))}", linked)
    return rule.judge(replace(own, libc=None))
