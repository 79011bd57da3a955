"""Where kept plans are written: into a folder of our own and nowhere else, and of it only our own files are removed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from whit.runtime.oci.kept import MAX_KEPT, keep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir(mode=0o711)
    return folder


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_plan_is_kept_in_a_folder_of_its_owner_s(root: Path) -> None:
    keep(f"{root}/@plans/12", b"plan")
    assert (root / "@plans" / "12").read_bytes() == b"plan"
    assert (root / "@plans").stat().st_mode & 0o777 == 0o700


def test_nothing_is_written_or_removed_behind_a_link(root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    for number in range(MAX_KEPT + 2):
        (victim / f"{number}").touch()
    before = _names(victim)
    (root / "@plans").symlink_to(victim)

    keep(f"{root}/@plans/999999", b"plan")

    assert _names(victim) == before


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
@pytest.mark.parametrize("which", ["root", "plans"])
def test_a_folder_that_others_may_write_to_stays_as_it_is(root: Path, which: str, mode: int) -> None:
    (root / "@plans").mkdir(mode=0o700)
    (root if which == "root" else root / "@plans").chmod(mode)
    keep(f"{root}/@plans/12", b"plan")
    assert _names(root / "@plans") == set()


def test_the_oldest_plans_go_and_files_that_are_no_plans_stay(root: Path) -> None:
    plans = root / "@plans"
    plans.mkdir(mode=0o700)
    (plans / "letter").touch()
    os.utime(plans / "letter", (1, 1))
    for number in range(MAX_KEPT + 2):
        (plans / f"{number}").touch()
        os.utime(plans / f"{number}", (100 + number, 100 + number))
    (plans / ".77").touch()
    os.utime(plans / ".77", (2, 2))

    keep(f"{root}/@plans/999999", b"plan")

    left = _names(plans)
    assert len(left) == MAX_KEPT + 1
    assert {"letter", "999999", f"{MAX_KEPT + 1}"} <= left
    assert not {".77", "0", "1", "2"} & left


def test_a_full_disk_leaves_nothing_half_written(root: Path) -> None:
    script = "import sys; from whit.runtime.oci.kept import keep; keep(sys.argv[1], bytes(4096))"

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))

    command = [sys.executable, "-B", "-c", script, f"{root}/@plans/12"]
    done = subprocess.run(command, preexec_fn=full, check=False)

    assert done.returncode == 0
    assert _names(root / "@plans") == set()
