"""The list of lint's rules in docs/lint.md, made from the registry: ``python -m tests.lint_rules`` writes it anew."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tests.peers import PROJECT
from whit.packer.lint import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whit.packer.lint.model import Rule

DOCS = PROJECT / "docs" / "lint.md"
BEGIN, END = "<!-- rules: made by tests/lint_rules.py -->", "<!-- end of rules -->"
WIDTH = 120


def rules_text() -> str:
    """Every rule with its level, why and cure, family by family."""
    lines: list[str] = []
    for family, rules in FAMILIES:
        lines += [f"### {family}", ""]
        for rule in rules:
            lines += [*_rule(rule), ""]
    return "\n".join(lines)


def _rule(rule: Rule) -> Iterator[str]:
    about = " and ".join(kind for kind, judge in (("files", rule.program), ("images", rule.image)) if judge)
    yield f"**`{rule.id}`** ({rule.level}, {about}): {rule.title}."
    yield from textwrap.wrap(rule.why, WIDTH, break_on_hyphens=False)
    yield from textwrap.wrap(f"*Cure:* {rule.cure}", WIDTH, break_on_hyphens=False)
    yield f"*More:* <{rule.source}>"


def with_rules(page: str) -> str:
    """The page with its list of rules replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{rules_text()}\n{END}{after}"


if __name__ == "__main__":
    DOCS.write_text(with_rules(DOCS.read_text()))
