"""Whit's answers to the questions that BuildKit is asked, in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.dockerfile import ignoring, words
from tests.dockerfile.building import IMAGES
from tests.dockerfile.planning import told_checks, told_plan
from tests.dockerfile.telling import told
from whit.packer.buildfile.dockerfile.ignorefile import Matched, parse_ignore_file
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.buildfile.dockerfile.words import Reading, expand
from whit.packer.support.errors import WhitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whit.packer.buildfile.dockerfile.ignorefile import IgnoreRules

Question = dict[str, Any]


def _expanded(question: Question) -> Question:
    reading = Reading(
        question.get("escape", "\\"),
        question.get("rawquotes", False),
        question.get("rawescapes", False),
        question.get("skipquotes", False),
        question.get("skipunset", False),
    )
    found = expand(question["text"], words.VARIABLES, reading)
    return {
        "text": found.text,
        "words": list(found.words),
        "used": sorted(found.used),
        "missing": sorted(found.missing),
    }


def _ignored(question: Question) -> Question:
    rules = parse_ignore_file(question["text"].encode())
    return {
        "ignored": "".join(str(int(rules.ignores(path))) for path in ignoring.PATHS),
        "walked": "".join(str(int(walked(rules, path))) for path in ignoring.PATHS),
    }


def walked(rules: IgnoreRules, path: str) -> bool:
    """Whether a walk from the top passes the path over."""
    parts, above, is_ignored = path.split("/"), Matched(), False
    for count in range(len(parts)):
        is_ignored, above = rules.step("/".join(parts[: count + 1]), above)
    return is_ignored


ANSWERS: dict[str, Callable[[Question], Question]] = {
    "parse": lambda question: told(question["text"]),
    "words": _expanded,
    "ignore": _ignored,
    "evaluate": lambda question: told_plan({"images": IMAGES, **question}),
    "checks": lambda question: {"warnings": told_checks({"images": IMAGES, **question})},
}


def differs(kind: str, question: Question, answer: Question) -> str:
    """How whit's answer differs from BuildKit's; the empty text where it doesn't."""
    try:
        ours = ANSWERS[kind](question)
    except (WhitError, Fault) as error:
        return "" if "error" in answer else f"{question}: refused: {error.message}"
    if "error" in answer:
        return f"{question}: BuildKit refuses it: {answer['error']}"
    wrong = [name for name in answer if ours[name] != answer[name] and not _is_odd(kind, name, question)]
    return "".join(f"{question}: {name}:\n  whit     {ours[name]}\n  BuildKit {answer[name]}\n" for name in wrong)


def _is_odd(kind: str, name: str, question: Question) -> bool:
    """BuildKit's lexer forgets what stands before ``${x:-y}`` in a word when it splits words."""
    return kind == "words" and name == "words" and "${" in question["text"]
