"""How a bundle's files come into memory: by two processes or one, equal ones as one, whatever their sizes; and what stands in the way."""

from __future__ import annotations

import functools
import hashlib
import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.integration.bundles import Bundle, folder
from tests.integration.leftcgroups import nothing_is_left
from tests.integration.madeimage import entry, make_image
from tests.integration.test_bundle_file import DAMAGED, flip
from whit.packer.image.spec import RunConfig
from whit.runtime.bundle.reading import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.originals import Originals

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["folder", "nothing_is_left"]
WINDOW, HUGE = 64 << 10, 2 << 20
SIZES = (0, 1, 4095, 4096, WINDOW - 1, WINDOW, WINDOW + 1, 300_000, HUGE - 1, HUGE, HUGE + 1, 3 * HUGE + 5)
ALONE = ("taskset", "-c", "0")
SUMS = "cd /data && busybox find . -type f -exec busybox sha256sum {} + | busybox sort"


@functools.cache
def contents() -> dict[str, bytes]:
    """Files of sizes around each border, and many small ones, of which some are equal."""
    random_ = random.Random(1)
    found = {f"data/size-{size}": random_.randbytes(size) for size in SIZES}
    for number in range(300):
        found[f"data/many/{number % 7}/{number:03}"] = f"content {number % 100}\n".encode()
    return found


def filling_image(root: Path) -> str:
    """These files and busybox."""
    members = {entry(path, mode=0o644): content for path, content in contents().items()}
    return make_image(root, "filling", members, RunConfig(cmd=("/bin/busybox", "sh"), env=("PATH=/bin",)), level=0)


@pytest.fixture
def box(originals: Originals, folder: Path) -> Bundle:
    """A bundle of it."""
    return Bundle(originals.copy(folder / "made.run", filling_image, "--unpack", "none"))


@pytest.fixture(params=["root", "user", "root, one processor", "user, one processor"])
def anybody(request: pytest.FixtureRequest, box: Bundle) -> Bundle:
    """It, started by root and by a user, on several processors and on one."""
    by = box.as_user if request.param.startswith("user") else box
    return Bundle(box.path, (*ALONE, *by.prefix)) if request.param.endswith("one processor") else by


def test_every_file_is_what_it_was(anybody: Bundle) -> None:
    for words in ((), ("--whit-writable",), ("--whit-pids-limit", "max")):
        done = anybody(*words, "busybox", "sh", "-c", SUMS)
        if "needs a cgroup" in done.stderr:
            continue
        assert done.stderr == ""
        found = {line[68:]: line[:64] for line in done.stdout.splitlines()}
        assert found == {
            path.removeprefix("data/"): hashlib.sha256(content).hexdigest() for path, content in contents().items()
        }


def test_equal_files_are_one_unless_they_can_be_written(anybody: Bundle) -> None:
    counting = "busybox stat -c %h /data/many/0/000 /data/size-1"
    assert anybody("busybox", "sh", "-c", counting).stdout == "3\n1\n"
    script = f"{counting}; echo other > /data/many/0/000 && busybox cat /data/many/2/100"
    # what is written to one isn't the other's
    done = anybody("--whit-writable", "busybox", "sh", "-c", script)
    assert done.stdout.startswith("1\n1\n")
    assert "other" not in done.stdout


def test_it_leaves_no_process_behind_and_the_program_is_the_first_one(anybody: Bundle) -> None:
    done = anybody("busybox", "sh", "-c", "echo $$; busybox ps -o pid,stat,args | busybox tail -n +2")
    lines = done.stdout.splitlines()
    assert lines[0] == "1"
    assert not [line for line in lines[1:] if " Z" in line or "whit" in line]
    assert len(lines) <= 4


def test_where_one_process_is_all_there_may_be_one_fills_it(box: Bundle) -> None:
    done = box("--whit-pids-limit", "1", "busybox", "sha256sum", "/data/size-2097153")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("size", [4095, WINDOW + 1, 3 * HUGE + 5])
def test_damage_is_refused_in_files_of_each_size(anybody: Bundle, size: int) -> None:
    with opened(str(anybody.path)) as whole:
        content = next(item for item in whole.head.entries if item.path == f"data/size-{size}".encode()).content
    for at in (0, size // 2, size - 1):
        flip(anybody.path, content.at + at)
        done = anybody("busybox", "true")
        assert (done.returncode, done.stderr.splitlines()[0]) == (125, f"{DAMAGED}a file in it isn't what it was")
        flip(anybody.path, content.at + at)
    assert anybody("busybox", "true").returncode == 0


def test_with_too_little_memory_it_says_so(box: Bundle) -> None:
    # its files fit, and what is needed beside them doesn't
    size = json.loads(box("--whit-inspect", "--whit-json").stdout)
    files = sum(item.get("size", 0) for item in size["files"])
    done = box("--whit-memory", str(files + 4096), "busybox", "true")
    assert done.returncode in {125, 137}
    assert "memory" in done.stderr


def test_unpacked_files_are_the_same(box: Bundle, folder: Path) -> None:
    place = folder / "kept"
    place.mkdir()
    assert box("--whit-unpack", place, "busybox", "true").returncode == 0
    kept = next(place.glob("*/root"))
    for path, content in contents().items():
        assert (kept / path).read_bytes() == content
        assert (kept / path).stat().st_nlink == 1
