"""What a kept plan can't be checked for makes it one that isn't kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_run import starts_python

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunWhit

BUSYBOX = Path("/bin/busybox")

pytestmark = pytest.mark.peer("busybox-static")


def test_a_plan_is_not_kept_where_certificates_come_from_the_host(run_whit: RunWhit, whit_root: Path) -> None:
    # No guard tells whether the host's bundle or time zones have changed since.
    for source, kept in (("host", 0), ("packages", 1)):
        done = run_whit("run", "--sources", source, BUSYBOX, "true")
        assert done.returncode == 0, done.stderr
        plans = whit_root / "plans"
        assert len(list(plans.iterdir()) if plans.exists() else []) == kept


def _moved(old: Path, new: Path) -> None:
    """The old place is taken again by another store."""
    old.rename(new)
    shutil.copytree(new, old, symlinks=True)


def _linked(old: Path, new: Path) -> None:
    """A path that led to another store once leads to this one."""
    kept = old.with_name("kept")
    old.rename(kept)
    old.symlink_to(kept)
    shutil.copytree(kept, new, symlinks=True)


def _copied(old: Path, new: Path) -> None:
    shutil.copytree(old, new, symlinks=True)


@pytest.mark.parametrize("take", [_copied, _moved, _linked])
def test_a_store_s_plans_are_of_no_use_in_another_place(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path, take: Callable[[Path, Path], None]
) -> None:
    # Given a store with a kept plan, and a copy of it that has other images since
    copy = tmp_path / "copy"
    assert run_whit("pack", BUSYBOX, "-t", "one:1", "--env", "FROM=store").returncode == 0
    say = ("run", "one:1", "sh", "-c", "echo $FROM")
    assert run_whit(*say).stdout == "store\n"
    take(whit_root, copy)
    assert run_whit("pack", BUSYBOX, "-t", "one:1", "--env", "FROM=copy", root=copy).returncode == 0
    # When the same words are run in the copy, then it is the copy's image that runs, however often
    for _ in range(2):
        assert run_whit(*say, root=copy).stdout == "copy\n"


def test_a_store_that_two_paths_lead_to_has_one_set_of_plans(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    way = tmp_path / "way"
    way.symlink_to(tmp_path)
    words = (BUSYBOX, "echo", "x")
    assert starts_python(run_whit, whit_root, *words)
    assert not starts_python(run_whit, whit_root, *words, root=way / whit_root.name)


def test_what_is_added_stands_beside_the_program_and_is_no_reason_to_start_python_again(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    # Given a file and a folder of the person's own
    (tmp_path / "motd").write_text("one\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a").write_text("a\n")
    words = (
        "--add",
        "motd:/etc/",
        "--add",
        f"{tmp_path}/conf:/conf:0600",
        BUSYBOX,
        "sh",
        "-c",
        "cat /etc/motd; ls /conf",
    )
    # When they are added to what is run, then the program finds them, and the second run needs no Python
    assert starts_python(run_whit, whit_root, *words, cwd=tmp_path)
    assert not starts_python(run_whit, whit_root, *words, cwd=tmp_path)
    assert run_whit("run", *words, cwd=tmp_path).stdout == "one\na\n"
    # and what has changed since is what it finds
    (tmp_path / "motd").write_text("two\n")
    assert run_whit("run", *words, cwd=tmp_path).stdout == "two\na\n"
    (tmp_path / "conf" / "b").write_text("b\n")
    assert run_whit("run", *words, cwd=tmp_path).stdout == "two\na\nb\n"
    (tmp_path / "conf" / "a").unlink()
    assert run_whit("run", *words, cwd=tmp_path).stdout == "two\nb\n"
    # and a relative path is another file in another folder
    other = tmp_path / "other"
    other.mkdir()
    (other / "motd").write_text("other\n")
    assert run_whit("run", *words, cwd=other).stdout == "other\nb\n"


def test_needs_that_are_asked_for_are_there(run_whit: RunWhit) -> None:
    listing = ("sh", "-c", "ls /usr/share/zoneinfo/Europe/Berlin")
    assert run_whit("run", BUSYBOX, *listing).returncode != 0
    assert run_whit("run", "--needs", "+zones", BUSYBOX, *listing).stdout == "/usr/share/zoneinfo/Europe/Berlin\n"


@pytest.mark.parametrize("option", [("--add", "/etc/hostname:/x"), ("--needs", "+zones")])
def test_nothing_is_added_to_an_image(run_whit: RunWhit, option: tuple[str, str]) -> None:
    assert run_whit("pack", BUSYBOX, "-t", "box:1").returncode == 0
    done = run_whit("run", *option, "box:1", "true")
    assert done.returncode == 125
    assert "--add and --needs are for a file that is packed, and box:1 is none" in done.stderr
    assert "--volume" in done.stderr
