"""What a program can do as a process it can do as WebAssembly: the same source as both, in the same box, says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.compiled import compiled
from tests.programs.build import build
from tests.programs.components import command_component

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = pytest.mark.usefixtures("wasm_engine")


def made(form: str) -> Path:
    """tests/programs/c/breadth.c, as a module or as a component."""
    module = compiled(lambda: build("breadth", "wasm-c"))
    return compiled(lambda: command_component(module, "breadth")) if form == "component" else module


@pytest.mark.parametrize(("form", "code"), [("module", 42), ("component", 1)])
def test_files_folders_links_times_waits_clocks_and_random_numbers_are_a_process_s(
    run_whit: RunWhit, form: str, code: int
) -> None:
    """Given one source as a process and as WebAssembly, when each call of it is told, then all are told the same.

    Positions, holes, appending, listing of folders larger than a buffer, renames over what is there, links that dangle and
    that go in circles, times to the nanosecond, polling of pipes and of time: 139 lines. A component's code is 0 or 1.
    """
    box = ("run", "-i", "--network", "none", "--tmpfs", "/data:mode=1777")
    process = run_whit(*box, build("breadth", "c-zig"), "/data", stdin="a line\n")
    ran = run_whit(*box, made(form), "/data", stdin="a line\n")
    assert process.returncode == 42
    assert len(process.stdout.splitlines()) >= 139
    assert ran.stdout.splitlines() == process.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (code, process.stderr)


@pytest.mark.parametrize("form", ["module", "component"])
def test_a_volume_is_the_same_folder_to_both(run_whit: RunWhit, tmp_path: Path, form: str) -> None:
    """Given a folder of the host's, when a process and WebAssembly have used it, then neither leaves anything or finds anything odd."""
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o777)
    box = ("run", "-i", "--network", "none", "-v", f"{folder}:/data")
    process = run_whit(*box, build("breadth", "c-zig"), "/data", stdin="a line\n")
    ran = run_whit(*box, made(form), "/data", stdin="a line\n")
    assert ran.stdout.splitlines() == process.stdout.splitlines()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("form", ["module", "component"])
def test_what_is_read_only_is_so_to_both(run_whit: RunWhit, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    box = ("run", "-i", "--network", "none", "-v", f"{folder}:/data:ro")
    # wasmtime's files have no EROFS: it is told as EIO.
    for program, told in ((build("breadth", "c-zig"), "Read-only file system"), (made(form), "I/O error")):
        ran = run_whit(*box, program, "/data", stdin="a line\n")
        assert ran.stdout.startswith(f"create: {told}\n")
    assert list(folder.iterdir()) == []
