"""Names that are no text: folders of the host whose names aren't UTF-8, and places in a container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.loaders import Workshop, runpath
from tests.programs.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SPEAKS = 'extern int puts(const char *); int main(void) { return puts("here") < 0; }'
ODD = os.fsdecode(b"\xff")


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_a_dynamic_program_runs_from_a_folder_whose_name_is_no_text(run_whit: RunWhit, tmp_path: Path) -> None:
    # given a program that finds its library beside itself
    shop = Workshop(tmp_path / "plain")
    shop.library("lib/libown.so")
    shop.program("speak", "libown.so", flags=runpath("$ORIGIN/lib"), source=SPEAKS)
    odd = (tmp_path / "plain").rename(tmp_path / ODD)
    # when it is run, and run again from what was remembered
    for _ in range(2):
        done = run_whit("run", odd / "speak")
        assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


@pytest.mark.root
def test_what_is_added_may_come_from_such_a_name(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / ODD).write_text("x")
    packed = run_whit("pack", build("hello", "c-glibc"), "-t", "odd", "--add", f"{tmp_path}/{ODD}:/x")
    assert packed.returncode == 0, packed.stderr


@pytest.mark.root
@pytest.mark.parametrize("option", [("-v", f"/usr:/{ODD}"), ("--tmpfs", f"/{ODD}")])
def test_a_mount_may_have_such_a_name_in_the_container(run_whit: RunWhit, option: tuple[str, str]) -> None:
    done = run_whit("run", *option, build("hello", "c-glibc"))
    assert done.returncode == 0, done.stderr


@pytest.mark.root
@pytest.mark.peer("gcc")
def test_a_loader_s_path_with_dots_stands_in_the_image_without(run_whit: RunWhit, tmp_path: Path) -> None:
    # given a program whose PT_INTERP the kernel reads and no layer could hold as it is
    flags = ("-Wl,--dynamic-linker=/lib64/../lib64/ld-linux-x86-64.so.2",)
    program = Workshop(tmp_path).program("speak", flags=flags, source=SPEAKS)
    done = run_whit("run", program)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


def test_a_file_is_inspected_whatever_its_name(run_whit: RunWhit, tmp_path: Path) -> None:
    place = tmp_path / ODD
    place.write_bytes(build("hello", "c-glibc").read_bytes())
    found = run_whit("inspect", place)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("\\xff: ")
    # and packing it, whose image needs a name, says what to do
    assert "--path" in run_whit("pack", place).stderr
