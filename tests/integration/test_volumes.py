"""Volumes and mounts of containers that are kept."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine
from tests.integration.madeimage import entry, make_image
from whit.packer.image.spec import RunConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

FILLED = {
    entry("data", tarfile.DIRTYPE, mode=0o750, uid=33, gid=34): b"",
    entry("data/file", mode=0o640, uid=35, gid=36, mtime=1_000_000_000): b"from the image\n",
    entry("data/link", tarfile.SYMTYPE, linkname="/etc/passwd"): b"",
    entry("data/sub", tarfile.DIRTYPE, mode=0o711, uid=1, gid=2): b"",
}


ROOT = ("-u", "0:0", "--cap-add", "DAC_OVERRIDE")
"""Packed programs run as a user who may write next to nothing."""


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()


def once(engine: Engine, *words: str, options: tuple[str, ...], image: str = BUSYBOX) -> str:
    """What a container prints that is gone afterwards."""
    done = engine.run("run", "--rm", "--network", "none", *ROOT, *options, image, *words)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def test_a_named_volume_is_made_at_first_use_and_outlives_its_containers(engine: Engine) -> None:
    once(engine, "sh", "-c", "echo kept > /data/file", options=("-v", "data:/data"))
    assert once(engine, "cat", "/data/file", options=("-v", "data:/data:ro")) == "kept\n"
    assert engine("volume", "ls", "-q") == "data"
    done = engine.run("run", "--rm", "--network", "none", *ROOT, "-v", "data:/data:ro", BUSYBOX, "touch", "/data/x")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


def test_a_volume_alone_asks_for_a_container_that_is_kept(engine: Engine) -> None:
    engine("run", "-v", "data:/data", BUSYBOX, "true")
    assert engine("ps", "-aq") != ""


def test_a_new_volume_gets_what_the_image_has_there_with_owners_modes_and_times(engine: Engine) -> None:
    image = make_image(engine.root, "filled", FILLED)
    script = "stat -c '%n %a %u %g %F' /data /data/*; stat -c %Y /data/file; cat /data/file"
    told = once(engine, "sh", "-c", script, options=("-v", "data:/data"), image=image)
    assert told.splitlines() == [
        "/data 750 33 34 directory",
        "/data/file 640 35 36 regular file",
        "/data/link 777 0 0 symbolic link",
        "/data/sub 711 1 2 directory",
        "1000000000",
        "from the image",
    ]


def test_a_new_volume_on_nothing_of_the_image_s_belongs_to_the_container_s_user(engine: Engine) -> None:
    script = ("run", "--rm", "--network", "none", "-v", "data:/data")
    assert engine(*script, BUSYBOX, "sh", "-c", "touch /data/x; stat -c %u /data") == "65532"
    engine("volume", "create", "used")
    assert once(engine, "stat", "-c", "%u", "/data", options=("-v", "used:/data")) == "0\n"
    told = engine("run", "--rm", "--network", "none", "-v", "used:/data", BUSYBOX, "stat", "-c", "%u", "/data")
    assert told == "0", "it isn't new any more"


def test_an_empty_volume_stays_its_user_s_when_others_get_it_too(engine: Engine) -> None:
    """Given a volume that nobody has written to yet, when a second container has it, then the place that was made for mounting isn't the image's."""
    words = ("run", "--rm", "--network", "none", "-v", "data:/data", BUSYBOX, "stat", "-c", "%u %a", "/data")
    assert [engine(*words) for _ in range(2)] == ["65532 755"] * 2


def test_a_volume_that_has_something_keeps_it_and_nocopy_leaves_a_new_one_empty(engine: Engine) -> None:
    image = make_image(engine.root, "filled", FILLED)
    once(engine, "touch", "/data/own", options=("-v", "data:/data"))
    assert once(engine, "ls", "/data", options=("-v", "data:/data"), image=image) == "own\n"
    assert once(engine, "ls", "/data", options=("-v", "empty:/data:nocopy"), image=image) == ""
    mount = "type=volume,source=bare,target=/data,volume-nocopy"
    assert once(engine, "ls", "/data", options=("--mount", mount), image=image) == ""


def test_a_copy_that_was_cut_off_is_finished_by_whoever_comes_next(engine: Engine) -> None:
    image = make_image(engine.root, "filled", FILLED)
    engine("volume", "create", "data")
    whole = engine.root / "volumes" / "data" / "filling"
    whole.mkdir()
    (whole / "late").write_text("late\n")
    (engine.root / "volumes" / "data" / "data" / "early").write_text("early\n")
    assert once(engine, "ls", "/data", options=("-v", "data:/data"), image=image) == "early\nlate\n"
    assert not whole.exists()


def test_the_image_s_volumes_are_anonymous_ones_that_go_with_rm_v(engine: Engine) -> None:
    image = make_image(
        engine.root, "declares", FILLED, RunConfig(entrypoint=("/bin/busybox",), volumes=("/data", "/x"))
    )
    engine("create", "--name", "box", image, "true")
    assert len(engine("volume", "ls", "-q").splitlines()) == 2
    engine("rm", "box")
    engine("create", "--name", "box", "-v", "named:/x", image, "true")
    engine("rm", "-v", "box")
    left = engine("volume", "ls", "-q").splitlines()
    assert len(left) == 3, "without -v they stay, with it named ones do"
    assert "named" in left
    assert len(engine("volume", "prune", "-f").splitlines()) == 5
    assert "named" in engine("volume", "prune", "-a", "-f")
    assert engine("volume", "ls", "-q") == ""
    made = [
        line
        for line in engine("events", "--since", "1h", "--until", "0s", "-f", "type=volume").splitlines()
        if "create" in line
    ]
    assert len(made) == 4


def test_a_volume_that_a_container_has_is_not_removed(engine: Engine) -> None:
    engine("create", "--name", "box", "-v", "data:/data", BUSYBOX, "true")
    done = engine.run("volume", "rm", "data", "none-such")
    assert done.returncode == 1
    assert "volume data is used by container box" in done.stderr
    assert "there is no volume none-such" in done.stderr
    assert "data" not in engine("volume", "prune", "-a", "-f").splitlines()
    engine("rm", "box")
    assert engine("volume", "rm", "data") == "data"
    assert engine("volume", "rm", "-f", "data") == "data"


def test_many_at_once_make_one_volume(engine: Engine) -> None:
    image = make_image(engine.root, "filled", FILLED)
    engine("create", "--name", "first", image, "true")

    def make(number: int) -> str:
        return engine("create", "--name", f"box{number}", "-v", "data:/data", image, "true")

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(4)))) == 4
    assert engine("volume", "ls", "-q").splitlines() == ["data"]
    assert sorted(path.name for path in (engine.root / "volumes" / "data" / "data").iterdir()) == [
        "file",
        "link",
        "sub",
    ]


def test_volumes_are_taken_over_from_another_container(engine: Engine) -> None:
    engine("create", "--name", "other", "-v", "data:/data", "-v", "/anon", BUSYBOX, "true")
    once(engine, "sh", "-c", "echo a > /data/f; echo b > /anon/f", options=("--volumes-from", "other"))
    assert once(engine, "cat", "/data/f", "/anon/f", options=("--volumes-from", "other:ro")) == "a\nb\n"
    done = engine.run(
        "run", "--rm", "--network", "none", *ROOT, "--volumes-from", "other:ro", BUSYBOX, "touch", "/anon/g"
    )
    assert "Read-only file system" in done.stderr
    engine("rm", "-v", "other")
    assert engine("volume", "ls", "-q") == "data"


def test_a_volume_can_be_a_file_system_in_memory_or_a_folder_elsewhere(engine: Engine, tmp_path: Path) -> None:
    engine("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=64k,uid=7,mode=0700", "memory")
    told = once(engine, "sh", "-c", "stat -c '%u %a' /m; df -k /m | tail -1", options=("-v", "memory:/m"))
    assert told.splitlines()[0] == "7 700"
    assert told.splitlines()[1].split()[:2] == ["tmpfs", "64"]
    (tmp_path / "there").mkdir()
    engine("volume", "create", "-o", "type=none", "-o", f"device={tmp_path}/there", "-o", "o=bind", "there")
    once(engine, "touch", "/t/file", options=("-v", "there:/t"))
    assert (tmp_path / "there" / "file").exists()
    done = engine.run("volume", "create", "-o", "size=10m", "small")
    assert done.returncode == 1
    assert ", has no quotas by project as it is mounted\nhint: " in done.stderr
    assert engine("volume", "ls", "-q").split() == ["memory", "there"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--writable", "--storage-opt", "size=10m"), "has no quotas by project"),
        (("--storage-opt", "size=10m"), "--storage-opt size= is for a root that can be written"),
        (("--writable", "--storage-opt", "size=0"), "--storage-opt size=0: that is no size of a quota"),
        (("--storage-opt", "inodes=10"), "--storage-opt: there is no option 'inodes'"),
    ],
)
def test_a_size_that_its_root_can_not_have_is_refused_and_nothing_is_left(
    engine: Engine, options: tuple[str, ...], said: str
) -> None:
    done = engine.run("create", "--network", "none", *options, BUSYBOX, "true")
    assert (done.returncode, done.stdout) != (0, "")
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert engine("ps", "-aq") == ""
    assert [path.name for path in (engine.root / "containers").glob("*") if path.name != "names"] == []


def test_listing_and_inspecting_are_docker_s(engine: Engine) -> None:
    assert engine("volume", "create", "--label", "a=b", "data") == "data"
    assert len(engine("volume", "create")) == 64
    assert engine("volume", "create", "data") == "data", "one that is there is no error"
    assert engine("volume", "ls", "--filter", "name=data").splitlines() == ["DRIVER    VOLUME NAME", "local     data"]
    assert engine("volume", "ls", "-q", "--filter", "label=a=b") == "data"
    assert engine("volume", "ls", "--format", "{{.Name}} {{.Driver}} {{.Labels}}", "-f", "label=a") == "data local a=b"
    engine("create", "--name", "box", "-v", "data:/data", BUSYBOX, "true")
    assert len(engine("volume", "ls", "-q", "--filter", "dangling=true")) == 64
    assert engine("volume", "ls", "-q", "--filter", "dangling=false") == "data"
    (page,) = json.loads(engine("volume", "inspect", "data"))
    assert page["Mountpoint"] == str(engine.root / "volumes" / "data" / "data")
    assert (page["Labels"], page["Options"], page["Driver"], page["Scope"]) == ({"a": "b"}, None, "local", "local")
    assert engine("volume", "inspect", "-f", "{{.Name}}", "data") == "data"


# Binds and tmpfs


def test_a_read_only_bind_is_read_only_below_too_and_nonrecursive_shows_nothing_below(
    engine: Engine, tmp_path: Path
) -> None:
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", outer / "inner"], check=True)
    try:
        (outer / "inner" / "file").write_text("below\n")
        script = "cat /o/inner/file 2>/dev/null; touch /o/inner/x 2>/dev/null && echo written; true"

        def told(options: str) -> str:
            mount = f"type=bind,source={outer},target=/o{options}"
            return once(engine, "sh", "-c", script, options=("--mount", mount))

        assert told("") == "below\nwritten\n"
        assert told(",readonly") == "below\n"
        assert told(",readonly,bind-recursive=writable") == "below\nwritten\n"
        assert told(",bind-recursive=disabled") == "written\n", "what is under the mount point is written"
    finally:
        subprocess.run(["umount", outer / "inner"], check=True)


def test_what_is_mounted_on_the_host_later_comes_in_where_that_is_asked_for(engine: Engine, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "late").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared], check=True)
    try:
        subprocess.run(["mount", "--make-shared", shared], check=True)
        (shared / "late").mkdir()
        options = ("--network", "none", "--writable", "-v", f"{shared}:/in:rslave", "-v", f"{shared}:/apart")
        engine.box("sleep", "1000", options=options)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", shared / "late"], check=True)
        (shared / "late" / "file").touch()
        pid = engine.state()["Pid"]
        assert Path(f"/proc/{pid}/root/in/late/file").exists()
        assert not Path(f"/proc/{pid}/root/apart/late/file").exists()
    finally:
        engine("rm", "-f", "box")
        subprocess.run(["umount", "-R", shared], check=True)


def test_an_idmapped_bind_shows_other_owners(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        os.chown(path, 1000, 1001)
    option = f"{tmp_path}:/in:idmap=uids=1000-7-1;gids=1001-8-1"
    assert once(engine, "stat", "-c", "%u %g", "/in/file", options=("-v", option)) == "7 8\n"


def test_a_root_that_is_to_be_written_can_be_in_the_foreground_too(engine: Engine) -> None:
    """Given nothing else that asks for a container that is kept, when --writable is, then the root is its own to write."""
    words = ("run", "--network", "none", "--user", "0", "--writable", BUSYBOX, "sh", "-c", "echo written >/f; cat /f")
    assert engine(*words) == "written"


def test_a_mount_point_that_the_image_lacks_is_there_on_either_kind_of_root(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bound\n")
    for root in ("--read-only", "--writable"):
        options = (root, "-v", f"{tmp_path}/file:/deep/in/it", "-v", "data:/other/place", "--tmpfs", "/yet/another")
        assert once(engine, "cat", "/deep/in/it", options=options) == "bound\n"


def test_what_is_wrong_is_told_before_anything_is_made(engine: Engine, tmp_path: Path) -> None:
    for option, said in (
        (("-v", f"{tmp_path}/none:/x"), "there is no"),
        (("-v", "a/../b:/x:nocopy"), "no option of a bind"),
        (("-v", "data:/x:rshared"), "no option of a volume"),
        (("-v", "data:/x", "--tmpfs", "/x"), "given twice"),
        (("--volumes-from", "nobody"), "there is no container nobody"),
        (("--mount", "type=bind,target=/x"), "needs a source"),
    ):
        done = engine.run("create", "--name", "box", *option, BUSYBOX, "true")
        assert done.returncode != 0
        assert said in done.stderr
    assert engine("volume", "ls", "-q") == ""
    assert engine("ps", "-aq") == ""


def test_selinux_s_letters_are_taken_with_a_note(engine: Engine, tmp_path: Path) -> None:
    done = engine.run("create", "--name", "box", "-v", f"{tmp_path}:/x:ro,Z", BUSYBOX, "true")
    assert done.returncode == 0
    assert "SELinux" in done.stderr


# Roots


def _digest(folder: Path) -> str:
    """Everything about a tree of files."""
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        hashed.update(repr((str(path), state.st_mode, state.st_uid, state.st_mtime_ns, content)).encode())
    return hashed.hexdigest()


def test_two_containers_of_one_image_do_not_see_each_other_s_changes_and_the_image_keeps_its_own(
    engine: Engine,
) -> None:
    image = make_image(engine.root, "filled", FILLED)
    script = "cat /data/file; echo $0 > /data/file; rm /data/link; touch /new; cat /data/file"
    for name in ("one", "two"):
        engine("create", "--name", name, "--network", "none", *ROOT, image, "sh", "-c", script, name)
    (rootfs,) = (path for path in (engine.root / "rootfs").iterdir() if path.is_dir())
    before = _digest(rootfs)
    for name in ("one", "two"):
        engine("start", name)
        engine("wait", name)
    assert engine.log("one") == "from the image\none\n"
    assert engine.log("two") == "from the image\ntwo\n"
    assert _digest(rootfs) == before


def test_what_was_written_is_there_after_a_restart_and_gone_with_the_container(engine: Engine) -> None:
    engine(
        "create", "--name", "box", "--network", "none", "--writable", *ROOT, BUSYBOX, "sh", "-c", "echo x >> /f; cat /f"
    )
    for lines in (1, 2):
        engine("start", "box")
        engine("wait", "box")
        assert engine.log().count("x\n") == sum(range(1, lines + 1))
    folder = engine.folder()
    engine("rm", "box")
    assert not folder.exists()


def test_without_a_file_system_that_can_hold_a_layer_the_error_says_what_to_do(engine: Engine, tmp_path: Path) -> None:
    """The kernel takes no folder on an overlay as the upper one of another."""
    place = tmp_path / "overlay"
    for name in ("lower", "upper", "work", "merged"):
        (place / name).mkdir(parents=True)
    options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, place / "merged"], check=True)
    try:
        inside = Engine(engine.program, place / "merged" / "root")
        done = inside.run("run", "-d", "--name", "box", "--network", "none", "--writable", BUSYBOX, "sleep", "9")
        assert done.returncode == 125
        assert "WHIT_ROOT" in done.stderr
        assert once(inside, "echo", "read-only works", options=("--read-only",)) == "read-only works\n"
        inside.clean()
    finally:
        subprocess.run(["umount", place / "merged"], check=True)
