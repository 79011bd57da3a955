"""``whit lint``: exit codes, the page, the document, SARIF."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import jsonschema
import pytest
from click.testing import CliRunner

from tests.programs.build import build
from tests.unit.packer.images import write_layout
from tests.unit.packer.test_lint_traces import REAL
from whit.packer.commands.lint import command
from whit.packer.lint import RULES
from whit.packer.lint.model import Finding, Level, Place
from whit.packer.lint.present import page
from whit.packer.lint.report import SCHEMA, document
from whit.packer.lint.sarif import document as sarif
from whit.packer.support.durable import replaceable
from whit.packer.support.errors import InvalidFileError, NotFoundError, StoreError, UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

DOCS = Path(__file__).resolve().parents[3] / "docs"
GOOD = str(build("exit", "c-musl", stripped=True))
SECRET = REAL["GitHub token"].decode()


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(command, [str(word) for word in arguments], catch_exceptions=False, standalone_mode=False)
    return int(done.return_value or 0), done.stdout


def with_secret(path: Path) -> str:
    write_layout(path, [{"exit": (Path(GOOD).read_bytes(), 0o555)}], {"Entrypoint": ["/exit"], "Env": [f"X={SECRET}"]})
    return str(path)


@pytest.mark.parametrize(("level", "code"), [("error", 0), ("warning", 0), ("note", 1), ("never", 0)])
def test_the_exit_code_is_as_strict_as_asked(level: str, code: int) -> None:
    assert run("--fail-on", level, GOOD)[0] == code


def test_an_error_fails_unless_nothing_may(tmp_path: Path) -> None:
    target = with_secret(tmp_path / "image")
    assert run(target)[0] == 1
    assert run("--fail-on", "never", target)[0] == 0
    assert run("--ignore", "secret-in-environment", target)[0] == 0


def test_the_page_says_what_why_and_how_to_mend(tmp_path: Path) -> None:
    code, shown = run(with_secret(tmp_path / "image"))
    lines = shown.splitlines()
    assert code == 1
    assert lines[0].endswith(": image, linux/amd64, 1 file, starts /exit")
    assert lines[1] == "1 error, 1 warning, 2 notes"
    assert "error    A secret is in the image's environment  [secret-in-environment]" in lines
    assert "           X holds a secret: GitHub token" in lines
    assert any(line.startswith("  cure     Leave it out of ENV") for line in lines)
    assert SECRET not in shown


def test_the_page_of_what_is_good() -> None:
    _, shown = run("--ignore", "not-pie", GOOD)
    assert shown.splitlines()[1] == "nothing to mend"


def test_the_page_fits_and_drives_no_terminal() -> None:
    hostile = [
        Finding(
            "x",
            Level.ERROR,
            "t",
            "\x1b[2J\x9b\r\nwords " * 30,
            "why " * 60,
            "cure " * 60,
            "https://x",
            Place("\x1b]0;x"),
        )
    ] * 12
    shown = click.unstyle("\n".join(page("\x1b[31m\udcff", "about", hostile, 60)))
    assert all(char.isprintable() for char in shown if char != "\n")
    assert "and 4 more" in shown
    assert max(map(len, shown.splitlines())) <= 60


def valid(found: Any) -> Any:
    schema = json.loads((DOCS / "lint.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema, cls=jsonschema.Draft202012Validator)
    return found


def test_the_document_is_what_its_schema_says(tmp_path: Path) -> None:
    found = valid(json.loads(run("--json", with_secret(tmp_path / "image"))[1]))
    assert found["schema"] == SCHEMA == "whit-lint/1"
    assert (found["kind"], found["failed"], found["fixed"]) == ("image", True, None)
    assert found["counts"] == {"error": 1, "warning": 1, "note": 2}
    valid(json.loads(run("--json", GOOD)[1]))
    described = (DOCS / "lint.md").read_text()
    for member in found:
        assert f"`{member}`" in described


EXAMPLE = [Finding("token", Level.ERROR, "t", "w", "y", "c", "https://x", Place("/a b\udcff", "sha256:1", None, 77))]


def test_bytes_that_are_no_text_are_escaped() -> None:
    found = valid(document("x\udcff", "image", EXAMPLE, failed=True))
    assert found["name"] == "x\\xff"
    assert found["findings"][0]["where"]["path"] == "/a b\\xff"


def conforms(log: dict[str, Any]) -> None:
    """What SARIF 2.1.0 asks of the members that lint writes, section by section.

    The whole schema isn't here: it was used when this was written, and tests reach no network.
    """
    assert log["version"] == "2.1.0"  # 3.13.2
    (one,) = log["runs"]
    driver = one["tool"]["driver"]  # 3.18.2
    rules = driver["rules"]
    assert driver["name"]
    assert len({rule["id"] for rule in rules}) == len(rules)  # 3.19.23
    for rule in rules:  # 3.49
        assert all(rule[member]["text"] for member in ("shortDescription", "fullDescription", "help"))
        assert rule["helpUri"].startswith("https://")
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
    for result in one["results"]:  # 3.27
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert uri.isascii()
            assert " " not in uri
            region = location["physicalLocation"].get("region")
            assert region is None or (region["byteOffset"] >= 0 and region["byteLength"] > 0)  # 3.30.11
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())


def test_sarif(tmp_path: Path) -> None:
    log = json.loads(run("--sarif", "-", with_secret(tmp_path / "image"))[1])
    conforms(log)
    assert [rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]] == [rule.id for rule in RULES]
    target = tmp_path / "found.sarif"
    _, shown = run("--sarif", target, GOOD)
    conforms(json.loads(target.read_text()))
    assert "exit: static C program" in shown


def test_sarif_places() -> None:
    log = sarif("my image", "image", EXAMPLE, "1")
    conforms(log)
    (result,) = log["runs"][0]["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20image/a%20b%FF"},
        "region": {"byteOffset": 77, "byteLength": 1},
    }
    assert sarif("/x/y", "file", [], "1")["runs"][0]["artifacts"][0]["location"]["uri"] == "file:///x/y"


def test_a_fingerprint_outlives_a_new_build() -> None:
    def prints(offset: int) -> Any:
        moved = [
            Finding(
                "token", Level.ERROR, "t", "w", "y", "c", "https://x", Place("/a", f"sha256:{offset}", None, offset)
            )
        ]
        return sarif("x", "image", moved, "1")["runs"][0]["results"][0]["partialFingerprints"]

    assert prints(1) == prints(2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("--ignore", "root-usr", GOOD), UsageError, "no such rule"),
        (("--json", "--sarif", "-", GOOD), UsageError, "both write"),
        (("--strip-symbols", GOOD), UsageError, "goes with --fix"),
        (("-o", "x", GOOD), UsageError, "goes with --fix"),
        (("--fix", "--try", "'", GOOD), UsageError, "--try"),
        (("--fix", str(build("hello", "wasm-wat"))), UnsupportedError, "this is WebAssembly"),
        (("/usr",), InvalidFileError, "not an OCI image layout"),
        (("./absent",), NotFoundError, "no such file"),
        (("/dev/null",), InvalidFileError, "a device"),
        ((__file__,), InvalidFileError, "a text file"),
    ],
)
def test_what_can_not_be_done(arguments: Iterable[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(*arguments)


def test_an_image_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIT_ROOT", str(tmp_path / "root"))
    from whit.packer.commands.pack import command as pack  # noqa: PLC0415 - the store's place is set now

    assert CliRunner().invoke(pack, [GOOD, "-t", "me/exit:1"], catch_exceptions=False).exit_code == 0
    code, shown = run("--json", "me/exit:1")
    found = valid(json.loads(shown))
    assert (code, found["kind"]) == (0, "image")
    assert {finding["id"] for finding in found["findings"]} == {"missing-labels", "not-pie"}
    with pytest.raises(NotFoundError, match="no image"):
        run("me/other")
    with pytest.raises(UsageError, match="mends files"):
        run("--fix", "me/exit:1")


def test_what_is_no_file_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    # given a FIFO that somebody reads, as /dev/stdout may be
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        # when SARIF goes there
        run("--sarif", fifo, GOOD)
        # then it comes through, and the FIFO is still one
        assert os.read(reader, 1)
    finally:
        os.close(reader)
    assert fifo.is_fifo()


def test_sarif_behind_a_link_leaves_the_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    run("--sarif", tmp_path / "link", GOOD)
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "file").read_text())["version"] == "2.1.0"


def test_a_mended_file_never_takes_the_place_of_a_device(tmp_path: Path) -> None:
    # given what root could replace: /dev/null, or a FIFO
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    unstripped = build("exit", "c-musl")
    for place in (fifo, Path("/dev/null")):
        with pytest.raises(StoreError, match="not a regular file"):
            replaceable(place)
    # when --fix shall write there, then it says no
    with pytest.raises(StoreError, match="not a regular file"):
        run("--fix", "--no-run", "-o", fifo, unstripped)
    assert fifo.is_fifo()


def test_where_an_output_can_not_be_written_the_store_is_not_to_blame(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't write") as refused:
        run("--sarif", tmp_path / "file" / "x", GOOD)
    assert "WHIT_ROOT" not in (refused.value.hint or "")
