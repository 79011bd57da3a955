"""``whit cp``: into containers and out of them, running or not, by docker's rules; what runs in them can't use it against the host."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

OPTIONS = ("--network", "none", "-u", "0:0", "--cap-add", "DAC_OVERRIDE", "--cap-add", "CHOWN", "--writable")
SETUP = "mkdir -p /dir/sub; echo one > /dir/file; ln -s file /dir/link; ln -s sub /dir/tosub; chown 7:8 /dir/file; cp -a /dir /own; mkdir /tars; echo ready; sleep 1000"


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(whit, tmp_path_factory.mktemp("copying") / "root")
    yield made
    made.clean()


@pytest.fixture(scope="module", params=["running", "stopped"])
def box(request: pytest.FixtureRequest, engine: Engine) -> str:
    """A container with some files, that runs or did; tests write to places of their own."""
    name: str = request.param
    engine.box("sh", "-c", SETUP, options=OPTIONS, name=name)
    while engine.log(name) != "ready\n":
        pass
    if name == "stopped":
        engine("stop", "-t", "0", name)
    return name


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def inside(engine: Engine, box: str, path: str) -> tarfile.TarFile:
    """What is in the container there."""
    done = subprocess.run(
        [str(engine.program), "cp", f"{box}:{path}", "-"], env=engine.environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tarfile.open(fileobj=io.BytesIO(done.stdout))


def test_a_folder_comes_out_as_a_new_one_or_into_one_that_is_there(engine: Engine, box: str, tmp_path: Path) -> None:
    whole = ["file", "link", "sub", "tosub"]
    engine("cp", f"{box}:/dir", tmp_path / "new")
    assert names(tmp_path / "new") == whole
    (tmp_path / "there").mkdir()
    engine("cp", f"{box}:/dir", tmp_path / "there")
    assert names(tmp_path / "there" / "dir") == whole
    (tmp_path / "content").mkdir()
    engine("cp", f"{box}:/dir/.", tmp_path / "content")
    assert names(tmp_path / "content") == whole
    assert (tmp_path / "new" / "link").readlink() == Path("file")
    assert (tmp_path / "new" / "file").stat().st_uid == 0, "it is whoever's who copies"
    engine("cp", "-a", f"{box}:/dir/file", tmp_path / "owned")
    assert ((tmp_path / "owned").stat().st_uid, (tmp_path / "owned").stat().st_gid) == (7, 8)


def test_files_and_links_come_out(engine: Engine, box: str, tmp_path: Path) -> None:
    engine("cp", f"{box}:/dir/file", tmp_path / "new")
    assert (tmp_path / "new").read_text() == "one\n"
    engine("cp", f"{box}:dir/file", f"{tmp_path}/")
    assert (tmp_path / "file").read_text() == "one\n"
    engine("cp", f"{box}:/dir/link", tmp_path)
    assert (tmp_path / "link").readlink() == Path("file")
    engine("cp", "-L", f"{box}:/dir/link", tmp_path / "followed")
    assert (tmp_path / "followed").read_text() == "one\n"
    engine("cp", f"{box}:/dir/tosub/", tmp_path / "folder")
    assert (tmp_path / "folder").is_dir()
    for source, target, said in (
        ("/none", tmp_path, "there is no /none"),
        ("/dir/file/", tmp_path, "is not a folder"),
        ("/dir/file", f"{tmp_path}/none/", "is not a folder"),
        ("/dir/file", f"{tmp_path}/none/file", "its folder isn't there"),
        ("/dir", tmp_path / "new", "is a file"),
    ):
        done = engine.run("cp", f"{box}:{source}", target)
        assert done.returncode != 0
        assert said in done.stderr


def test_what_goes_in_is_there_for_its_programs(engine: Engine, box: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "file").write_text("two\n")
    (tree / "link").symlink_to("deep/file")
    (tree / "deep" / "file").chmod(0o640)
    os.chown(tree / "deep" / "file", 5, 6)
    engine("cp", tree, f"{box}:/own")
    engine("cp", tree, f"{box}:/made")
    engine("cp", f"{tree}/.", f"{box}:/own/sub")
    engine("cp", tree / "deep" / "file", f"{box}:/own/link")
    with inside(engine, box, "/own") as found:
        members = {member.name: member for member in found.getmembers()}
    assert set(members) >= {"own/tree/deep/file", "own/sub/deep/file", "own/sub/link"}
    copied = members["own/tree/deep/file"]
    assert (copied.mode, copied.uid, copied.gid) == (0o640, 5, 6), "as with docker"
    assert members["own/link"].issym(), "what it leads to was replaced"
    assert members["own/file"].size == len("two\n")
    assert names_in(engine, box, "/made") == ["made", "made/deep", "made/deep/file", "made/link"]
    engine("cp", "-a", tree / "deep" / "file", f"{box}:/own/mine")
    with inside(engine, box, "/own/mine") as found:
        assert [(member.uid, member.gid) for member in found.getmembers()] == [(0, 0)], "the container's user's"
    if box == "stopped":
        assert not (engine.folder(box) / "root" / "own").exists(), "nothing stays mounted"


def names_in(engine: Engine, box: str, path: str) -> list[str]:
    with inside(engine, box, path) as found:
        return sorted(found.getnames())


def test_a_folder_does_not_take_a_file_s_place_nor_the_other_way_round(
    engine: Engine, box: str, tmp_path: Path
) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "x").touch()
    (tmp_path / "sub").touch()
    for source in ("file", "sub"):
        assert engine.run("cp", tmp_path / source, f"{box}:/dir").returncode == 1
    assert {"dir/file", "dir/sub"} <= set(names_in(engine, box, "/dir"))


def test_archives_go_in_and_come_out_by_standard_streams(engine: Engine, box: str) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        info = tarfile.TarInfo("of/tar")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    command = [str(engine.program), "cp", "-", f"{box}:/tars"]
    subprocess.run(command, env=engine.environment, input=written.getvalue(), check=True, timeout=60)
    assert names_in(engine, box, "/tars/") == ["tars", "tars/of", "tars/of/tar"]
    done = engine.run("cp", "-", f"{box}:/dir/file", stdin="x")
    assert "is not a folder" in done.stderr


def test_an_archive_that_leads_out_of_it_or_is_cut_off_is_told_with_what_has_been_copied(
    engine: Engine, box: str
) -> None:
    for members, cut, why in (
        (("before", "../../out"), None, "the archive holds a path that leads out of it: '../../out'"),
        (("before", "cut"), 3 * 512 + 100, "the archive ends in the middle"),
    ):
        # given a tar of a member that is well and one that isn't
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in members:
                member = tarfile.TarInfo(name)
                member.size = 200
                tar.addfile(member, io.BytesIO(bytes(200)))
        # when it is copied in
        done = subprocess.run(
            [str(engine.program), "cp", "-", f"{box}:/tars"],
            input=packed.getvalue()[:cut],
            env=engine.environment,
            capture_output=True,
            check=False,
        )
        # then the error says so, and what has been copied
        hint = "what came before that in the archive has been copied"
        assert (done.returncode, done.stderr.decode()) == (1, f"whit: {why}\nhint: {hint}\n")
        assert inside(engine, box, "/tars/before").getnames() == ["before"]


def test_a_device_is_refused_and_not_passed_over_in_silence(engine: Engine, box: str) -> None:
    done = engine.run("cp", "/dev/null", f"{box}:/tars/null")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "whit: /dev/null is a device or a socket, and those aren't copied",
    )


def test_a_full_disk_is_told_with_what_to_do(engine: Engine, tmp_path: Path) -> None:
    # given a container with a small file system in memory, and a file that is larger
    engine.box("sleep", "1000", options=(*OPTIONS, "--tmpfs", "/small:size=64k"), name="small")
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    # when it is copied there
    done = engine.run("cp", str(tmp_path / "large"), "small:/small/")
    # then
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "whit: /small/ in container small can't be written: no space left on the device",
            "hint: free some space; what was copied until then is there",
        ],
    )


def test_volumes_are_reached_and_read_only_ones_are_not_written(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in\n")
    (tmp_path / "fixed").mkdir()
    (tmp_path / "fixed" / "old").write_text("old\n")
    mounts = ("-v", "copied:/data", "-v", f"{tmp_path}/fixed:/fixed:ro")
    engine("create", "--name", "reader", "--read-only", *mounts, BUSYBOX, "sleep", "1000")
    for _ in range(2):
        engine("cp", tmp_path / "file", "reader:/data/")
        assert (engine.root / "volumes" / "copied" / "data" / "file").read_text() == "in\n"
        (engine.root / "volumes" / "copied" / "data" / "file").unlink()
        for place in ("/fixed/", "/", "/etc/new"):
            done = engine.run("cp", tmp_path / "file", f"reader:{place}")
            assert done.returncode == 1
            assert "read-only" in done.stderr
        engine("cp", "reader:/fixed/old", tmp_path / "out")
        assert (tmp_path / "out").read_text() == "old\n"
        engine("start", "reader")
    engine("rm", "-f", "reader")
    assert names(tmp_path / "fixed") == ["old"]


def test_one_side_is_a_container_and_the_other_one_is_not(engine: Engine) -> None:
    for words in (("/a", "/b"), ("a:/x", "b:/y"), ("./a:b", "/c"), ("-", "-"), ("a:", "/x")):
        assert engine.run("cp", *words).returncode == 2


# What a container may try


def test_links_in_the_container_lead_nowhere_outside_of_it(engine: Engine, box: str, tmp_path: Path) -> None:
    secret, victim = tmp_path / "secret", tmp_path / "victim"
    secret.write_text("host\n")
    victim.mkdir()
    script = f"""
        mkdir -p /trap{tmp_path}/victim; ln -s {tmp_path} /trap/abs; ln -s ../../../../../../../../../..{tmp_path} /trap/up
        ln -s /proc/1/root{tmp_path} /trap/proc"""
    subprocess.run(
        [str(engine.program), "run", "-d", "--name", "liar", *OPTIONS, BUSYBOX, "sh", "-c", f"{script}; echo ready; sleep 1000"],
        env=engine.environment, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    while engine.log("liar") != "ready\n":
        pass
    if box == "stopped":
        engine("stop", "-t", "0", "liar")
    try:
        for link in ("abs", "up", "proc"):
            done = engine.run("cp", "-L", f"liar:/trap/{link}/secret", tmp_path / "stolen")
            assert done.returncode != 0, link
            engine.run("cp", secret, f"liar:/trap/{link}/victim/")
            engine.run("cp", secret, f"liar:/trap/{link}/planted")
        assert names(tmp_path) == ["secret", "victim"]
    finally:
        engine("rm", "-f", "liar")


def test_a_container_that_swaps_folders_for_links_all_the_time_wins_nothing(engine: Engine, tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "sub").mkdir(parents=True)
    (host / "sub" / "secret").write_text("host's\n")
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "planted").write_text("in\n")
    script = f"""
        mkdir -p /d/sub /keep; echo mine > /d/sub/secret; ln -s {host}/sub /keep/link
        while true; do mv /d/sub /keep/sub; mv /keep/link /d/sub; mv /d/sub /keep/link; mv /keep/sub /d/sub; done"""
    engine.box("sh", "-c", script, options=OPTIONS, name="racer")
    stop = threading.Event()

    def plant() -> None:
        while not stop.is_set():
            engine.run("cp", f"{tmp_path}/in/.", "racer:/d")
            engine.run("cp", tmp_path / "in" / "sub" / "planted", "racer:/d/sub/planted")

    planter = threading.Thread(target=plant)
    planter.start()
    try:
        for number in range(4):
            out = tmp_path / f"out{number}"
            engine.run("cp", "-L", "racer:/d/sub/secret", out)
            assert not out.exists() or out.read_text() != "host's\n"
            engine.run("cp", "racer:/d", tmp_path / f"tree{number}")
    finally:
        stop.set()
        planter.join()
        engine("rm", "-f", "racer")
    assert names(host) == ["sub", "sub/secret"]
    trees = [path for path in tmp_path.glob("tree*/sub/secret") if not path.parent.is_symlink()]
    assert all(path.read_text() == "mine\n" for path in trees)
