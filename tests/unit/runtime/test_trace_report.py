"""The report, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from tests.peers import PROJECT
from whit.runtime.trace.calls import Deed
from whit.runtime.trace.known import Cure
from whit.runtime.trace.report import Run, document, page
from whit.runtime.trace.sightings import Address, Execution, Sightings
from whit.runtime.trace.verdict import Findings, ImageFile, Miss, Promotion, Weight, Written

RUN = Run("./server", "/server", ("--port", "80"), 0, stopped=True, seconds=1.25, packable=True)
SCHEMA = json.loads((PROJECT / "docs" / "trace.schema.json").read_text())


def miss(path: str, cure: Cure, weight: Weight = Weight.MISSED, need: str | None = None) -> Miss:
    return Miss(path, weight, ("open",), ("/server",), need, cure)


EVERYTHING = Findings(
    misses=(
        miss("/usr/share/zoneinfo/A", Cure(("--needs", "+zones")), need="zones"),
        miss("/usr/share/zoneinfo/B", Cure(("--needs", "+zones")), need="zones"),
        miss("/etc/app.conf", Cure(("--add", "/etc/app.conf:/etc/app.conf"))),
        miss("/etc/ld.so.preload", Cure(), Weight.PROBED),
        miss("/nowhere", Cure(), Weight.ABSENT),
        miss("/found/elsewhere", Cure(), Weight.SEARCHED),
    ),
    used=(ImageFile("/server", 1_000_000), ImageFile("/etc/passwd", 149, "users")),
    untouched=tuple(ImageFile(f"/usr/share/zoneinfo/{number}", 1000, "zones") for number in range(600)),
    executed=(Execution("/server", there=True, words=("/server",), by=""),),
    written=(Written("/tmp/a", works=True), Written("/var/db", works=False, cure=Cure(text="whit run --tmpfs /var"))),
    unreadable=("/etc/secret",),
    addresses=(
        Address("listen", "tcp", "0.0.0.0", 80),
        Address("connect", "udp", "127.0.0.53", 53),
        Address("connect", "unix", "/var/run/nscd/socket"),
    ),
    promotions=(Promotion("zones", "maybe", "/usr/share/zoneinfo/A"),),
    options=("--needs", "+zones", "--add", "/etc/app.conf:/etc/app.conf"),
)


def text(findings: Findings, run: Run = RUN, width: int | None = None) -> str:
    return "\n".join(page(run, Sightings(calls=42), findings, width))


def test_the_page_says_how_it_ran_what_was_missed_and_what_to_do() -> None:
    said = text(EVERYTHING)

    assert "./server: ran 1.2 s and was ended with status 0; 42 calls watched" in said
    assert "/usr/share/zoneinfo/A and 1 more   zones   --needs +zones" in said
    assert "To add all of it: whit pack ./server --needs +zones --add /etc/app.conf:/etc/app.conf" in said


def test_what_is_many_is_one_line() -> None:
    said = text(EVERYTHING)
    assert "/usr/share/zoneinfo/ (600 files)   600kB   zones" in said
    assert said.count("zoneinfo/5") == 0


def test_what_does_no_harm_is_counted_and_not_listed() -> None:
    said = text(EVERYTHING)
    assert "Looked for in vain without harm: 3 paths" in said
    assert "ld.so.preload" not in said
    assert "nscd" not in said


def test_what_can_t_be_written_says_where_it_could() -> None:
    said = text(EVERYTHING)
    assert "/var/db   it can't be: whit run --tmpfs /var" in said
    assert "/tmp/a   it" not in said


def test_a_low_port_is_told_to_be_one() -> None:
    said = text(EVERYTHING)
    assert "listen    tcp 0.0.0.0:80   (only root, or with --cap-add NET_BIND_SERVICE)" in said
    assert "udp 127.0.0.53:53   (only" not in said


def test_options_that_were_given_already_are_given_again() -> None:
    run = Run("./server", "/server", (), 0, stopped=False, seconds=0.01, packable=True, given=("--needs", "+mime"))
    assert "whit pack ./server --needs +mime --needs +zones" in text(EVERYTHING, run)


def test_an_image_isn_t_packed_again() -> None:
    run = Run("me/server", "/server", (), 0, stopped=False, seconds=0.01, packable=False)
    assert "whit pack" not in text(EVERYTHING, run)


def test_a_run_without_a_miss_says_so() -> None:
    assert text(Findings()).endswith("Nothing is missing that this machine or whit could give.")


def test_nothing_in_a_page_is_for_the_terminal_to_obey() -> None:
    findings = Findings(
        misses=(miss("/\x1b[31m", Cure(("--add", "/x\x1b:/x"))),),
        executed=(Execution("/\x1b", there=False, words=("\x1b]0;",), by=""),),
        written=(Written("/\x07", works=True),),
        addresses=(Address("connect", "unix", "/\x1b"),),
        unreadable=("/\udcff\x1b",),
    )
    run = Run("./\x1b", "/server", (), 0, stopped=False, seconds=1, packable=True)
    said = "".join(line for line in page(run, Sightings(), findings))
    shown = said.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert shown.encode()


@pytest.mark.parametrize("width", [80, 100])
def test_a_page_fits_a_terminal(width: int) -> None:
    lines = text(EVERYTHING, width=width).splitlines()
    assert all(len(line) <= width for line in lines if "whit pack" not in line and "calls watched" not in line)


def test_the_document_is_of_its_schema_and_names_everything() -> None:
    sightings = Sightings(calls=3)
    for path in ("/server", "/bytes/\udcff"):
        seen = sightings.sighting(Deed.OPEN, path)
        assert seen is not None
        seen.there, seen.programs = 1, {"", "/server"}

    report: dict[str, Any] = json.loads(json.dumps(document(RUN, sightings, EVERYTHING)))

    jsonschema.validate(report, SCHEMA)
    assert [len(report[weight]) for weight in ("missed", "absent", "probed", "searched")] == [3, 1, 1, 1]
    assert [item["path"] for item in report["paths"]] == ["/server", "/bytes/\\xff"]
    assert report["listens"] == [{"kind": "tcp", "host": "0.0.0.0", "port": 80}]
    assert len(report["connects"]) == 2
    assert report["pack"] == list(EVERYTHING.options)
