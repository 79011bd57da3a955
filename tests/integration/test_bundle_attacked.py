"""Bundles where something is against them: other names, other rights, containers, being killed at any point, being cut at any place."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.begun import first_line
from tests.integration.bundles import LIMIT_S, NOTHING, Bundle, box, bundle, folder
from tests.integration.conftest import USER, become
from tests.integration.leftcgroups import nothing_is_left
from tests.integration.madeimage import entry, make_image
from whit.packer.executable.bundled import MARK
from whit.packer.image.spec import RunConfig
from whit.runtime.bundle.reading import opened

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.integration.originals import Originals
    from tests.peers.dockerd import Dockerd

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["box", "folder", "nothing_is_left"]


def large_image(root: Path) -> str:
    """One that takes some time to fill."""
    files = {entry(f"large/{number}", mode=0o644): os.urandom(20 << 20) for number in range(3)}
    files |= {entry(f"small/{number}", mode=0o644): str(number).encode() for number in range(500)}
    return make_image(root, "large", files, RunConfig(entrypoint=("/bin/busybox",)), level=0)


@pytest.fixture
def large(originals: Originals, folder: Path) -> Bundle:
    """A bundle of it."""
    return Bundle(originals.copy(folder / "made.run", large_image))


# ---- how it is called ----


def test_it_may_have_any_name_and_be_called_by_links_relative_paths_and_path(box: Bundle, folder: Path) -> None:
    other = folder / "sub" / "a name\nof its own"
    other.parent.mkdir()
    box.path.rename(other)
    (folder / "link").symlink_to("sub/a name\nof its own")
    (folder / "hard").hardlink_to(other)
    calls: tuple[tuple[list[str], Path], ...] = (
        ([str(folder / "link"), "echo", "x"], folder),
        (["./hard", "echo", "x"], folder),
        (["../link", "echo", "x"], other.parent),
        (["/bin/sh", "-c", "PATH=.; export PATH; hard echo x"], folder),
    )
    for words, cwd in calls:
        done = subprocess.run(words, cwd=cwd, env=NOTHING, capture_output=True, text=True, check=False, timeout=LIMIT_S)
        assert (done.stdout, done.stderr) == ("x\n", "")


def test_it_may_be_removed_while_it_runs(box: Bundle) -> None:
    for by in (box, box.as_user):
        copy = Path(shutil.copy(box.path, box.path.with_name("copy")))
        words: list[str | Path] = [*by.prefix, copy, "sh", "-c", "echo ready; read x; /busybox echo $x"]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert first_line(process) == "ready"
        copy.unlink()
        assert process.communicate("done\n", timeout=LIMIT_S)[0] == "done\n"


# ---- by whose rights ----


@pytest.mark.parametrize(("owner", "mode"), [(0, 0o4755), (0, 0o2755), (USER + 1, 0o4755)])
def test_nobody_has_another_s_rights_by_it(box: Bundle, owner: int, mode: int) -> None:
    os.chown(box.path, owner, owner)
    box.path.chmod(mode)
    done = box.as_user("--whit-volume", "/root:/root", "ls", "/root")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("whit: a bundle is started by nobody else's rights\nhint: take its set-user-ID bit")


def test_nobody_has_a_file_s_capabilities_by_it(box: Bundle) -> None:
    subprocess.run(["setcap", "cap_sys_admin,cap_dac_override+ep", box.path], check=True)
    done = box.as_user("true")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        125,
        "whit: a bundle is started by nobody else's rights",
    )
    # root has them anyway
    assert box("true").returncode == 0


def test_who_may_execute_and_not_read_it_is_told(box: Bundle) -> None:
    box.path.chmod(0o711)
    done = box.as_user("true")
    assert done.returncode == 125
    assert done.stderr.splitlines()[0] == "whit: can't read this bundle: Permission denied"
    box.path.chmod(0o644)
    assert subprocess.run([*become(USER), "test", "-x", box.path], check=False).returncode == 1


# ---- where it is ----


@pytest.mark.peer("dockerd", "docker", "busybox-static")
def test_in_docker_s_containers_it_runs_or_says_what_it_takes(
    run_whit: RunWhit, whit_root: Path, box: Bundle, folder: Path, dockerd: Dockerd
) -> None:
    image = make_image(whit_root, "around-a-bundle", {}, RunConfig(cmd=("/bin/busybox",)))
    run_whit("save", image, "-o", folder / "image.tar")
    loaded = dockerd.docker("load", "-i", folder / "image.tar").stdout
    name = loaded.strip().rpartition(" ")[2]
    words = ("--rm", "--network", "none", "-v", f"{box.path}:/x.run:ro")
    confined = dockerd.docker("run", *words, name, "/x.run", "echo", "runs", check=False)
    assert (confined.returncode, confined.stdout) == (125, "")
    assert confined.stderr.startswith("whit: can't create the namespaces: Operation not permitted\nhint: ")
    assert len(confined.stderr.splitlines()) == 2
    rights = ["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined"]
    for capability, hint in (("SYS_ADMIN", "give it CAP_NET_ADMIN"), ("NET_ADMIN", "")):
        rights += ["--cap-add", capability]
        done = dockerd.docker("run", *rights, *words, name, "/x.run", "echo", "runs", check=False)
        assert hint in done.stderr
        assert len(done.stderr.splitlines()) <= 2
    assert done.stdout == "runs\n", done.stderr


def test_in_a_container_of_whit_s_it_says_what_is_missing(run_whit: RunWhit, whit_root: Path, box: Bundle) -> None:
    image = make_image(whit_root, "around", {}, RunConfig(cmd=("/bin/busybox",)))
    words = ("--network", "none", "--volume", f"{box.path}:/x.run:ro")
    done = run_whit("run", *words, image, "/x.run", "true")
    assert done.returncode == 125
    assert done.stderr.startswith(
        "whit: can't create the namespaces: Operation not permitted\nhint: nobody may make namespaces here"
    )


# ---- killed, cut ----


def _left(path: Path) -> list[str]:
    """Processes that came from a file, and from copies of its launcher."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(path) in (process / "cmdline").read_text():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("who", ["root", "user"])
def test_killed_at_any_point_it_leaves_no_process(large: Bundle, who: str) -> None:
    by = large if who == "root" else large.as_user
    for delay in range(0, 60, 4):
        process = by.begin("sleep", "100")
        time.sleep(delay / 1000)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LIMIT_S)
    deadline = time.monotonic() + LIMIT_S
    while _left(large.path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _left(large.path) == []
    assert by("cat", "/small/7").stdout == "7"


def test_killed_while_it_unpacks_it_leaves_nothing_that_is_taken_for_whole(large: Bundle, folder: Path) -> None:
    place = folder / "kept"
    place.mkdir()
    for delay in range(2, 60, 6):
        process = large.begin("--whit-unpack", place, "true")
        time.sleep(delay / 1000)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=LIMIT_S)
        assert large("--whit-unpack", place, "cat", "/small/7", "/small/499").stdout == "7499"
        # what the one that was killed had unpacked is gone, too
        (kept,) = place.iterdir()
        assert len(list((kept / "root/small").iterdir())) == 500
        assert all(path.stat().st_size == 20 << 20 for path in (kept / "root/large").iterdir())
        shutil.rmtree(kept)


def test_what_somebody_fills_in_and_what_is_no_bundle_s_is_left_alone(box: Bundle, folder: Path) -> None:
    place = folder / "kept"
    left = place / ".tmp-1-2-3-4-5-6-7-8"
    others = [
        place / name
        for name in (".tmp-mine", ".tmp-1-2", ".tmp-1-2-3-4-5-6-7-8-9", ".tmp-1-2-3-4-5-6-7-x", "1-2-3-4-5-6-7-8-9")
    ]
    for path in (left, *others):
        (path / "in").mkdir(parents=True)
    # given one that is being filled in
    held = os.open(left, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    assert box("--whit-unpack", place, "true").returncode == 0
    assert left.is_dir()
    os.close(held)
    box.path.touch()
    assert box("--whit-unpack", place, "true").returncode == 0
    assert not left.exists()
    assert all((path / "in").is_dir() for path in others)


@pytest.mark.parametrize("who", ["root", "user"])
def test_what_is_removed_again_takes_nothing_else_along(
    run_whit: RunWhit, whit_root: Path, folder: Path, who: str
) -> None:
    # given an image whose /etc leads out of it, to a file that whit makes in such folders, and whose folders are deep and shut
    outside = folder / "outside"
    outside.mkdir()
    (outside / "hosts").write_text("the host's")
    files = {entry("/".join(["deep"] * depth), tarfile.DIRTYPE, mode=0o555): b"" for depth in range(1, 100)}
    files |= {
        entry("etc", tarfile.SYMTYPE, linkname=str(outside)): b"",
        entry("shut", tarfile.DIRTYPE, mode=0): b"",
        entry("shut/0", tarfile.DIRTYPE, mode=0): b"",
        entry("0", mode=0o644): b"in the way of folders that are moved",
        entry("large", mode=0o644): os.urandom(12 << 20),
    }
    image = make_image(whit_root, "leading", files, RunConfig(entrypoint=("/bin/busybox",)), level=0)
    made = bundle(run_whit, folder, image)
    by = made if who == "root" else made.as_user
    place = folder / "kept"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "none", place], check=True)
    try:
        if by.prefix:
            os.chown(place, USER, USER)
        # when there is no room for it
        done = by("--whit-unpack", place, "true")
        assert (done.returncode, done.stderr.splitlines()[0]) == (
            125,
            f"whit: --whit-unpack: can't put the files into {place}: No space left on device",
        )
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", place], check=True)
    assert (outside / "hosts").read_text() == "the host's"


def test_two_in_namespaces_of_their_own_unpack_at_once(large: Bundle, folder: Path) -> None:
    # given two that have the same process number, each in a PID namespace of its own
    place = folder / "kept"
    place.mkdir()
    apart = ("unshare", "--pid", "--fork", "--mount-proc")
    words = ("--whit-unpack", str(place), "cat", "/small/7")
    both = [
        subprocess.Popen([*apart, large.path, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=LIMIT_S) for process in both] == [("7", "")] * 3
    assert len(list(place.iterdir())) == 1


def test_cut_in_its_mark_it_is_no_launcher(run_whit: RunWhit, whit: Path, box: Bundle, folder: Path) -> None:
    data, cut = box.path.read_bytes(), folder / "cut.run"
    with opened(str(box.path)) as whole:
        at = whole.mark.at
    # glibc needs what comes behind the mark before main: the program dies there
    of_glibc = json.loads(run_whit("inspect", "--json", whit).stdout)["libc"] == "glibc"
    deaths = {-signal.SIGSEGV, -signal.SIGBUS} if of_glibc else set()
    for end in range(at, at + MARK.size):
        cut.write_bytes(data[:end])
        cut.chmod(0o755)
        done = Bundle(cut)("true")
        if done.returncode not in deaths:
            assert (done.returncode, done.stderr.startswith("whit: this bundle is ")) == (125, True), end - at


def test_cut_at_any_border_it_is_refused_in_a_line(box: Bundle, folder: Path) -> None:
    data, cut = box.path.read_bytes(), folder / "cut.run"
    with opened(str(box.path)) as whole:
        mark, contents = whole.mark, [item.content for item in whole.head.entries if item.content.size]
    ends = {place.at for place in contents} | {place.at + place.size for place in contents}
    ends |= {mark.launcher_size, mark.launcher_size + 1, mark.head.at, mark.head.at + 1, mark.size - 1}
    for end in sorted(ends - {mark.size}):
        cut.write_bytes(data[:end])
        cut.chmod(0o755)
        for by in (Bundle(cut), Bundle(cut).as_user):
            done = by("true")
            assert (done.returncode, done.stderr.splitlines()[0]) == (
                125,
                "whit: this bundle is cut short: its end is missing",
            )
