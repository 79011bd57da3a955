"""Parts of a Dockerfile build that need no root: modes, owners, patterns, what is left out, records, what is told."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.packer.buildfile.build.cache import Record, parse_record, step_key
from whit.packer.buildfile.build.exporting import Output, OutputKind, parse_output
from whit.packer.buildfile.build.modes import parse_mode
from whit.packer.buildfile.build.origins import Files, find, has_wildcards
from whit.packer.buildfile.build.owners import parse_owner
from whit.packer.buildfile.build.placing import make_folders
from whit.packer.buildfile.build.progress import Progress
from whit.packer.buildfile.build.reading import secrets
from whit.packer.buildfile.build.selecting import Walk
from whit.packer.buildfile.dockerfile.ignorefile import parse_ignore_file
from whit.packer.buildfile.dockerfile.problems import Fault
from whit.packer.commands.given import pairs
from whit.packer.image.accounts import Accounts
from whit.packer.image.oci import LAYER_GZIP, Descriptor, Layer
from whit.packer.support.errors import InvalidFileError, NotFoundError, UsageError
from whit.packer.tar.tree import Selected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODES = (
    "644",
    "0",
    "4755",
    "u+x",
    "a=rX",
    "go-w",
    "u=rwx,go=rx",
    "u=g,o=u",
    "+t",
    "g+s",
    "ug+s,o-rwx",
    "u=rw,a+X",
    "=",
    "u-s+x",
)


@pytest.mark.parametrize("text", MODES)
@pytest.mark.parametrize("before", [0o644, 0o755, 0o4711, 0o2070, 0o1777, 0])
def test_modes_change_as_chmod_changes_them(text: str, before: int, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(before)
    # With a umask of 0 chmod(1) takes a clause without letters for everybody's.
    subprocess.run(["sh", "-c", 'umask 0; chmod -- "$1" "$2"', "sh", text, file], check=True)
    assert oct(parse_mode(text)(before, False)) == oct(stat.S_IMODE(file.stat().st_mode))


def test_a_folder_counts_as_executable_for_a_capital_x() -> None:
    change = parse_mode("go+X")
    assert (change(0o600, True), change(0o600, False), change(0o700, False)) == (0o611, 0o600, 0o711)


ACCOUNTS = Accounts("root:x:0:0::/root:/bin/sh\napp:x:1000:1001::/:/bin/sh\n", "staff:x:50:\n")


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("7", (7, 7)),
        ("7:8", (7, 8)),
        ("root", (0, 0)),
        ("app", (1000, 1001)),
        ("app:staff", (1000, 50)),
        ("5:staff", (5, 50)),
    ],
)
def test_owners_are_numbers_or_the_image_s_names(text: str, owner: tuple[int, int]) -> None:
    assert parse_owner(text, lambda: ACCOUNTS) == owner


def test_an_owner_that_the_image_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="no user 'nobody'"):
        parse_owner("nobody", lambda: ACCOUNTS)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    for path in ("a.txt", "b.txt", "b.md", "d/c.txt", "d/e/f.txt", "[x]", "d/.hidden"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "out").symlink_to("/etc")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield Files(root, is_context=True, ignore=parse_ignore_file(b"*.md\nd/e\n!d/e/f.txt\n"))
    os.close(root)


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("b.*", ["b.txt"]),
        ("d/*", ["d/.hidden", "d/c.txt", "d/e"]),
        ("**/*.txt", ["a.txt", "b.txt", "d/c.txt", "d/e/f.txt"]),
        ("[[]x]", ["[x]"]),
        ("../a.txt", ["a.txt"]),
        ("/d/../d/c.txt", ["d/c.txt"]),
        (".", [""]),
        ("none*", []),
    ],
)
def test_patterns_mean_what_go_s_match_says_and_never_what_is_ignored(
    files: Files, pattern: str, paths: list[str]
) -> None:
    assert [found.path for found in find(files, pattern)] == paths


@pytest.mark.parametrize("path", ["b.md", "missing", "a.txt/x", "out"])
def test_a_plain_path_must_be_there(files: Files, path: str) -> None:
    with pytest.raises(Fault, match="not found"):
        find(files, path)


def test_a_backslash_takes_a_wildcard_s_meaning() -> None:
    assert [has_wildcards(text) for text in ("a*", "a\\*", "a\\\\*", "[", "plain")] == [True, False, True, True, False]


def test_a_folder_that_is_left_out_is_entered_for_its_exceptions_alone() -> None:
    walk = Walk(parse_ignore_file(b"a\n!a/b\nc\n"))
    asked = [("a", True), ("a/b", False), ("a/x", False), ("c", True), ("d", False)]
    found = [walk.select(path, is_folder=is_folder) for path, is_folder in asked]
    assert found == [Selected.FOR_OTHERS, Selected.YES, Selected.NO, Selected.NO, Selected.YES]
    assert Walk(parse_ignore_file(b"a\n!a/b\n")).enter("a/b/c") is Selected.YES
    assert Walk(parse_ignore_file(b"a\n")).enter("a/b/c") is Selected.NO


def test_folders_are_made_behind_links_within_the_root(tmp_path: Path) -> None:
    (tmp_path / "to").symlink_to("/far/away")
    (tmp_path / "round").symlink_to("round")
    root = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.close(make_folders(root, "/to/../to/x/y", None))
        assert (tmp_path / "far" / "away" / "x" / "y").is_dir()
        with pytest.raises((Fault, OSError)):
            make_folders(root, "/round/x", None)
    finally:
        os.close(root)


def test_a_record_comes_back_as_it_was() -> None:
    layer = Layer(Descriptor(LAYER_GZIP, f"sha256:{'1' * 64}", 5), f"sha256:{'2' * 64}", 10)
    for record in (
        Record("key", "abc", f"sha256:{'3' * 64}", "RUN x", 7, layer, "boot"),
        Record("key", "abc", "", "COPY"),
    ):
        assert parse_record("key", record.to_json()) == record


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"snapshot": "../x"}',
        b'{"snapshot": ""}',
        b'{"snapshot": "a", "base": "x"}',
        b'{"snapshot": "a", "layer": {}}',
    ],
)
def test_a_damaged_record_is_told(data: bytes) -> None:
    with pytest.raises(InvalidFileError):
        parse_record("key", data)


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_an_error(data: bytes) -> None:
    with contextlib.suppress(InvalidFileError):
        parse_record("key", data)


def test_a_key_is_of_all_its_parts() -> None:
    keys = {
        step_key(*parts) for parts in (("a",), ("a", None), ("a", ""), (["a"],), ("a\udcff",), ("a", 1), ("a", "1"))
    }
    assert len(keys) == 7


def test_a_step_s_output_is_told_line_by_line_and_of_a_failed_quiet_one_the_last() -> None:
    told: list[str] = []
    telling = Progress(told.append).begin("[1/2] RUN x")
    telling.output(b"one\ntw")
    telling.output(b"o\r\n\xff\nrest")
    telling.flush()
    shown = "".join(told).splitlines()
    assert shown[0] == "#1 [1/2] RUN x"
    assert [line.split(" ", 2)[2] for line in shown[1:]] == ["one", "two", "\ufffd", "rest"]
    quiet: list[str] = []
    telling = Progress(quiet.append, is_quiet=True).begin("RUN y")
    telling.output(b"why\n")
    assert quiet == []
    telling.failed("it did")
    assert quiet == ["why\n"]
    telling.output(b"x" * 200_000)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("type=local,dest=out", Output(OutputKind.LOCAL, "out")),
        ("type=tar,dest=-", Output(OutputKind.TAR, "-")),
        ("-", Output(OutputKind.TAR, "-")),
        ("x.tar", Output(OutputKind.OCI, "x.tar")),
        ("x/", Output(OutputKind.OCI, "x/", to_layout=True)),
        ("type=docker,dest=x.tar", Output(OutputKind.DOCKER, "x.tar")),
        ("type=image", Output(OutputKind.IMAGE, "")),
    ],
)
def test_outputs_are_docker_s_words(text: str, output: Output) -> None:
    assert parse_output(text) == output


@pytest.mark.parametrize("text", ["type=local", "type=what,dest=x", "dest=x", "type=tar,dest=x,more=1"])
def test_other_outputs_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_output(text)


def test_pairs_and_secrets_are_given_or_the_environment_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN", "env")
    assert pairs(["A=b=c", "GIVEN", "MISSING"], "--build-arg", from_environment=True) == {"A": "b=c", "GIVEN": "env"}
    with pytest.raises(UsageError):
        pairs(["=x"], "--label")
    (tmp_path / "s").write_bytes(b"\0bytes")
    words = [f"id=file,src={tmp_path}/s", "id=var,env=GIVEN", "id=GIVEN", f"type=file,id=typed,source={tmp_path}/s"]
    assert secrets(words) == {"file": b"\0bytes", "var": b"env", "GIVEN": b"env", "typed": b"\0bytes"}
    with pytest.raises(NotFoundError):
        secrets(["id=x,src=/no/such"])
    for wrong in ("src=x", "id=", "id=x,what=y", "id=x,type=z", ""):
        with pytest.raises(UsageError):
            secrets([wrong])
