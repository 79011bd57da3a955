"""Nim programs that load libraries as they start, packed and run: the libraries are in the image."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.loaders import Workshop, runpath

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SOURCE = """
proc word(): cstring {.importc, dynlib: "libword.so(.9|.2|)".}
echo word()
"""


def speaker(folder: Path) -> Path:
    """A Nim program that loads the second of the names that it tries."""
    shop = Workshop(folder)
    shop.library("lib/libinner.so")
    shop.library("lib/libword.so.2", "libinner.so", flags=runpath("$ORIGIN"))
    source = folder / "speaker.nim"
    source.write_text(SOURCE)
    library = folder / "lib" / "libword.so.2"
    line = [
        "gcc",
        "-shared",
        "-fPIC",
        f"-Wl,-rpath,{folder}/lib",
        "-o",
        str(library),
        "-x",
        "c",
        "-",
        "-L",
        str(library.parent),
    ]
    text = b'const char *word(void) { return "loaded"; }'
    subprocess.run([*line, "-Wl,--no-as-needed", "-linner"], input=text, check=True)
    flags = ["--hints:off", f"--nimcache:{folder}/cache", f"--passL:-Wl,-rpath,{folder}/lib", "--passL:-s"]
    subprocess.run(["nim", "c", *flags, f"-o:{folder}/speaker", source], check=True, capture_output=True)
    return folder / "speaker"


@pytest.mark.root
@pytest.mark.peer("gcc", "nim")
def test_the_first_name_that_there_is_comes_with_what_it_needs(run_whit: RunWhit, tmp_path: Path) -> None:
    program = speaker(tmp_path)
    packed = json.loads(run_whit("pack", program, "-t", "speaker", "--json").stdout)
    files = {file["path"].rpartition("/")[2]: file for file in packed["files"]}
    assert "the program loads it as it starts" in files["libword.so.2"]["reason"]
    assert "libinner.so" in files
    assert run_whit("run", "speaker").stdout == "loaded\n"


@pytest.mark.root
@pytest.mark.peer("gcc", "nim")
def test_a_library_that_isn_t_there_is_told_of(run_whit: RunWhit, tmp_path: Path) -> None:
    program = speaker(tmp_path)
    (tmp_path / "lib" / "libword.so.2").unlink()
    advice = json.loads(run_whit("inspect", program, "--json").stdout)["advice"]
    assert any("libword.so.9 or libword.so.2" in text["text"] for text in advice if text["about"] == "dlopen")
