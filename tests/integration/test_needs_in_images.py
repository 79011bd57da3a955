"""Programs that use what a rule gives them say the same in whit's image as directly; all of them: make corpus."""

from __future__ import annotations

import pytest

from tests.corpus.needs import differences, judged
from tests.corpus.truth import TUNED
from whit.packer.needs.model import Verdict

SAMPLE = {
    ("needs-groups", "go"),
    ("needs-users", "c-glibc"),
    ("needs-services", "c-glibc"),
    ("needs-protocols", "c-glibc"),
    ("needs-zones", "c-musl"),
    ("needs-temp", "c-musl"),
    ("needs-zones", "rust"),
    ("needs-ca", "rust"),
}


@pytest.mark.peer("go", "gcc", "musl-gcc", "rustc")
@pytest.mark.parametrize(("name", "language"), sorted(SAMPLE))
def test_it_says_the_same_in_its_image(name: str, language: str) -> None:
    [known] = [known for known in TUNED if known.name == name and language in known.languages]
    programs = [program for program in judged(known) if program.form.startswith(language)]

    assert len(programs) == 2
    assert differences(programs) == []


@pytest.mark.peer("rustc")
def test_no_need_of_a_rust_program_is_missed() -> None:
    programs = [program for known in TUNED if known.languages == ("rust",) for program in judged(known)]
    missed = [
        f"{program.known.name} ({program.form}): {need.name}"
        for program in programs
        for need in program.needs
        if need.name in program.known.needs and need.verdict is Verdict.NOT
    ]

    assert programs
    assert missed == []
