"""Programs that use what a rule gives them say the same in whit's image as on a full system; all of them: make corpus."""

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
STRIPPED_ONLY = {
    ("needs-smtp", "go"),
    ("needs-upload", "go"),
    ("needs-system", "c-musl"),
    ("needs-dlopen", "c-glibc"),
    ("needs-syslog", "c-glibc"),
}
"""Roots and names over a peer's TLS, a server and its client, a shell that was given, a library that was, the log."""


@pytest.mark.root
@pytest.mark.peer("go", "gcc", "musl-gcc", "rustc", "busybox", "openssl", "ip")
def test_they_say_the_same_in_their_images() -> None:
    programs = [
        program
        for known in TUNED
        for language in known.languages
        if (known.name, language) in SAMPLE | STRIPPED_ONLY
        for program in judged(known)
        if program.form.startswith(language)
        and ((known.name, language) in SAMPLE or program.form == f"{language}, stripped")
    ]

    assert len(programs) == 2 * len(SAMPLE) + len(STRIPPED_ONLY)
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
