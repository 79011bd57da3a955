"""What whit's other verbs make of a bundle: they tell of what is in it, or say that it is a container already."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.bundles import Bundle, folder
from tests.integration.compiled import compiled
from tests.integration.test_bundle_file import flip
from tests.peers import PROJECT
from tests.programs.build import build
from whit.packer.executable.bundled import is_bundle, names_bundle
from whit.runtime import main
from whit.runtime.bundle.form import Place, decode_head, decode_mark, encode_head
from whit.runtime.bundle.reading import opened
from whit.runtime.bundle.sums import add

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.originals import Originals

pytestmark = [pytest.mark.root]
__all__ = ["folder"]


@pytest.fixture
def program() -> Path:
    return compiled(lambda: build("hello", "c-zig"))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("given") / "given"
    path.write_text("given\n")
    return path


@pytest.fixture
def box(originals: Originals, folder: Path, program: Path, given: Path) -> Bundle:
    """A bundle of it with one more file, and the filter of its own calls."""
    return Bundle(originals.copy(folder / "made.run", program, "--seccomp", "auto", "--add", f"{given}:/etc/given"))


def test_inspect_tells_what_is_in_it(run_whit: RunWhit, box: Bundle) -> None:
    assert run_whit("inspect", box.path).stdout == box("--whit-inspect").stdout
    assert run_whit("inspect", "--json", box.path).stdout == box("--whit-inspect", "--whit-json").stdout
    assert run_whit("inspect", "--type", "file", box.path).stdout == box("--whit-inspect").stdout


def test_files_are_counted_without_folders_as_when_it_is_made(box: Bundle) -> None:
    told = json.loads(box("--whit-inspect", "--whit-json").stdout)["files"]
    regular = [file for file in told if file["kind"] == "file"]
    assert len(regular) < len(told)
    assert f"\nfiles       {len(regular)}, " in box("--whit-inspect").stdout


def test_its_attack_surface_is_that_of_what_is_in_it(run_whit: RunWhit, box: Bundle, program: Path) -> None:
    surface = json.loads(run_whit("inspect", "--surface", "--json", box.path).stdout)
    assert surface["name"] == str(box.path)
    assert surface["user"] == "65532:65532"
    told = json.loads(box("--whit-inspect", "--whit-json").stdout)
    assert surface["files"] == len(told["files"])
    # its own calls, not the launcher's; and its filter, not the default one
    own = json.loads(run_whit("inspect", "--surface", "--json", program).stdout)
    assert surface["own_calls"] == own["surface"]["own_calls"]
    calls = {item["name"]: item["parts"][0]["count"] for item in surface["surfaces"]}
    assert calls["whit"] < 100 < calls["docker"]


def test_a_report_is_of_what_is_in_it(run_whit: RunWhit, box: Bundle, folder: Path) -> None:
    done = run_whit("inspect", "--html", folder / "report.html", box.path)
    assert done.returncode == 0, done.stderr
    page = (folder / "report.html").read_text()
    assert "Image of a static" in page
    assert str(box.path) in page


def test_lint_looks_at_what_is_in_it(run_whit: RunWhit, box: Bundle) -> None:
    done = run_whit("lint", box.path)
    assert done.returncode == 0
    assert "image, linux/" in done.stdout
    assert "starts /hello" in done.stdout
    assert "--fix mends files" in run_whit("lint", "--fix", box.path).stderr


@pytest.mark.parametrize("verb", ["run", "create", "pack", "bundle", "plan", "trace", "explain", "syscalls"])
def test_what_makes_a_container_says_that_it_is_one(run_whit: RunWhit, box: Bundle, folder: Path, verb: str) -> None:
    more = {"bundle": ("-o", folder / "other.run"), "explain": ("/etc/passwd",)}.get(verb, ())
    done = run_whit(verb, box.path, *more)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == f"whit: {box.path}: a bundle, which is a container already"
    assert "start it as it is" in done.stderr
    assert not (folder / "other.run").exists()


@pytest.mark.parametrize("words", [("inspect",), ("inspect", "--json"), ("inspect", "--surface"), ("lint",)])
def test_a_damaged_one_is_said_to_be(run_whit: RunWhit, box: Bundle, words: tuple[str, ...]) -> None:
    with opened(str(box.path)) as whole:
        content = next(item.content for item in whole.head.entries if item.content.size)
        places = [whole.head.page.at, whole.head.document.at, content.at, whole.mark.head.at]
    for at in places:
        flip(box.path, at)
    done = run_whit(*words, box.path)
    assert done.returncode != 0
    assert f"{box.path} is damaged" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def forged(whole: Path, page: bytes, document: bytes) -> None:
    """Have a bundle say something else of itself, with all sums right."""
    data = whole.read_bytes()
    mark = decode_mark(data, "it")
    head = decode_head(data[mark.head.at : mark.head.at + mark.head.size], "it")
    body = bytearray(data[: mark.head.at])
    places = []
    for part in (page, document):
        places.append(Place(len(body), len(part), add(0, part)))
        body += part
    body += bytes(-len(body) % 4096)
    new = encode_head(replace(head, page=places[0], document=places[1]))
    changed = replace(mark, size=len(body) + len(new), head=Place(len(body), len(new), add(0, new))).encode()
    body += new
    body[mark.at : mark.at + len(changed)] = changed
    whole.write_bytes(body)


def test_what_a_forged_one_says_of_itself_drives_no_terminal(run_whit: RunWhit, box: Bundle) -> None:
    forged(box.path, b"\x1b[31mred\x07\r\xff\xc2\x9b\nline\tcell\n", '{"a": "\x7f\u009b\u202e"}'.encode())
    for words in (("bundle", "inspect"), ("inspect",)):
        assert run_whit(*words, box.path).stdout == "\\x1b[31mred\\x07\\r\ufffd\\x9b\nline\tcell\n"
        assert run_whit(*words, "--json", box.path).stdout == '{"a": "\\u007f\\u009b\\u202e"}'


@pytest.mark.parametrize(
    "document",
    [b"", b"x", b"[]", b"{}", b'{"files": 1}', b'{"files": [1]}', b'{"files": [{"path": 1}]}', b'{"files": [{"path": "/x", "digest": []}]}', b"[" * 100_000, b"\xff"],
)  # fmt: skip
def test_what_a_forged_one_says_to_programs_is_no_bug_of_whit_s(
    monkeypatch: pytest.MonkeyPatch, whit_root: Path, capfd: pytest.CaptureFixture[str], box: Bundle, document: bytes
) -> None:
    forged(box.path, b"x", document)
    monkeypatch.setenv("WHIT_ROOT", str(whit_root))
    # in this process: that Python starts would take most of the time
    for words in (("bundle", "verify"), ("bundle", "inspect", "--json"), ("inspect", "--surface"), ("lint",)):
        code = main.run([*words, str(box.path)])
        said = capfd.readouterr().err
        assert "bug" not in said
        assert len(said.splitlines()) <= 2
        assert code in {0, 1}


def test_neither_whit_s_launcher_nor_another_program_is_one(program: Path) -> None:
    for path in (PROJECT / ".venv/bin/whit", program):
        assert not names_bundle(str(path))
        assert not is_bundle(path.read_bytes())
    assert not names_bundle("/nonesuch")
    assert not names_bundle("/etc")
