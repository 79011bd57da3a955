"""``copy``, ``push`` and ``save`` with other compression, other media types, other times: by peers, beside them, and refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.converting import EPOCH, REWRITE, converted, done, foreign_image, in_layout, tars
from tests.integration.registries import AMD64, ARM64, MB, make_image, make_index
from whit.packer.image import oci
from whit.packer.store.garbage import verify
from whit.packer.store.layout import Layout
from whit.packer.store.store import Store
from whit.packer.tar.read import TarReader

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd
    from tests.peers.registry import RegistryPeer

BUSYBOX = Path("/bin/busybox")
WORDS = {"gzip": oci.LAYER_GZIP, "zstd": oci.LAYER_ZSTD, "none": oci.LAYER_TAR}


@pytest.fixture
def box(run_whit: RunWhit) -> str:
    done(run_whit, "pack", BUSYBOX, "-t", "me/box:1", "--needs", "+tmp", "--", "echo", "ran")
    return "me/box:1"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An image by another builder, made just now: whiteouts, links, attributes, a file that is older than the time."""
    return foreign_image(tmp_path / "foreign", EPOCH + 1000)


# Compression


@pytest.mark.parametrize("compression", WORDS)
def test_layers_are_compressed_otherwise_and_hold_what_they_held(
    run_whit: RunWhit, box: str, tmp_path: Path, compression: str
) -> None:
    done(run_whit, "copy", f"store:{box}", f"oci:{tmp_path}/before")
    done(run_whit, "copy", "--compression", compression, f"store:{box}", f"oci:{tmp_path}/after")

    before, after = in_layout(tmp_path / "before"), in_layout(tmp_path / "after")
    assert {one.media_type for one in after.manifest.layers} == {WORDS[compression]}
    assert after.manifest.config == before.manifest.config, "the image's ID is that of its files"
    assert after.manifest.annotations == before.manifest.annotations
    assert tars(tmp_path / "after") == tars(tmp_path / "before")
    assert (after.digest == before.digest) == (compression == "gzip"), "what is so already stays as it is"


def test_there_and_back_it_is_the_same_image(run_whit: RunWhit, box: str, tmp_path: Path) -> None:
    first = converted(run_whit, f"store:{box}", f"oci:{tmp_path}/first")
    for number, compression in enumerate(("zstd", "none", "zstd", "gzip")):
        source = f"oci:{tmp_path}/{'first' if number == 0 else number - 1}"
        last = converted(run_whit, "--compression", compression, source, f"oci:{tmp_path}/{number}")
    assert last == first


def test_what_comes_out_depends_on_neither_cores_nor_where_it_lies(
    run_whit: RunWhit, registry: RegistryPeer, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/same/image:1"
    make_image(whit_root, name, (9 * MB, 10))
    done(run_whit, "push", name)
    ways: list[tuple[str, ...]] = [(f"store:{name}", "a"), (name, "b")]
    found = {converted(run_whit, "--compression", "zstd", source, f"oci:{tmp_path}/{to}") for source, to in ways}
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        found.add(converted(run_whit, "--compression", "zstd", name, f"oci:{tmp_path}/c"))
    finally:
        os.sched_setaffinity(0, cores)
    assert len(found) == 1
    assert verify(Store(whit_root)) == ()
    assert not list((whit_root / "cache" / "partial").glob("*"))
    kept = {blob.hex for blob in Store(whit_root).resolve(name).manifest.blobs}
    there = {path.name for path in (whit_root / "images" / "blobs" / "sha256").iterdir()}
    assert len(there) == len(kept) + 1, "what was only on its way is gone"


def test_a_layer_that_is_so_already_is_mounted_where_it_lies(
    run_whit: RunWhit, registry: RegistryPeer, whit_root: Path
) -> None:
    name, other = f"{registry.name}/mounts/from:1", f"{registry.name}/mounts/to:1"
    make_image(whit_root, name, (MB,))
    done(run_whit, "push", name)
    said = done(run_whit, "copy", "--format", "docker", name, other)
    assert said.count("Mounted from mounts/from") == 2


def test_a_large_image_takes_at_most_80_mb_of_memory(whit: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    make_image(root, "large", (20 * MB, 120 * MB))
    environment = {"WHIT_ROOT": str(root), "PATH": os.environ["PATH"]}
    line = [str(whit), "copy", "-q", "--compression", "gzip", *REWRITE, "store:large", f"oci:{tmp_path}/out"]
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    told = subprocess.run(
        ["python3", "-c", code, *line], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert int(told.stdout.split()[-1]) <= 80 << 10


# Docker's form


@pytest.mark.peer("skopeo")
def test_docker_s_form_and_back(run_whit: RunWhit, registry: RegistryPeer, box: str, tmp_path: Path) -> None:
    name = f"{registry.name}/docker/box:1"
    done(run_whit, "copy", "--format", "docker", f"store:{box}", name)
    accept = "application/vnd.docker.distribution.manifest.v2+json"
    words = ("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}")
    manifest = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=60).stdout)
    assert manifest["mediaType"] == accept
    assert manifest["config"]["mediaType"] == oci.DOCKER_CONFIG
    assert {one["mediaType"] for one in manifest["layers"]} == {oci.DOCKER_LAYER_GZIP}
    assert "annotations" not in manifest
    done(run_whit, "copy", "--format", "oci", name, f"oci:{tmp_path}/back")
    done(run_whit, "copy", f"store:{box}", f"oci:{tmp_path}/first")
    back, first = in_layout(tmp_path / "back").manifest, in_layout(tmp_path / "first").manifest
    assert (back.media_type, back.config, back.layers) == (oci.MANIFEST, first.config, first.layers)


@pytest.mark.root
@pytest.mark.peer("dockerd")
def test_docker_pulls_and_runs_it(run_whit: RunWhit, box: str, dockerd: Dockerd, tmp_path: Path) -> None:
    done(run_whit, "save", "--format", "docker", "--compression", "uncompressed", "-o", tmp_path / "box.tar", box)
    assert f"Loaded image: {box}\n" in dockerd.docker("load", "-i", tmp_path / "box.tar").stdout
    assert dockerd.docker("run", "--rm", "--network", "none", box).stdout == "ran\n"


def test_an_index_is_converted_with_all_its_images(run_whit: RunWhit, whit_root: Path, tmp_path: Path) -> None:
    images = [
        make_image(whit_root, f"x:{one.architecture}", (9, 10), seed=seed, platform=one)
        for seed, one in enumerate((AMD64, ARM64))
    ]
    make_index(whit_root, "x:all", *images)
    done(run_whit, "copy", "--format", "docker", "--compression", "none", "store:x:all", f"oci:{tmp_path}/out")
    layout = Layout(tmp_path / "out", private=False)
    (found,) = layout.index().manifests
    index = oci.parse_index(layout.read(found))
    assert index.media_type == found.media_type == oci.DOCKER_INDEX
    assert [one.platform for one in index.manifests] == [AMD64, ARM64]
    assert {one.media_type for one in index.manifests} == {oci.DOCKER_MANIFEST}
    read = [oci.parse_manifest(layout.read(one)) for one in index.manifests]
    assert {one.media_type for manifest in read for one in manifest.layers} == {oci.DOCKER_LAYER_TAR}


def test_attestations_of_an_index_are_left_out_and_that_is_said(
    run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    image = make_image(whit_root, "x:1", (9,))
    notes = (("vnd.docker.reference.digest", image.digest), ("vnd.docker.reference.type", "attestation-manifest"))
    told = make_image(whit_root, "x:2", (10,), seed=2)
    make_index(whit_root, "x:all", image, oci.Descriptor(told.media_type, told.digest, told.size, notes))
    result = run_whit("copy", "--compression", "zstd", "store:x:all", f"oci:{tmp_path}/out")
    assert result.returncode == 0
    assert "an attestation of the index told of images as they were" in result.stderr
    layout = Layout(tmp_path / "out", private=False)
    assert len(oci.parse_index(layout.read(layout.index().manifests[0])).manifests) == 1


@pytest.mark.parametrize("place", ["store", "layout", "registry"])
def test_what_is_attached_to_the_former_image_is_told_where_it_is_known(
    run_whit: RunWhit, box: str, tmp_path: Path, place: str, registry: RegistryPeer
) -> None:
    layout = f"oci:{tmp_path}/signed"
    done(run_whit, "sbom", "--attach", "-o", tmp_path / "x.json", box)
    done(run_whit, "copy", "--with-referrers", f"store:{box}", layout)
    target = f"{registry.name}/me/box:signed"
    done(run_whit, "copy", "--insecure", "--with-referrers", f"store:{box}", target)
    source = {"store": f"store:{box}", "layout": layout, "registry": target}[place]
    result = run_whit("copy", "--insecure", "--compression", "zstd", source, f"oci:{tmp_path}/out")
    assert result.returncode == 0, result.stderr
    known = "now: what is attached to the former doesn't hold for it: " in result.stderr
    assert known is (place != "registry")
    if place == "store":
        for words in (("save", "-o", tmp_path / "out.tar"), ("push", "--insecure")):
            name = box if words[0] == "save" else target
            done(run_whit, "tag", box, target)
            result = run_whit(*words, "--compression", "zstd", name)
            assert "doesn't hold for it" in result.stderr, words


# Times


def test_a_foreign_image_rewritten_has_no_later_time_and_all_else_as_it_was(
    run_whit: RunWhit, foreign: Path, tmp_path: Path
) -> None:
    result = run_whit("copy", *REWRITE, f"oci:{foreign}", f"oci:{tmp_path}/out")
    assert result.returncode == 0, result.stderr
    before, after = in_layout(foreign), in_layout(tmp_path / "out")
    assert before.digest != after.digest
    assert result.stderr == "", "nothing is attached that wouldn't hold"
    for old, new in zip(tars(foreign), tars(tmp_path / "out"), strict=True):
        members = [list(TarReader(iter([tar])).members()) for tar in (old, new)]
        assert [one.mtime_ns for one in members[1]] == [min(one.mtime_ns, EPOCH * 10**9) for one in members[0]]
        assert [(one.name, one.kind, one.target, one.xattrs, one.mode) for one in members[1]] == [
            (one.name, one.kind, one.target, one.xattrs, one.mode) for one in members[0]
        ]
    config = json.loads(Layout(tmp_path / "out", private=False).read(after.manifest.config))
    assert config["container"] == "x", "what whit doesn't know stays"
    dates = {config["created"], *(step["created"] for step in config["history"])}
    assert {*dates, config["config"]["Labels"]["org.opencontainers.image.created"]} == {"2020-09-13T12:26:40Z"}
    again = converted(run_whit, *REWRITE, f"oci:{tmp_path}/out", f"oci:{tmp_path}/again")
    assert again == after.digest, "doing it again changes nothing"


def test_one_image_built_at_two_times_is_one_when_it_is_rewritten(run_whit: RunWhit, tmp_path: Path) -> None:
    found = set()
    for number, time in enumerate((EPOCH, EPOCH + 1, EPOCH + 40_000_000)):
        path = foreign_image(tmp_path / f"built{number}", time)
        found.add(converted(run_whit, *REWRITE, f"oci:{path}", f"oci:{tmp_path}/out{number}"))
    assert len(found) == 1


def test_the_time_is_source_date_epoch_else_the_beginning(run_whit: RunWhit, foreign: Path, tmp_path: Path) -> None:
    words = ("copy", "--rewrite-timestamps", f"oci:{foreign}")
    environment = {"SOURCE_DATE_EPOCH": str(EPOCH)}
    assert run_whit(*words, f"oci:{tmp_path}/a", environment=environment).returncode == 0
    assert in_layout(tmp_path / "a").digest == converted(run_whit, *REWRITE, f"oci:{foreign}", f"oci:{tmp_path}/b")
    assert run_whit(*words, f"oci:{tmp_path}/c").returncode == 0
    assert in_layout(tmp_path / "c").config.created == "1970-01-01T00:00:00Z"


@pytest.mark.root
@pytest.mark.peer("dockerd")
def test_what_docker_builds_at_two_times_becomes_one(run_whit: RunWhit, dockerd: Dockerd, tmp_path: Path) -> None:
    for number in range(2):
        context = tmp_path / f"context{number}"
        context.mkdir()
        (context / "busybox").write_bytes(BUSYBOX.read_bytes())
        (context / "busybox").chmod(0o755)
        (context / "Dockerfile").write_text(
            'FROM scratch\nCOPY busybox /bin/\nRUN ["/bin/busybox", "mkdir", "-p", "/etc/x"]\nRUN ["/bin/busybox", "touch", "/etc/x/y"]\n'
        )
        dockerd.docker("build", "--no-cache", "-t", f"twice:{number}", context)
        dockerd.docker("save", "-o", tmp_path / f"{number}.tar", f"twice:{number}")
        archive = f"docker-archive:{tmp_path}/{number}.tar"
        converted(run_whit, *REWRITE, archive, f"oci:{tmp_path}/out{number}")
    documents = [
        json.loads(Layout(tmp_path / f"out{n}").read(in_layout(tmp_path / f"out{n}").manifest.config)) for n in (0, 1)
    ]
    for document in documents:
        # The builder notes the number of its last container: that isn't a time, and stays.
        document.pop("container", None)
        document.get("container_config", {}).pop("Hostname", None)
        document.pop("container_config", None)
        document["config"].pop("Image", None)
    assert documents[0] == documents[1]
    assert in_layout(tmp_path / "out0").manifest.layers == in_layout(tmp_path / "out1").manifest.layers


# Push and save


def test_push_and_save_convert_and_the_store_s_image_stays(
    run_whit: RunWhit, registry: RegistryPeer, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/pushed/box:1"
    done(run_whit, "pack", BUSYBOX, "-t", name, "--", "echo", "ran")
    before = Store(whit_root).resolve(name).digest
    pushed = json.loads(done(run_whit, "push", "--json", "--compression", "zstd", name))["images"][0]
    done(run_whit, "copy", name, f"oci:{tmp_path}/there")
    there = in_layout(tmp_path / "there")
    assert there.digest == pushed["digest"]
    assert {one.media_type for one in there.manifest.layers} == {oci.LAYER_ZSTD}
    assert pushed["source"] == before == Store(whit_root).resolve(name).digest
    done(run_whit, "save", "--compression", "zstd", "-o", tmp_path / "box.tar", name)
    done(run_whit, "rmi", name)
    done(run_whit, "load", "-i", tmp_path / "box.tar")
    assert Store(whit_root).resolve(name).digest == pushed["digest"]
    assert done(run_whit, "run", name) == "ran\n"
