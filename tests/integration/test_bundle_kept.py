"""A bundle's files kept unpacked, and bundles that are changed in every way by a launcher with sanitizers in it."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.bundles import BUSYBOX, LIMIT_S, Bundle, anybody, box, folder, home, keeper, kept_in, place_of
from tests.integration.conftest import USER, become
from tests.integration.fused import fused
from tests.integration.sanitized import ENVIRONMENT, assert_clean, sanitized_launcher
from tests.integration.test_bundle_file import DAMAGED, flip
from whit.packer.store.store import Store
from whit.runtime.bundle import writing
from whit.runtime.bundle.form import Place, decode_mark
from whit.runtime.bundle.making import ready, settings
from whit.runtime.bundle.reading import opened
from whit.runtime.bundle.sums import add
from whit.runtime.bundle.tree import with_places
from whit.runtime.request import Words

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.originals import Originals

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["anybody", "box", "folder", "home", "keeper"]


def test_its_files_are_unpacked_once_and_are_the_same(anybody: Bundle, folder: Path) -> None:
    place = place_of(anybody, folder)
    script = "find / -xdev | sort; md5sum /busybox /etc/passwd; id; touch /new 2>&1; cat /etc/hosts"
    plain = anybody("sh", "-c", script).stdout
    for _ in range(2):
        done = anybody("--whit-unpack", place, "sh", "-c", script)
        assert done.stdout.replace("/etc/resolv.conf\n", "") == plain
        assert len(list(place.iterdir())) == 1
    kept = next(place.iterdir())
    assert (kept / "of").readlink() == anybody.path
    before = (kept / "root/busybox").stat()
    anybody("true", environment={"WHIT_UNPACK": str(place)})
    assert (kept / "root/busybox").stat() == before
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


def test_what_was_changed_where_it_is_kept_is_told_of(box: Bundle, folder: Path) -> None:
    place = place_of(box, folder)
    box("--whit-unpack", place, "true")
    (kept,) = place.iterdir()
    (kept / "root/busybox").chmod(0o644)
    refused = box("--whit-unpack", place, "true")
    (kept / "root/busybox").unlink()
    gone = box("--whit-unpack", place, "true")
    assert (refused.returncode, gone.returncode) == (126, 127)
    for done in (refused, gone):
        assert "hint: --whit-inspect tells what there is; and where --whit-unpack keeps it, nobody" in done.stderr


def test_nobody_else_reaches_what_is_kept(anybody: Bundle, folder: Path) -> None:
    """There may be set-user-ID files in it, of whoever has unpacked it."""
    place = place_of(anybody, folder)
    anybody("--whit-unpack", place, "true")
    (kept,) = place.iterdir()
    assert (place.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o755, 0o700)


def test_what_isn_t_whole_where_it_is_kept_is_told_of(box: Bundle, folder: Path) -> None:
    place = place_of(box, folder)
    box("--whit-unpack", place, "true")
    (kept,) = place.iterdir()
    (kept / "root").rename(folder / "elsewhere")
    gone = box("--whit-unpack", place, "true")
    (kept / "root").symlink_to(folder / "elsewhere")
    led_away = box("--whit-unpack", place, "true")
    for done in (gone, led_away):
        assert (done.returncode, "hint: remove what isn't whole in it" in done.stderr) == (125, True), done.stderr


def test_two_names_that_the_folder_takes_for_one_can_t_be_kept(
    folder: Path, whit_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given files of an image that are one, as where capitals are small letters
    monkeypatch.setattr(writing, "with_places", lambda *given: [each for each in with_places(*given) for _ in "ab"])
    store = Store(whit_root)
    image, options = ready(Words(str(BUSYBOX)), store)
    writing.write_bundle(folder / "made.run", writing.Order(image, options), store)
    box = Bundle(folder / "made.run")
    done = box("--whit-unpack", place_of(box, folder), "true")
    assert (done.returncode, "File exists" in done.stderr) == (125, True), done.stderr


# ---- as its maker wishes, in the caller's own folders ----


def test_one_that_is_made_to_be_kept_is_kept_in_the_cache_of_who_starts_it(keeper: Bundle, home: Path) -> None:
    for _ in range(2):
        assert keeper("echo", "works", environment={"HOME": str(home)}).stdout == "works\n"
    assert len(kept_in(home / ".cache")) == 1
    assert [oct((home / ".cache" / part).stat().st_mode & 0o7777) for part in ("", "whit-bundles")] == ["0o700"] * 2
    keeper("true", environment={"HOME": str(home), "XDG_CACHE_HOME": str(home / "own")})
    assert len(kept_in(home / "own")) == 1


def test_what_its_maker_wishes_gives_way_to_what_can_t_be(keeper: Bundle, home: Path) -> None:
    """A user without a home, a home that others could write to, files to be changed, places that the image hasn't got: it runs from memory."""
    plain, own = {"HOME": ""}, {"HOME": str(home)}
    assert keeper("echo", "works", environment=plain).stdout == "works\n"
    assert keeper("--whit-unpack", "none", "echo", "works", environment=own).stdout == "works\n"
    assert (
        keeper("--whit-writable", "sh", "-c", "cd /home/nonroot; echo works > new && cat new", environment=own).stdout
        == "works\n"
    )
    assert keeper("--whit-volume", "/etc:/data:ro", "ls", "/data/passwd", environment=own).stdout == "/data/passwd\n"
    assert not (home / ".cache").exists()
    (home / ".cache").mkdir()
    (home / ".cache").chmod(0o777)
    assert keeper("echo", "works", environment=own).stdout == "works\n"
    assert not list((home / ".cache").iterdir())


def test_what_has_lost_its_files_there_runs_from_memory(keeper: Bundle, home: Path) -> None:
    own = {"HOME": str(home)}
    keeper("true", environment=own)
    (kept,) = (home / ".cache").glob("whit-bundles/*")
    (kept / "root").rename(home / "elsewhere")
    assert keeper("echo", "works", environment=own).stdout == "works\n"


def test_root_leaves_nothing_in_the_home_of_a_user(originals: Originals, folder: Path) -> None:
    by = Bundle(originals.copy(folder / "keeper.run", BUSYBOX, "--unpack", "cache"))
    home = place_of(by.as_user, folder, "home")
    assert by("echo", "works", environment={"HOME": str(home)}).stdout == "works\n"
    asked = by("--whit-unpack", "cache", "true", environment={"HOME": str(home)})
    assert (asked.returncode, "isn't yours alone" in asked.stderr) == (125, True), asked.stderr
    assert not list(home.iterdir())


def test_a_volume_whose_place_is_there_is_mounted_in_what_is_kept(keeper: Bundle, home: Path) -> None:
    words = ("--whit-volume", "/etc:/home/nonroot:ro", "ls", "/home/nonroot/passwd")
    assert keeper(*words, environment={"HOME": str(home)}).stdout == "/home/nonroot/passwd\n"
    assert len(kept_in(home / ".cache")) == 1


def test_what_is_asked_for_at_the_start_gives_way_to_nothing(keeper: Bundle, home: Path) -> None:
    for words, environment, said in (
        (("--whit-unpack", "cache"), {"HOME": "", "XDG_CACHE_HOME": ""}, "you have no folder for 'cache'"),
        (("--whit-unpack", "cache"), {"HOME": "relative", "XDG_CACHE_HOME": ""}, "you have no folder for 'cache'"),
        (("--whit-unpack", "runtime"), {"XDG_RUNTIME_DIR": ""}, "you have no folder for 'runtime'"),
        (("--whit-unpack", "runtime"), {"XDG_RUNTIME_DIR": str(home / "none" / "deeper")}, "No such file or directory"),
        (("--whit-unpack", "cache", "--whit-writable"), {"HOME": str(home)}, "can't be --whit-writable"),
    ):
        done = keeper(*words, "true", environment=environment)
        assert (done.returncode, said in done.stderr) == (125, True), done.stderr


def test_in_the_runtime_folder(keeper: Bundle, home: Path) -> None:
    done = keeper("--whit-unpack", "runtime", "echo", "works", environment={"XDG_RUNTIME_DIR": str(home)})
    assert (done.stdout, len(kept_in(home))) == ("works\n", 1), done.stderr


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_where_nothing_may_be_executed_nothing_is_kept(keeper: Bundle, home: Path, is_asked_for: bool) -> None:
    (home / "mounted").mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"noexec,mode=700,uid={home.stat().st_uid}", "none", home / "mounted"],
        check=True,
    )
    try:
        words = ("--whit-unpack", "cache") if is_asked_for else ()
        done = keeper(*words, "echo", "works", environment={"XDG_CACHE_HOME": str(home / "mounted")})
        assert not list((home / "mounted").glob("whit-bundles/*"))
    finally:
        subprocess.run(["umount", home / "mounted"], check=True)
    if is_asked_for:
        assert (done.returncode, "it is mounted with noexec" in done.stderr) == (125, True), done.stderr
    else:
        assert (done.stdout, done.stderr) == ("works\n", "")


def test_nothing_is_kept_where_other_machines_may_keep_theirs(keeper: Bundle, home: Path) -> None:
    """What runs there holds a lock that isn't seen here, and would lose its files."""
    with fused(home, home.stat().st_uid):
        quiet = keeper("echo", "works", environment={"XDG_CACHE_HOME": str(home)})
        asked = keeper("--whit-unpack", "cache", "true", environment={"XDG_CACHE_HOME": str(home)})
    assert (quiet.stdout, quiet.stderr) == ("works\n", "")
    assert (asked.returncode, f"other machines may use {home}/whit-bundles" in asked.stderr) == (125, True), (
        asked.stderr
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--unpack", "here"), "'here' is no place on each machine"),
        (("--unpack", ""), "'' is no place on each machine"),
        (("--unpack", "cache", "--writable"), "--writable and --unpack"),
    ],
)
def test_where_it_can_t_be_kept_is_told_its_maker(
    run_whit: RunWhit, folder: Path, words: tuple[str, ...], said: str
) -> None:
    done = run_whit("bundle", *words, BUSYBOX, "-o", folder / "none.run")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not (folder / "none.run").exists()


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
