"""Dockerfiles mean what they mean to BuildKit: its answers are kept in tests/golden/dockerfile.

``python -m tests.dockerfile.buildkit`` asks BuildKit anew; tests/integration/test_dockerfile_buildkit.py asks for more.
"""

from __future__ import annotations

import pytest

from tests.dockerfile.answers import differs
from tests.dockerfile.buildkit import golden
from tests.dockerfile.questions import QUESTIONS


@pytest.mark.parametrize("kind", QUESTIONS)
def test_the_answers_are_to_these_questions(kind: str) -> None:
    assert [question for question, _ in golden(kind)] == list(QUESTIONS[kind].own)


@pytest.mark.parametrize("kind", QUESTIONS)
def test_each_answer_is_buildkit_s(kind: str) -> None:
    different = [found for question, answer in golden(kind) if (found := differs(kind, question, answer))]
    assert not different, "\n".join(different[:10])
