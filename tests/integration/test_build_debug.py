"""``whit build --split-debug``: debug information beside the image, found by debuggers; the image is the same as without."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection, SymbolTableSection

from tests.conftest import lacking
from tests.integration.sources import done, write
from tests.peers.registry import docker_registry
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

ARTIFACT = "application/vnd.whit.debug.v1"
GO = {"go.mod": "module example.com/svc\n\ngo 1.21\n", "main.go": "package main\n\nfunc main() {\n\tprintln(1)\n}\n"}
C = {"a.c": '#include <stdio.h>\nint main(void) {\n  return printf("c\\n") != 2;\n}\n'}
RUST = {
    "Cargo.toml": '[package]\nname = "svc"\nversion = "1.0.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n[[package]]\nname = "svc"\nversion = "1.0.0"\n',
    "src/main.rs": 'fn main() {\n    println!("rust");\n}\n',
}
LANGUAGES = {
    "go": ("go", GO, "", ""),
    "c": ("zig", C, "main", "a.c:2"),
    "rust": ("cargo", RUST, "svc::main", "main.rs:2"),
}
"""Tool, sources, a function, and where that is by addr2line; of Go gdb is asked."""


def elf(path: Path) -> ELFFile:
    return ELFFile(io.BytesIO(path.read_bytes()))


def build_id(path: Path) -> str:
    section = elf(path).get_section_by_name(".note.gnu.build-id")
    assert isinstance(section, NoteSection)
    (note,) = section.iter_notes()
    return str(note["n_desc"])


def program_of(run_whit: RunWhit, folder: Path) -> Path:
    done(run_whit, "create", "--name", "made", "svc")
    done(run_whit, "cp", "made:/svc", folder / "program")
    done(run_whit, "rm", "made")
    return folder / "program"


def place_of(function: str, file: Path) -> str:
    """Where debuggers say that a function begins."""
    table = elf(file).get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    symbols = table.iter_symbols()
    address = next(one["st_value"] for one in symbols if one.name == function or _is_rust_s(function, one.name))
    told = subprocess.run(["addr2line", "-e", file, hex(address)], capture_output=True, text=True, check=True)
    return told.stdout.strip().partition(" (")[0]


def _is_rust_s(function: str, symbol: str) -> bool:
    """Mangled, the parts of a path stand each behind its length."""
    parts = function.split("::")
    return len(parts) > 1 and "".join(f"{len(part)}{part}" for part in parts) in symbol


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_beside_the_image_which_is_the_same_as_without(run_whit: RunWhit, tmp_path: Path, language: str) -> None:
    """Given an image whose debug information is attached, when that is written into a folder, then it is the program's, by its build ID."""
    tool, sources, function, place = LANGUAGES[language]
    if locate(tool) is None:
        lacking(f"{tool} isn't installed; tests/setup.sh peers installs it")
    folder = write(tmp_path / "svc", sources)
    plain = json.loads(done(run_whit, "build", "--json", "-t", "svc", folder, timeout=600))
    split = json.loads(done(run_whit, "build", "--json", "--split-debug", "-t", "svc", folder, timeout=600))
    assert split["digest"] == plain["digest"]
    assert [one["type"] for one in split["attached"]] == [ARTIFACT]
    wanted = ("referrers", "svc", "--json", "--debug-into", tmp_path / "debug")
    (name,) = json.loads(done(run_whit, *wanted))["files"]
    identity = build_id(program_of(run_whit, tmp_path))
    assert name == f".build-id/{identity[:2]}/{identity[2:]}.debug"
    file = tmp_path / "debug" / name
    assert build_id(file) == identity
    text = elf(file).get_section_by_name(".text")
    assert text is not None
    assert text["sh_type"] == "SHT_NOBITS"
    assert not function or place_of(function, file).endswith(place)


def test_gdb_finds_it_by_the_build_id(run_whit: RunWhit, tmp_path: Path) -> None:
    gdb = shutil.which("gdb")
    if gdb is None or locate("go") is None:
        lacking("gdb or Go isn't installed; tests/setup.sh peers installs them")
    done(run_whit, "build", "--split-debug", "-t", "svc", write(tmp_path / "svc", GO), timeout=600)
    done(run_whit, "referrers", "svc", "--debug-into", tmp_path / "debug")
    program = program_of(run_whit, tmp_path)
    words: list[str | Path] = [
        gdb,
        "-batch",
        "-iex",
        f"set debug-file-directory {tmp_path}/debug",
        "-ex",
        "info line main.main",
        program,
    ]
    told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert "main.go" in told.stdout, told.stderr


@pytest.mark.peer("docker-registry", "go")
def test_it_goes_along_to_a_registry_and_comes_from_there(run_whit: RunWhit, tmp_path: Path) -> None:
    folder = write(tmp_path / "svc", GO)
    with docker_registry(tmp_path / "registry") as peer:
        name = f"{peer.name}/team/svc:1"
        done(run_whit, "build", "--split-debug", "-t", name, "--push", "--insecure", folder, timeout=600)
        wanted = ("referrers", "--insecure", f"docker://{name}", "--debug-into", tmp_path / "debug")
        told = run_whit(*wanted, root=tmp_path / "elsewhere")
        assert told.returncode == 0, told.stderr
    (path,) = (tmp_path / "debug").rglob("*.debug")
    assert told.stdout.strip() == str(path)


def test_an_image_without_it_and_options_that_contradict_each_other_are_told_in_a_line(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    if locate("go") is None:
        lacking("Go isn't installed; tests/setup.sh peers installs it")
    folder = write(tmp_path / "svc", GO)
    done(run_whit, "build", "-t", "svc", folder, timeout=600)
    result = run_whit("referrers", "svc", "--debug-into", tmp_path / "debug")
    assert (result.returncode, result.stderr.splitlines()) == (
        1,
        ["whit: no debug information is attached to it", "hint: 'whit build --split-debug' attaches it"],
    )
    both = run_whit("build", "--debug", "--split-debug", folder)
    assert both.returncode == 2
    assert "one of the two" in both.stderr
    assert not (tmp_path / "debug").exists()
