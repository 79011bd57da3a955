"""``whit lint --fix`` from end to end, and what lint says of signals, tried on the kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.peers import PROJECT
from tests.programs.build import build

if TYPE_CHECKING:
    from tests.conftest import RunWhit


def copy(program: Path, folder: Path, name: str = "server") -> Path:
    """A copy of one's own: --fix writes beside it."""
    copied = folder / name
    copied.write_bytes(program.read_bytes())
    copied.chmod(0o755)
    return copied


def fixed(run_whit: RunWhit, *arguments: str | Path) -> dict[str, Any]:
    done = run_whit("lint", "--fix", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    schema = json.loads((PROJECT / "docs" / "lint.schema.json").read_text())
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    assert document["fixed"] is None or isinstance(document["fixed"], dict)
    return dict(document["fixed"] or {})


@pytest.mark.parametrize(
    ("name", "language", "options"),
    [
        ("hello", "go", {}),
        ("hello", "rust", {}),
        ("hello", "c-glibc", {"flags": ("-g",), "pie": True}),
    ],
)
def test_the_mended_program_is_smaller_and_was_seen_to_run(
    run_whit: RunWhit, tmp_path: Path, name: str, language: str, options: dict[str, Any]
) -> None:
    program = copy(build(name, language, **options), tmp_path)
    before = program.read_bytes()

    done = fixed(run_whit, program)

    new = Path(done["path"])
    assert new == tmp_path / "server.fixed"
    assert done["ran"], done["tried"]
    assert "exit status 0 and the same output" in done["tried"]
    assert done["size_after"] == new.stat().st_size < done["size_before"] == len(before)
    assert program.read_bytes() == before
    assert new.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_dir()) == ["server", "server.fixed"]
    ran = [subprocess.run([path], capture_output=True, check=True).stdout for path in (program, new)]
    assert ran[0] == ran[1]


def test_what_is_left_is_told_and_nothing_is_written_twice(run_whit: RunWhit, tmp_path: Path) -> None:
    program = copy(build("hello", "go"), tmp_path)
    out = tmp_path / "out"
    first = run_whit("lint", "--fix", "--strip-symbols", "-o", out, program)
    assert "[debug-info]" not in first.stdout
    assert "[symbol-table]" not in first.stdout
    assert f"Written to {out}" in first.stdout
    again = run_whit("lint", "--fix", "--strip-symbols", "-o", tmp_path / "again", out)
    assert "Nothing was written" in again.stdout
    assert not (tmp_path / "again").exists()


def test_the_file_itself_is_never_written_to(run_whit: RunWhit, tmp_path: Path) -> None:
    program = copy(build("hello", "go"), tmp_path)
    linked = tmp_path / "linked"
    linked.symlink_to(program)
    for output in (program, linked, tmp_path):
        done = run_whit("lint", "--fix", "-o", output, program)
        assert done.returncode == 2
        assert done.stderr.startswith(f"whit: -o {output} is ")
        assert "hint: " in done.stderr


def test_another_machines_program_is_compared_only(run_whit: RunWhit, tmp_path: Path) -> None:
    done = fixed(run_whit, copy(build("hello", "go", arch="s390x"), tmp_path))
    assert not done["ran"]
    assert done["tried"].startswith("not run: ")


def test_nothing_is_run_if_told_so(run_whit: RunWhit, tmp_path: Path) -> None:
    done = fixed(run_whit, "--no-run", copy(build("hello", "go"), tmp_path))
    assert (done["ran"], done["tried"]) == (False, "not run")


def test_a_program_that_runs_on_is_stopped_and_counts_as_running(run_whit: RunWhit, tmp_path: Path) -> None:
    done = fixed(run_whit, copy(build("wait", "go"), tmp_path))
    assert done["ran"]
    assert "both were still running" in done["tried"]


def test_an_executable_stack_is_cleared_only_if_asked(run_whit: RunWhit, tmp_path: Path) -> None:
    program = copy(build("stack", "c-musl", flags=("-g", "-Wl,-z,execstack")), tmp_path)
    kept = run_whit("lint", "--fix", "-o", tmp_path / "kept", program)
    assert kept.returncode == 1
    assert "[executable-stack]" in kept.stdout
    cleared = run_whit("lint", "--fix", "--clear-executable-stack", "-o", tmp_path / "cleared", program)
    # The program prints its stack's rights: it behaves as before, and what it prints is what was mended.
    assert "[executable-stack]" not in cleared.stdout
    assert "output that differs" in cleared.stdout
    assert subprocess.run([tmp_path / "cleared"], capture_output=True, text=True, check=True).stdout == "rw-p\n"


def test_a_full_or_forbidden_folder_leaves_nothing(run_whit: RunWhit, tmp_path: Path) -> None:
    program = copy(build("hello", "go"), tmp_path)
    done = run_whit("lint", "--fix", "-o", tmp_path / "absent" / "x", program)
    assert done.returncode == 1
    assert done.stderr.startswith("whit: ")
    assert len(done.stderr.splitlines()) <= 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["server"]


@pytest.mark.root
@pytest.mark.parametrize(
    ("language", "name", "status"),
    [
        ("c-musl", "wait", None),
        ("rust", "wait", None),
        ("nim", "wait", None),
        ("c-musl", "wait-handled", 0),
        ("go", "wait", 2),
    ],
)
def test_what_sigterm_does_to_a_first_process(language: str, name: str, status: int | None) -> None:
    """The grounds of the rules ignores-sigterm and abrupt-end: the process is the first of its PID namespace."""
    program = build(name, language)
    child = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", program], stderr=subprocess.DEVNULL)
    try:
        first = _child_of(child.pid)
        _wait_until_asleep(first)
        os.kill(first, signal.SIGTERM)
        try:
            ended: int | None = child.wait(1.0 if status is None else 20.0)
        except subprocess.TimeoutExpired:
            ended = None
    finally:
        child.kill()
        child.wait()
    assert ended == status


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for _ in range(400):
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.01)
    pytest.fail("unshare started nothing", pytrace=False)


def _wait_until_asleep(pid: int) -> None:
    """Until the program has started and waits: before that nothing can have been handled."""
    for _ in range(1000):
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if name != "unshare" and state == "S":
            return
        time.sleep(0.01)
    pytest.fail("the program didn't come to wait", pytrace=False)
