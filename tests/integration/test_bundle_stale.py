"""What is kept of bundles that aren't there any more, and which bundles are kept without anybody having said so."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.bundles import LIMIT_S, Bundle, anybody, box, folder, home, keeper, kept_in
from tests.integration.madeimage import entry, make_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["anybody", "box", "folder", "home", "keeper"]


def another(keeper: Bundle, path: Path) -> None:
    """The same bundle, as another file in its place."""
    beside = path.with_suffix(".new")
    beside.write_bytes(keeper.path.read_bytes())
    beside.chmod(0o755)
    beside.replace(path)


def test_what_was_kept_of_a_bundle_that_was_replaced_goes_with_the_next_one_s_first_start(
    keeper: Bundle, home: Path
) -> None:
    # given two bundles that are kept
    own, place = {"HOME": str(home)}, home / ".cache"
    other = replace(keeper, path=keeper.path.with_name("other.run"))
    another(keeper, other.path)
    keeper("true", environment=own)
    (first,) = kept_in(place)
    other("true", environment=own)
    # when one of them is another file by now
    another(keeper, keeper.path)
    assert len(kept_in(place)) == 2
    keeper("true", environment=own)
    # then its files are there once, and the other one's still are
    assert len(kept_in(place)) == 2
    assert first not in kept_in(place)
    other.path.unlink()
    another(keeper, keeper.path)
    keeper("true", environment=own)
    assert [(path / "of").readlink() for path in place.glob("whit-bundles/*")] == [keeper.path]


def test_what_runs_from_it_has_its_files_to_the_end(keeper: Bundle, home: Path) -> None:
    own = {"HOME": str(home)}
    keeper("true", environment=own)
    # given one that runs, and is replaced meanwhile
    running = keeper.begin(
        "sh", "-c", "echo on; read word; exec /busybox echo $word", environment=own, stdin=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "on\n"
    another(keeper, keeper.path)
    # when the new one is unpacked
    keeper("true", environment=own)
    assert len(kept_in(home / ".cache")) == 2
    # then the program still finds what it executes
    assert running.communicate("works\n", timeout=LIMIT_S)[0] == "works\n"
    another(keeper, keeper.path)
    keeper("true", environment=own)
    assert len(kept_in(home / ".cache")) == 1


def test_what_was_unpacked_before_the_machine_started_is_unpacked_anew(keeper: Bundle, home: Path) -> None:
    """Nobody has waited for the disk: after a crash there may be less than was written."""
    own = {"HOME": str(home)}
    keeper("true", environment=own)
    (kept,) = (home / ".cache").glob("whit-bundles/*")
    *state, _, boot = kept.name.split("-")
    earlier = kept.rename(kept.with_name("-".join([*state, "1", boot])))
    (earlier / "root/busybox").write_bytes(b"")
    assert keeper("echo", "works", environment=own).stdout == "works\n"
    assert kept_in(home / ".cache") == [kept.name]


def test_what_isn_t_whit_s_in_its_folder_stays(keeper: Bundle, home: Path) -> None:
    place = home / ".cache/whit-bundles"
    for part in (place.parent, place, place / "1-2-3", place / "notes", place / ".tmp-mine"):
        part.mkdir(mode=0o700)
        os.chown(part, home.stat().st_uid, home.stat().st_uid)
    assert keeper("echo", "works", environment={"HOME": str(home)}).stdout == "works\n"
    assert len(kept_in(home / ".cache")) == 4


# ---- what nobody has said where to keep ----


@pytest.mark.parametrize(
    ("words", "size", "count", "settings_"),
    [
        ((), 4_000_000, 1, ["unpack=cache"]),
        ((), 100, 80, ["unpack=cache"]),
        ((), 100_000, 3, []),
        (("--unpack", "none"), 4_000_000, 1, []),
        (("--writable",), 4_000_000, 1, ["writable=1"]),
        (("--unpack", "runtime"), 100, 1, ["unpack=runtime"]),
    ],
)
def test_much_is_kept_in_the_cache_unless_it_is_said_otherwise(
    run_whit: RunWhit,
    whit_root: Path,
    folder: Path,
    words: tuple[str, ...],
    size: int,
    count: int,
    settings_: list[str],
) -> None:
    # given a program with so many files of that size
    files = {entry(f"files/{number}", mode=0o644): bytes([number + 1]) * size for number in range(count)}
    make_image(whit_root, "local/much:1", files)
    made = run_whit("bundle", "--json", *words, "local/much:1", "-o", folder / "much.run")
    assert json.loads(made.stdout)["settings"] == settings_, made.stderr
    shown = run_whit("bundle", "inspect", folder / "much.run").stdout
    assert ("kept        unpacked, in the cache" in shown) == ("unpack=cache" in settings_)
    assert ("settings    none: no network" in shown) == (settings_ in ([], ["unpack=cache"]))
