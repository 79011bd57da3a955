"""Images as others see them: skopeo, umoci, podman, docker; and the store under faults that are real."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from whit.packer.store.garbage import collect, verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd

BUSYBOX = Path("/bin/busybox")
pytestmark = pytest.mark.peer("busybox")


def run(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.fixture
def packed(run_whit: RunWhit, tmp_path: Path) -> Path:
    """busybox packed as a layout and as an archive, named me/box:1, its program told to echo."""
    for output in ("box/", "box.tar"):
        done = run_whit("pack", BUSYBOX, "-t", "me/box:1", "-o", f"{tmp_path}/{output}", "--", "echo", "packed")
        assert done.returncode == 0, done.stderr
    return tmp_path


@pytest.mark.peer("skopeo")
def test_skopeo_reads_layout_store_and_both_forms_of_the_archive(packed: Path, whit_root: Path) -> None:
    sources = (
        "oci:{0}/box:me/box:1",
        "oci:{1}/images:docker.io/me/box:1",
        "oci-archive:{0}/box.tar",
        "docker-archive:{0}/box.tar",
    )
    layers = set()
    for number, source in enumerate(sources):
        place = packed / f"copy{number}"
        run("skopeo", "copy", source.format(packed, whit_root), f"dir:{place}")
        manifest = json.loads((place / "manifest.json").read_text())
        config = json.loads((place / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
        layers.add(tuple(config["rootfs"]["diff_ids"]))
        assert config["config"]["Entrypoint"] == ["/busybox", "echo", "packed"]
    assert len(layers) == 1


@pytest.mark.peer("umoci")
def test_umoci_unpacks_the_layout(packed: Path) -> None:
    run("umoci", "unpack", "--rootless", "--image", f"{packed}/box:me/box:1", packed / "bundle")
    assert (packed / "bundle/rootfs/busybox").read_bytes() == BUSYBOX.read_bytes()


@pytest.mark.peer("dockerd")
@pytest.mark.root
def test_docker_loads_and_runs_the_archive(packed: Path, dockerd: Dockerd) -> None:
    loaded = dockerd.docker("load", "-i", packed / "box.tar").stdout
    assert "me/box:1" in loaded
    assert dockerd.docker("run", "--rm", "--network", "none", "me/box:1").stdout == "packed\n"


@pytest.mark.peer("podman")
@pytest.mark.root
def test_podman_loads_the_archive(packed: Path) -> None:
    # A socket's path has room for a hundred characters, of which podman takes its share.
    with tempfile.TemporaryDirectory(prefix="w", ignore_cleanup_errors=True) as short:
        places = ("--root", f"{short}/p", "--runroot", f"{short}/r", "--storage-driver", "vfs")
        podman = ("podman", *places, "--cgroup-manager", "cgroupfs")
        assert "me/box:1" in run(*podman, "load", "-i", packed / "box.tar")
        assert json.loads(run(*podman, "image", "inspect", "me/box:1"))[0]["Config"]["User"] == "65532:65532"


def test_one_input_gives_one_digest_under_all_circumstances(run_whit: RunWhit, tmp_path: Path) -> None:
    digests = set()
    circumstances = (
        (0o000, "C", "UTC", "0"),
        (0o077, "C.UTF-8", "Asia/Kathmandu", "1"),
        (0o777, "POSIX", "America/St_Johns", "random"),
    )
    for number, (umask, locale, zone, seed) in enumerate(circumstances):
        folder = tmp_path / f"folder {number}"
        folder.mkdir()
        program = folder / "box"
        program.write_bytes(BUSYBOX.read_bytes())
        os.utime(program, (number, number))
        old = os.umask(umask)
        try:
            environment = {"LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": seed}
            done = run_whit(
                "pack", "./box", "--json", root=tmp_path / f"root{number}", environment=environment, cwd=folder
            )
        finally:
            os.umask(old)
        assert done.returncode == 0, done.stderr
        digests.add(json.loads(done.stdout)["digest"])
    assert len(digests) == 1


def test_two_packs_of_one_name_at_once_both_succeed(run_whit: RunWhit, tmp_path: Path, whit_root: Path) -> None:
    programs = []
    for number in range(4):
        program = tmp_path / f"{number}" / "box"
        program.parent.mkdir()
        program.write_bytes(BUSYBOX.read_bytes() + bytes([number]))
        program.chmod(0o755)
        programs.append(program)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda program: run_whit("pack", program, "-t", "me/box"), programs))
    assert [one.returncode for one in done] == [0] * 4, [one.stderr for one in done]
    store = Store.open(whit_root)
    assert len(store.entries()) == 1
    assert verify(store) == ()


def test_a_pack_killed_at_any_instant_leaves_the_store_whole(
    whit: Path, run_whit: RunWhit, tmp_path: Path, whit_root: Path
) -> None:
    first = run_whit("pack", BUSYBOX, "-t", "me/box")
    assert first.returncode == 0, first.stderr
    chance = random.Random(7)
    program = tmp_path / "box"
    for number in range(30):
        program.write_bytes(BUSYBOX.read_bytes() + os.urandom(2_000_000) + bytes([number]))
        process = subprocess.Popen(
            [whit, "pack", program, "-t", "me/box"],
            env={**os.environ, "WHIT_ROOT": str(whit_root)},
            stdout=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.05, 0.5))
        process.kill()
        process.wait()
        assert verify(Store.open(whit_root)) == ()
    store = Store.open(whit_root)
    assert collect(store)
    names = [path.name for path in (*store.layout.folder.iterdir(), *store.layout.blob_folder.iterdir())]
    assert not [name for name in names if name.startswith(".tmp-")]
    assert verify(store) == ()


@pytest.mark.root
def test_a_full_disk_is_one_line_and_changes_nothing(whit: Path, tmp_path: Path) -> None:
    place, big = tmp_path / "small", tmp_path / "big"
    place.mkdir()
    big.write_bytes(BUSYBOX.read_bytes() + os.urandom(6_000_000))
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" && export WHIT_ROOT="$1/root" && "$0" pack /bin/busybox -t a >/dev/null && cp "$1/root/images/index.json" "$1/before" && { "$0" pack "$2" -t b; echo "exit $?"; cmp "$1/before" "$1/root/images/index.json" && find "$1" -name ".tmp*"; "$0" images -q; }'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, whit, place, big],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    exit_line, image = done.stdout.splitlines()
    assert exit_line == "exit 1", done.stderr
    assert len(image) == 12
    assert "no space left" in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.root
def test_a_read_only_store_can_be_read_and_says_why_it_can_not_be_written(whit: Path, tmp_path: Path) -> None:
    place = tmp_path / "root"
    script = 'export WHIT_ROOT="$1"; "$0" pack /bin/busybox -t a >/dev/null && mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && "$0" images -q; "$0" pack /bin/busybox -t b; echo "exit $?"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, whit, place], capture_output=True, text=True, check=False, timeout=120
    )
    image, exit_line = done.stdout.splitlines()
    assert len(image) == 12
    assert exit_line == "exit 1"
    assert "read-only" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_ctrl_c_in_the_middle_of_a_pack_is_one_line_and_leaves_nothing(whit: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(build("hello", "go").read_bytes() + os.urandom(400 << 20))
    root = tmp_path / "root"
    environment = {**os.environ, "WHIT_ROOT": str(root)}
    process = subprocess.Popen([whit, "pack", program], env=environment, stderr=subprocess.PIPE, text=True)
    blobs = root / "images" / "blobs" / "sha256"
    while not any(path.stat().st_size for path in blobs.glob(".tmp-*")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, "whit: interrupted")
    assert list(blobs.iterdir()) == []
    assert verify(Store.open(root)) == ()
