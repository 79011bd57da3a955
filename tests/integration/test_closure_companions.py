"""Dynamic programs that a person adds beside a static one: they start, with libraries of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.loaders import Workshop, runpath
from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SPEAKS = 'extern int puts(const char *); int main(void) { return puts("beside") < 0; }'

pytestmark = [pytest.mark.root, pytest.mark.peer("gcc")]


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("musl-gcc", marks=pytest.mark.peer("musl-gcc"))])
def test_what_is_added_starts(run_whit: RunWhit, tmp_path: Path, compiler: str) -> None:
    shop = Workshop(tmp_path, compiler)
    shop.library("lib/libown.so")
    beside = shop.program("beside", "libown.so", flags=runpath(str(tmp_path / "lib")), source=SPEAKS)
    data = tmp_path / "notes.txt"
    data.write_text("no program")
    adds = ("--add", f"{beside}:/usr/bin/beside", "--add", f"{data}:/notes.txt")
    packed = run_whit("pack", build("hello", "c-glibc"), "-t", "two", *adds, "--json")
    assert packed.returncode == 0, packed.stderr
    files = {file["path"].rpartition("/")[2] for file in json.loads(packed.stdout)["files"]}
    assert {"beside", "libown.so", "notes.txt"} <= files
    assert run_whit("run", "--entrypoint", "/usr/bin/beside", "two").stdout == "beside\n"
    assert run_whit("run", "two").returncode == 0


def test_what_it_lacks_is_told_and_nothing_is_refused(run_whit: RunWhit, tmp_path: Path) -> None:
    beside = Workshop(tmp_path).program("beside", "libnowhere.so.1", source=SPEAKS)
    found = run_whit("inspect", build("hello", "c-glibc"), "--add", f"{beside}:/usr/bin/beside", "--json")
    assert found.returncode == 0, found.stderr
    told = [advice["text"] for advice in json.loads(found.stdout)["advice"]]
    assert any("/usr/bin/beside, which was added, can't start: it needs libnowhere.so.1" in text for text in told)


def test_nothing_dynamic_brings_nothing(run_whit: RunWhit) -> None:
    program = build("hello", "c-glibc")
    packed = json.loads(run_whit("pack", program, "--add", f"{program}:/second", "--json").stdout)
    assert not [file["path"] for file in packed["files"] if ".so" in file["path"]]


def test_beside_webassembly_stands_only_what_was_asked_for(run_whit: RunWhit, tmp_path: Path) -> None:
    module = tmp_path / "app.wasm"
    module.write_bytes(b"\0asm\1\0\0\0")
    beside = Workshop(tmp_path).program("beside", source=SPEAKS)
    packed = run_whit("pack", module, "--add", f"{beside}:/beside", "--json")
    assert packed.returncode == 0, packed.stderr
    assert not [file["path"] for file in json.loads(packed.stdout)["files"] if ".so" in file["path"]]


def test_a_library_beside_a_static_program_can_be_loaded_while_it_runs(run_whit: RunWhit, tmp_path: Path) -> None:
    # Given a library of one's own by the name that the program hands to dlopen, which itself needs another
    shop = Workshop(tmp_path)
    shop.library("lib/libown.so", "libc.so.6")
    library = shop.library("lib/libz.so.1", "libown.so", flags=runpath(str(tmp_path / "lib")))
    program = build("needs-dlopen", "c-glibc")
    assert run_whit("run", program).stdout == "0\n"
    # When it is added, then it brings what it needs: glibc, its loader where dlopen looks for it, and the other one
    assert run_whit("run", "--add", f"{library}:/usr/lib/", program).stdout == "1\n"


def test_what_such_a_library_lacks_is_told(run_whit: RunWhit, tmp_path: Path) -> None:
    library = Workshop(tmp_path).library("libz.so.1", "libnowhere.so.1")
    found = run_whit("inspect", build("needs-dlopen", "c-glibc"), "--add", f"{library}:/usr/lib/", "--json")
    assert found.returncode == 0, found.stderr
    told = [advice["text"] for advice in json.loads(found.stdout)["advice"]]
    assert any(
        "/usr/lib/libz.so.1, which was added, can't be loaded: it needs libnowhere.so.1" in text for text in told
    )


@pytest.mark.peer("musl-gcc")
def test_static_musl_loads_nothing_so_that_a_library_brings_nothing(run_whit: RunWhit, tmp_path: Path) -> None:
    library = Workshop(tmp_path).library("libz.so.1")
    packed = run_whit("pack", build("needs-dlopen", "c-musl"), "--add", f"{library}:/usr/lib/", "--json")
    assert "libc.so.6" not in packed.stdout
