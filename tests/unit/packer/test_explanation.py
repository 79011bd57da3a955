"""Why a path is in an image, or why it isn't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from click.testing import CliRunner

from tests.programs.build import build
from tests.unit.packer.analyses import PROGRAM, go, host, native
from whit.packer.commands.explain import command
from whit.packer.executable.analysis import Argument
from whit.packer.image.spec import EntryKind, PackOptions, image_spec
from whit.packer.needs.model import Verdict
from whit.packer.resolution.resolve import resolve
from whit.packer.showing.explanation import Explanation, explain, holds_only, wanted_for

if TYPE_CHECKING:
    from whit.packer.executable.analysis import Analysis

CLIENT = go("crypto/x509.loadSystemRoots", "net/http.(*Transport).dialConn", strings=((b"/etc/mime.types", 77),))
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "explain.schema.json").read_text())


def why(path: str, analysis: Analysis = CLIENT) -> Explanation:
    resolution = resolve(analysis, host=host())
    return explain(path, analysis, resolution, image_spec("server", PROGRAM, analysis, resolution, PackOptions()))


def test_a_file_is_there_for_a_need_whose_evidence_is_told() -> None:
    found = why("/etc/ssl/certs/ca-certificates.crt")
    assert (found.kind, found.origin) == (EntryKind.FILE, "certifi 2026.10.18")
    assert found.need
    assert (found.need.name, found.need.verdict) == ("ca", Verdict.NEEDED)
    assert [fact.detail for fact in found.need.evidence][-1] == "crypto/x509.loadSystemRoots"
    assert found.source == "/site/certifi/cacert.pem"


def test_what_is_not_there_is_told_by_the_need_that_would_bring_it() -> None:
    found = why("/usr/share/zoneinfo/Europe/Berlin")
    assert not found.is_there
    assert found.need
    assert (found.need.name, found.need.verdict, found.reason) == ("zones", Verdict.NOT, found.need.reason)


def test_a_name_that_stands_in_the_program_is_shown_with_its_place() -> None:
    assert [(fact.detail, fact.offset) for fact in why("/etc/mime.types").named] == [("/etc/mime.types", 77)]
    assert wanted_for("/etc/mime.types").always == {b"/etc/mime.types", b"mime.types"}
    assert wanted_for("/bin/sh").always == {b"/bin/sh"}


def test_a_call_that_is_handed_the_name_is_shown_with_its_caller() -> None:
    call = Argument("os.ReadFile", "/etc/app/config.yaml", 99, "main.run")
    named = why("/etc/app/config.yaml", go(arguments=(call,))).named
    assert [(fact.detail, fact.offset) for fact in named] == [('os.ReadFile("/etc/app/config.yaml") in main.run', 99)]


def test_nothing_asks_for_what_no_rule_knows() -> None:
    found = why("/opt/data")
    assert (found.is_there, found.need) == (False, None)
    assert "/opt/data" in found.reason


def test_a_folder_stands_there_for_what_is_in_it() -> None:
    found = why("/etc")
    assert holds_only(found)
    assert found.below == 5
    assert not holds_only(why("/tmp"))


def test_the_program_itself_is_explained() -> None:
    found = why("/server")
    assert (found.reason, found.source, found.named) == ("the program", PROGRAM.path, ())


@pytest.mark.parametrize("path", ["/proc", "/proc/1/status", "/dev/null", "/etc/hosts", "/etc/resolv.conf"])
def test_what_the_runtime_gives_is_told_apart(path: str) -> None:
    assert why(path).at_run_time
    assert not why("/etc/hostsx").at_run_time


def test_a_string_in_a_native_program_is_evidence() -> None:
    found = why("/etc/services", native(b"/etc/services"))
    assert found.need
    assert found.need.verdict is Verdict.MAYBE


@pytest.mark.parametrize(("path", "code"), [("/etc/passwd", 0), ("/nowhere", 1), ("//etc/../etc/passwd", 0)])
def test_the_command_s_exit_code_tells_whether_it_is_there(path: str, code: int) -> None:
    program = build("hello", "c-musl")
    ran = CliRunner().invoke(command, [str(program), path], standalone_mode=False)
    assert ran.return_value == code
    document = CliRunner().invoke(command, ["--json", str(program), path], standalone_mode=False).output
    jsonschema.validate(json.loads(document), SCHEMA)


def test_the_root_is_always_there() -> None:
    assert holds_only(why("/"))
