"""A bundle's files kept unpacked, and bundles that are changed in every way by a launcher with sanitizers in it."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.bundles import BUSYBOX, LIMIT_S, Bundle, box, folder
from tests.integration.conftest import USER, become
from tests.integration.sanitized import ENVIRONMENT, assert_clean, sanitized_launcher
from tests.integration.test_bundle_file import DAMAGED, flip
from whit.packer.store.store import Store
from whit.runtime.bundle import writing
from whit.runtime.bundle.form import Place, decode_mark
from whit.runtime.bundle.making import ready, settings
from whit.runtime.bundle.reading import opened
from whit.runtime.bundle.sums import add
from whit.runtime.request import Words

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["box", "folder"]


@pytest.fixture(params=["root", "user"])
def anybody(request: pytest.FixtureRequest, box: Bundle) -> Bundle:
    """It, started by root and by a user."""
    return box if request.param == "root" else box.as_user


def place_of(by: Bundle, folder: Path) -> Path:
    """A folder for unpacked files, of whoever starts the bundle."""
    place = folder / "kept"
    place.mkdir(mode=0o755)
    if by.prefix:
        os.chown(place, USER, USER)
    return place


def test_its_files_are_unpacked_once_and_are_the_same(anybody: Bundle, folder: Path) -> None:
    place = place_of(anybody, folder)
    script = "find / -xdev | sort; md5sum /busybox /etc/passwd; id; touch /new 2>&1; cat /etc/hosts"
    plain = anybody("sh", "-c", script).stdout
    for _ in range(2):
        done = anybody("--whit-unpack", place, "sh", "-c", script)
        assert done.stdout.replace("/etc/resolv.conf\n", "") == plain
        assert len(list(place.iterdir())) == 1
    kept = next(place.iterdir())
    before = (kept / "busybox").stat()
    anybody("true", environment={"WHIT_UNPACK": str(place)})
    assert (kept / "busybox").stat() == before
    # a bundle that is another one has files of its own
    anybody.path.touch()
    anybody("--whit-unpack", place, "true")
    assert len(list(place.iterdir())) == 2


def test_on_the_host_s_network_it_has_the_host_s_names(anybody: Bundle, folder: Path) -> None:
    words = (
        "--whit-unpack",
        place_of(anybody, folder),
        "--whit-network",
        "host",
        "cat",
        "/etc/hosts",
        "/etc/resolv.conf",
    )
    assert anybody(*words).stdout == Path("/etc/hosts").read_text() + Path("/etc/resolv.conf").read_text()


def test_two_that_begin_at_once_unpack_it_once(box: Bundle, folder: Path) -> None:
    place = place_of(box, folder)
    started = [box.begin("--whit-unpack", place, "md5sum", "/busybox") for _ in range(4)]
    said = {process.communicate(timeout=LIMIT_S) for process in started}
    assert len(said) == 1
    assert len(list(place.iterdir())) == 1


def test_a_damaged_file_is_told_and_nothing_is_kept(box: Bundle, folder: Path) -> None:
    place = place_of(box, folder)
    with opened(str(box.path)) as whole:
        content = next(entry for entry in whole.head.entries if entry.path == b"busybox").content
    flip(box.path, content.at + content.size // 2)
    done = box("--whit-unpack", place, "true")
    assert (done.returncode, done.stderr.splitlines()[0]) == (125, f"{DAMAGED}a file in it isn't what it was")
    assert not list(place.iterdir())


def test_a_folder_that_others_could_write_is_refused(box: Bundle, folder: Path) -> None:
    place = place_of(box, folder)
    for mode, owner in ((0o777, 0), (0o755, USER)):
        place.chmod(mode)
        os.chown(place, owner, owner)
        done = box("--whit-unpack", place, "true")
        assert (done.returncode, f"{place} isn't yours alone" in done.stderr) == (125, True)
    assert "No such file or directory" in box("--whit-unpack", folder / "none", "true").stderr
    assert "can't be --whit-writable" in box("--whit-unpack", place, "--whit-writable", "true").stderr


def test_what_is_mounted_where_nothing_is_can_t_be(box: Bundle, folder: Path) -> None:
    done = box("--whit-unpack", place_of(box, folder), "--whit-volume", "/tmp:/data", "true")
    assert done.returncode == 125
    assert "files that are kept by --whit-unpack stay as they are" in done.stderr


# ---- with sanitizers ----


def changed(data: bytes, random_: random.Random) -> bytes:
    """A bundle whose head has other bytes, with sums that are right."""
    mark = decode_mark(data, "it")
    head = bytearray(data[mark.head.at : mark.head.at + mark.head.size])
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(head)) if random_.random() < 0.5 else random_.randrange(400)
        head[at] = random_.choice((0, 1, 2, 47, 46, 255, head[at] ^ 1 << random_.randrange(8)))
    place = Place(mark.head.at, mark.head.size, add(0, bytes(head)))
    new = replace(mark, head=place).encode()
    whole = bytearray(data)
    whole[place.at : place.at + place.size] = head
    whole[mark.at : mark.at + len(new)] = new
    return bytes(whole)


@pytest.mark.peer("gcc")
def test_no_changed_bundle_makes_the_launcher_reach_beyond_its_bounds(
    folder: Path, whit_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a bundle whose launcher has sanitizers in it
    launcher = folder / "whit"
    launcher.write_bytes(sanitized_launcher().read_bytes())
    monkeypatch.setattr(writing, "find_launcher", lambda: launcher)
    store = Store(whit_root)
    words = Words(str(BUSYBOX), env=("A=1",), memory="64m")
    image, options = ready(words, store)
    target = folder / "made.run"
    writing.write_bundle(target, writing.Order(image, options, settings(words, writable=False)), store)
    whole = target.read_bytes()
    asked = (
        "--whit-memory=64m",
        "--whit-env=B",
        "--whit-volume=/etc:/data:ro",
        "--whit-workdir=/tmp",
        "sh",
        "-c",
        "echo $A; pwd",
    )

    def run(path: Path, *before: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [*before, path, *asked]
        return subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, errors="replace", check=False, timeout=LIMIT_S
        )

    done = run(target)
    assert (done.stderr, done.stdout) == ("", "1\n/tmp\n")
    # when its head is changed, and whoever did it has put the sums right
    random_ = random.Random(7)
    other = folder / "other.run"
    for _ in range(int(os.environ.get("WHIT_CHANGED_PLANS", "40"))):
        other.write_bytes(changed(whole, random_))
        other.chmod(0o755)
        assert_clean(run(other, *become(USER)).stderr)
