"""BuildKit itself, asked about many Dockerfiles: built once from the Go proxy, so all of it is slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.dockerfile.answers import differs
from tests.dockerfile.buildkit import asked, golden, oracle_program, running_oracle
from tests.dockerfile.questions import QUESTIONS, generated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.dockerfile.buildkit import Oracle

pytestmark = [pytest.mark.slow, pytest.mark.peer("go")]
COUNT = 1500


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    program = oracle_program()
    if program is None:
        lacking("BuildKit's packages can't be had from the Go proxy")
    else:
        with running_oracle(program) as running:
            yield running


@pytest.mark.parametrize("kind", QUESTIONS)
def test_what_is_kept_is_what_buildkit_answers(oracle: Oracle, kind: str) -> None:
    for (question, answer), (_, now) in zip(golden(kind), asked(QUESTIONS[kind], oracle), strict=True):
        assert ("error" in answer) == ("error" in now), question
        assert "error" in answer or answer == now, question


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_random_ones_are_answered_alike(oracle: Oracle, kind: str, seed: int) -> None:
    found = [differs(kind, question, answer) for question, answer in asked(generated(seed, COUNT)[kind], oracle)]
    different = [text for text in found if text]
    assert not different, "\n".join(different[:10])
