"""Conversions that can't be, and those that something comes between."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.converting import EPOCH, REWRITE, done, edited, foreign_image, in_layout
from tests.integration.registries import MB, make_image
from tests.peers.faults import breaking_proxy
from tests.unit.packer.images import GOOD, write_layout
from whit.packer.image import oci
from whit.packer.store.garbage import verify
from whit.packer.store.layout import Layout
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.registry import RegistryPeer


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An image by another builder, made just now: whiteouts, links, attributes, a file that is older than the time."""
    return foreign_image(tmp_path / "foreign", EPOCH + 1000)


# What breaks


def test_a_registry_that_breaks_is_gone_on_with_and_the_digest_is_the_same(
    run_whit: RunWhit, registry: RegistryPeer, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/breaks/image:1"
    make_image(whit_root, name, (4 * MB, 100_000))
    done(run_whit, "push", name)
    words = ("copy", "-q", "--compression", "zstd", *REWRITE)
    expected = done(run_whit, *words, name, f"oci:{tmp_path}/whole").splitlines()[-1]
    with breaking_proxy(registry.port, seed=3, left=12, most=3 * MB) as proxy:
        source = name.replace(str(registry.port), str(proxy.port), 1)
        for _ in range(20):
            result = run_whit(*words, source, f"oci:{tmp_path}/broken", root=tmp_path / "root")
            if result.returncode == 0:
                break
            assert not (tmp_path / "broken").exists()
        assert (result.returncode, result.stdout.splitlines()[-1]) == (0, expected)
        assert proxy.broken > 0
    assert verify(Store(tmp_path / "root")) == ()


def test_whoever_is_killed_while_converting_leaves_nothing_that_counts(
    whit: Path, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    make_image(whit_root, "large", (60 * MB, 10))
    before = {path.name for path in (whit_root / "images" / "blobs" / "sha256").iterdir()}
    environment = {"WHIT_ROOT": str(whit_root), "PATH": os.environ["PATH"]}
    for seconds in (0.05, 0.3, 0.5, 0.8):
        line = [str(whit), "copy", "-q", "--compression", "zstd", "store:large", f"oci:{tmp_path}/out"]
        with subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.kill()
        if (tmp_path / "out").exists():
            in_layout(tmp_path / "out")
        assert verify(Store(whit_root)) == ()
    done(run_whit, "copy", "-q", "--compression", "zstd", "store:large", f"oci:{tmp_path}/last")
    done(run_whit, "image", "prune", "-f")
    assert {path.name for path in (whit_root / "images" / "blobs" / "sha256").iterdir()} == before


@pytest.mark.root
def test_a_full_disk_is_told_and_nothing_is_there(run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    make_image(whit_root, "large", (20 * MB,))
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    try:
        result = run_whit("copy", "--compression", "none", "store:large", f"oci:{place}/out")
        assert (result.returncode, result.stdout.count("sha256:")) == (1, 0)
        assert "No space left" in result.stderr or "no space left" in result.stderr
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", place], check=True)


# What can't be


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--format", "docker", "--compression", "zstd"), 1, "docker's format has no layers compressed by zstd"),
        (("--compression", "zstd", "--with-referrers"), 2, "a converted image has another digest"),
        (("--timestamp", "5"), 2, "--source-date-epoch is for --rewrite-timestamps"),
        (("--compression", "lzma"), 2, "lzma"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run_whit: RunWhit, foreign: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    result = run_whit("copy", *words, f"oci:{foreign}", f"oci:{tmp_path}/out")
    assert (result.returncode, result.stdout) == (code, "")
    assert said in result.stderr
    assert not (tmp_path / "out").exists()


def test_layers_that_are_not_what_their_image_says_are_refused(
    run_whit: RunWhit, foreign: Path, tmp_path: Path
) -> None:
    def other(config: dict[str, Any]) -> None:
        config["rootfs"]["diff_ids"].reverse()

    edited(foreign, other, "config")
    result = run_whit("copy", "--compression", "zstd", f"oci:{foreign}", f"oci:{tmp_path}/out")
    assert (result.returncode, result.stdout) == (1, "")
    assert "its diff_id is another" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_damaged_blob_is_refused(run_whit: RunWhit, foreign: Path, tmp_path: Path) -> None:
    blob = in_layout(foreign).manifest.layers[1]
    path = foreign / "blobs" / "sha256" / blob.hex
    path.write_bytes(path.read_bytes()[:-9] + random.Random(1).randbytes(9))
    result = run_whit("copy", *REWRITE, f"oci:{foreign}", f"oci:{tmp_path}/out")
    assert (result.returncode, result.stdout) == (1, "")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["application/vnd.cyclonedx+json", oci.DOCKER_LAYER_FOREIGN])
def test_layers_that_hold_no_files_are_refused(run_whit: RunWhit, foreign: Path, tmp_path: Path, kind: str) -> None:
    edited(foreign, lambda manifest: manifest["layers"][0].update(mediaType=kind))
    result = run_whit("copy", "--compression", "zstd", f"oci:{foreign}", f"oci:{tmp_path}/out")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"layers of type {kind}, which can't be converted" in result.stderr
    assert done(run_whit, "copy", "-q", f"oci:{foreign}", f"oci:{tmp_path}/out")


def test_a_layer_that_is_no_archive_is_refused_where_its_times_are_to_change(run_whit: RunWhit, tmp_path: Path) -> None:
    path = write_layout(tmp_path / "image", [{"file": b"x"}], GOOD)
    bad = b"no archive" * 100
    layout = Layout(path, private=False)
    put = layout.put(bad, oci.LAYER_TAR)
    edited(path, lambda config: config["rootfs"].update(diff_ids=[put.digest]), "config")
    edited(path, lambda manifest: manifest.update(layers=[put.document()]))
    result = run_whit("copy", *REWRITE, f"oci:{path}", f"oci:{tmp_path}/out")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("whit: the archive")
