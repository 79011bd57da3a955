"""What BuildKit's oracle is asked, by the name of the file that keeps its answers (tests/golden/dockerfile)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.dockerfile import building, checking, corpus, ignoring, randombuilds, words
from tests.dockerfile.planning import answered_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SEED = 7
_ODD = re.compile(r"<<-?\s*\$\{")
"""BuildKit's lexer forgets what stands before ``${x:-y}`` in a word, and so takes none of these for a here-document."""

Question = dict[str, Any]


def _same(answer: Question) -> Question:
    return answer


@dataclass(frozen=True)
class Questions:
    """One kind: what all of them have, each one's own, and the form in which answers are kept and compared."""

    common: Question
    own: tuple[Question, ...]
    kept: Callable[[Question], Question] = field(default=_same)

    def kept_answer(self, answer: Question) -> Question:
        """As it is kept: of an error only that there is one."""
        failed = answer.get("error") or answer.get("failed", "")
        # With error=true a check's findings fail the build, and are there all the same.
        return {"error": failed} if failed and "lint violation" not in failed else self.kept(answer)


def parsed(texts: Iterable[str]) -> Questions:
    """Files to be parsed."""
    return Questions({"op": "parse"}, tuple({"text": text} for text in texts if not _ODD.search(text)))


def expanded(asked: Iterable[tuple[str, dict[str, object]]]) -> Questions:
    """Words to be expanded, each with a way of reading it."""
    common = {"op": "word", "env": words.VARIABLES, "escape": "\\"}
    return Questions(common, tuple({"text": word, **way} for word, way in asked))


def ignored(texts: Iterable[str]) -> Questions:
    """Files of .dockerignore, tried on some paths."""
    return Questions({"op": "ignore", "paths": ignoring.PATHS}, tuple({"text": text} for text in texts))


def evaluated(asked: Iterable[tuple[str, Question]]) -> Questions:
    """Files to be evaluated, with what goes with them."""
    own = tuple({"text": text, **wishes} for text, wishes in asked)
    return Questions({"op": "evaluate", "images": building.IMAGES}, own, answered_plan)


def checked(asked: Iterable[tuple[str, Question]]) -> Questions:
    """Files to be checked."""
    own = tuple({"text": text, **wishes} for text, wishes in asked)
    return Questions(
        {"op": "lint", "images": building.IMAGES}, own, lambda answer: {"warnings": sorted(answer["warnings"])}
    )


def _ways() -> Iterator[tuple[str, dict[str, object]]]:
    """Every word as it is read most, and a part of them in each other way."""
    yield from ((word, words.WAYS[0]) for word in words.WORDS)
    for number, way in enumerate(words.WAYS[1:]):
        yield from ((word, way) for word in words.WORDS[number::4])
    yield from ((word, words.WAYS[0]) for word in words.generated(_SEED, 150))


QUESTIONS = {
    "parse": parsed((*corpus.files(), *corpus.generated(_SEED, 150))),
    "words": expanded(_ways()),
    "ignore": ignored((*ignoring.FILES, *ignoring.generated(_SEED, 100))),
    "evaluate": evaluated((*((text, {}) for text in building.FILES), *building.WISHES)),
    "checks": checked((text, {}) for text in checking.CHECKED),
}
"""What is kept; ``make slow`` asks for many more."""


def generated(seed: int, count: int) -> dict[str, Questions]:
    """Random ones of each kind."""
    builds = [
        (text, {name: one[name] for name in one if name != "text"})
        for one in randombuilds.generated(seed, count)
        for text in [one["text"]]
    ]
    # BuildKit checks the stages that the target doesn't need without the ONBUILD instructions of their bases.
    plain = [(text, wishes) for text, wishes in builds if "FROM triggers" not in text and "ONBUILD" not in text]
    ways = words.WAYS
    return {
        "parse": parsed(corpus.generated(seed, count)),
        "words": expanded((word, ways[number % len(ways)]) for number, word in enumerate(words.generated(seed, count))),
        "ignore": ignored(ignoring.generated(seed, count)),
        "evaluate": evaluated(builds),
        "checks": checked(plain),
    }
