"""What BuildKit's oracle is asked, by the name of the file that keeps its answers (tests/golden/dockerfile)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.dockerfile import corpus

if TYPE_CHECKING:
    from collections.abc import Iterator

GENERATED = 400
_SEED = 7
_ODD = re.compile(r"<<-?\s*\$\{")
"""BuildKit's lexer forgets what stands before ``${x:-y}`` in a word, and so takes none of these for a here-document."""


def parse_questions(seed: int = _SEED, count: int = GENERATED) -> Iterator[dict[str, Any]]:
    """Files to be parsed."""
    texts = (*corpus.files(), *corpus.generated(seed, count))
    return ({"op": "parse", "text": text} for text in texts if not _ODD.search(text))


QUESTIONS = {"parse": parse_questions}
