"""A part of ``make proof`` that takes little time: programs at work, strace's word for their calls, and their filter's for them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.integration.straced import Call
from tests.peers import PROJECT
from tests.proof import filters
from tests.proof.corpus import PROGRAMS
from tests.proof.model import Architecture, Asked, Outcome, Proof, Traced, Verdict, Work
from tests.proof.playing import NO_ANSWER, play
from tests.proof.proving import difference, held_against, undone
from whit.packer.syscalls.found import Entry, Findings, Place, Way

SCHEMA = json.loads((PROJECT / "docs" / "proof.schema.json").read_text())
QUICK = (
    "breadth-c-musl-stripped",
    "fresh-words-c-glibc",
    "everything-go-stripped",
    "net-rust-stripped-pie",
    "bash-static",
)


@pytest.mark.root
@pytest.mark.peer("strace", "ip", "unshare", "busybox-static", "bash-static", "openssl")
def test_programs_call_what_was_found_and_work_under_the_filter_of_it() -> None:
    command = [sys.executable, "-m", "tests.proof", "--json", *QUICK]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600)

    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMA)
    proofs = document["programs"]
    assert {proof["name"] for proof in proofs} | {left["name"] for left in document["left_out"]} == set(QUICK)
    assert [line for proof in proofs for line in proof["lines"]] == []
    assert {
        (proof["unknown"], proof["enforced"], proof["older_kernel"], proof["newer_kernel"]) for proof in proofs
    } == {(0, "holds", "holds", "holds")}
    assert done.returncode == 0


def test_a_call_that_was_not_found_ends_the_program(tmp_path: Path) -> None:
    """That the question can be answered with no: otherwise nothing is proven."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "filter").write_bytes(filters.nothing_else(frozenset({"read"}), Architecture.AMD64))
    command: list[str | Path] = [
        filters.loader(),
        str(filters.START),
        tmp_path / "filter",
        "--",
        "/bin/busybox",
        "true",
    ]

    outcome = play(command, Work(), folder, Path("/bin/busybox").stat().st_size)

    assert outcome.status == 159
    assert difference(Outcome("", 0, ""), outcome, Work()) == "status 159, not 0"


def test_calls_that_were_not_found_or_not_there_are_told() -> None:
    read, write, close, exit_group, site = 0, 1, 3, 231, 0x1000
    ways = tuple(Way(number, (Place(site, ""),)) for number in (read, write))
    found = Findings("amd64", 100, (Entry(Place(site, ""), ways), Entry(Place(site + 16, ""), ways[:1])), (), ())
    calls = frozenset(
        {Call(read, site), Call(write, site), Call(write, site + 16), Call(close, site), Call(exit_group, site)}
    )
    seen = Traced(frozenset({read, write, close}), calls)

    proof = held_against(Proof(PROGRAMS[0]), [seen], found)

    assert proof.traced is Verdict.FAILS
    assert set(proof.lines) == {
        "write at 0x1010 isn't what was found there",
        "close at 0x1000 isn't what was found there",
        "close is called and wasn't found",
    }


def test_work_that_is_not_done_proves_nothing() -> None:
    asked = Work(("serve",), asked=Asked(80, lambda _: ""))

    assert undone(Outcome("", 1, ""), Work(("a", "b"))) == "a b: status 1, not 0"
    assert undone(Outcome("", 0, f"{NO_ANSWER}: nobody listens"), asked) == f"serve: {NO_ANSWER}: nobody listens"
    assert undone(Outcome("", None, "200 well"), asked) == ""


def test_programs_have_names_of_their_own_and_are_of_five_languages() -> None:
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
    assert {"C", "Go", "Rust", "Nim", "Zig"} <= {program.language for program in PROGRAMS}
    assert {program.architecture for program in PROGRAMS} == {Architecture.AMD64, Architecture.ARM64}
