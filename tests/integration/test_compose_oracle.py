"""What whit makes of some thousand Compose files of our own is what docker compose makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.compose.comparing import asked, difference, read, written
from tests.compose.corpus import every
from tests.compose.oracle import compose_program
from tests.conftest import lacking

if TYPE_CHECKING:
    from pathlib import Path

CASES = every()
AT_ONCE = 40


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(0, len(CASES), AT_ONCE))
def test_files_mean_what_they_mean_to_docker_compose(begin: int, tmp_path: Path) -> None:
    program = compose_program() or lacking("docker compose couldn't be built: no Go, or its proxy doesn't answer")
    found = {}
    for case in CASES[begin : begin + AT_ONCE]:
        folder = tmp_path / case.name
        folder.mkdir()
        written(case, folder)
        found[case.name] = difference(case, asked(program, case, folder), read(case, folder))
    assert {name: text for name, text in found.items() if text} == {}


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 500
