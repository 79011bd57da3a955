"""What is wrong with an executable or an image, or could be better: one file a family of rules, each with its cure.

A new rule is a ``Rule`` in one of the files' ``RULES``; docs/lint.md lists them all and is tested to be in step.
Everything here is pure but ``fetch`` and ``archived``, which read images, and ``fix``, which writes a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.lint import beside, config, files, golang, hardening, process, secrets, size, surface
from whit.packer.lint.model import ORDER, Finding, Place
from whit.packer.needs import WANTED as _NEEDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from whit.packer.lint.image import Image
    from whit.packer.lint.model import Found, Level, Program, Rule

FAMILIES: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Secrets and traces of the build", secrets.RULES),
    ("Hardening", hardening.RULES),
    ("How the image runs", config.RULES),
    ("What it needs beside it", beside.RULES),
    ("As a process in a container", process.RULES),
    ("Go", golang.RULES),
    ("Files in the image", (*files.RULES, *surface.RULES)),
    ("Size", size.RULES),
)
"""Every rule, by family, in the order in which findings of one level are shown."""

RULES: tuple[Rule, ...] = tuple(rule for _, rules in FAMILIES for rule in rules)

WANTED = _NEEDS | process.WANTED
"""All that the rules ask of an executable."""


def lint_program(program: Program, ignore: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings on an executable by itself, worst first. ``ignore`` are rules' ids."""
    return _sorted(_on_program(program, ignore))


def lint_image(image: Image, ignore: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings on an image and on the program that it starts, worst first."""
    found = [
        _finding(rule, seen, Place())
        for rule in RULES
        if rule.image and rule.id not in ignore
        for seen in rule.image(image)
    ]
    if image.main is not None:
        found += _on_program(image.main, ignore)
    return _sorted(found)


def _on_program(program: Program, ignore: Collection[str]) -> Iterator[Finding]:
    for rule in RULES:
        if rule.program and rule.id not in ignore:
            for seen in rule.program(program):
                yield _finding(rule, seen, program.place)


def _finding(rule: Rule, seen: Found, whole: Place) -> Finding:
    level, cure = seen.level or rule.level, seen.cure or rule.cure
    return Finding(rule.id, level, rule.title, seen.what, rule.why, cure, rule.source, seen.where or whole)


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    places = {rule.id: number for number, rule in enumerate(RULES)}
    return tuple(sorted(findings, key=lambda finding: (ORDER.index(finding.level), places[finding.id])))


def count(findings: Iterable[Finding], level: Level) -> int:
    """How many findings are of a level."""
    return sum(finding.level is level for finding in findings)


def fails(findings: Iterable[Finding], threshold: Level | None) -> bool:
    """Whether any finding is at the threshold or above; None is a threshold that nothing reaches."""
    return threshold is not None and any(ORDER.index(found.level) <= ORDER.index(threshold) for found in findings)
