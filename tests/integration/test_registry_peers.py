"""Images that whit pushed, read and run by others, and theirs by whit; copies from anywhere to anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.bench.programs import CRANE, go_program
from tests.conftest import lacking
from tests.integration.registries import AMD64, ARM64, MB, is_whole, make_image, make_index
from tests.peers import find_peer
from tests.peers.registry import asked, docker_registry, free_port, memory_registry, other_registry
from whit.packer.image.oci import digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.dockerd import Dockerd
    from tests.peers.registry import RegistryPeer

pytestmark = pytest.mark.peer("docker-registry")


def _ran(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.peer("skopeo")
def test_skopeo_reads_what_whit_pushed_and_whit_what_skopeo_wrote(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/skopeo/image:1"
    image = make_image(whit_root, name, (MB, 10))
    assert run_whit("push", name).returncode == 0
    insecure = "--src-tls-verify=false"
    _ran("skopeo", "copy", insecure, "--dest-compress=false", f"docker://{name}", f"oci:{tmp_path}/theirs:x")
    index = json.loads((tmp_path / "theirs/index.json").read_text())
    assert [entry["digest"] for entry in index["manifests"]] == [image.digest]

    back = f"{registry.name}/skopeo/back:1"
    v2s2 = ("--dest-tls-verify=false", "--format", "v2s2")
    _ran("skopeo", "copy", *v2s2, f"oci:{tmp_path}/theirs:x", f"docker://{back}")
    pulled = run_whit("pull", "--json", back, root=tmp_path / "other")
    assert pulled.returncode == 0, pulled.stderr
    there = _ran("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{back}")
    assert json.loads(there)["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert json.loads(pulled.stdout)["images"][0]["digest"] == digest_of(there.encode())


@pytest.mark.slow  # crane is compiled first
def test_crane_reads_what_whit_pushed_and_whit_what_crane_wrote(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    crane = go_program(CRANE)
    if crane is None:
        lacking("there is no Go to build crane with")
        return
    name, copy = f"{registry.name}/crane/image:1", f"{registry.name}/crane/copy:1"
    image = make_image(whit_root, name, (MB,))
    assert run_whit("push", name).returncode == 0
    assert _ran(crane, "digest", name).strip() == image.digest
    _ran(crane, "validate", "--remote", name)
    _ran(crane, "copy", name, copy)
    assert run_whit("pull", copy, root=tmp_path / "other").returncode == 0
    assert is_whole(tmp_path / "other", copy, image.digest)


@pytest.mark.root
@pytest.mark.peer("dockerd", "busybox-static")
def test_docker_runs_what_whit_pushed_and_whit_what_docker_pushed(
    dockerd: Dockerd, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    # The engine has a network of its own: the registry and whit are in it.
    inside = ("nsenter", f"--net=/proc/{dockerd.pid}/ns/net")
    environment = {**os.environ, "WHIT_ROOT": str(whit_root)}

    def run(*words: str) -> str:
        done = subprocess.run([*inside, whit, *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with docker_registry(tmp_path / "registry", port=free_port(), prefix=inside) as peer:
        name, theirs = f"{peer.name}/whit/busybox:1", f"{peer.name}/docker/busybox:1"
        image = make_image(whit_root, name, (0, MB), program=find_peer("busybox-static"))
        run("push", name)
        assert dockerd.docker("run", "--rm", "--network", "none", name, "echo", "hello").stdout == "hello\n"
        assert (
            dockerd.docker("inspect", "--format", "{{index .RepoDigests 0}}", name)
            .stdout.strip()
            .endswith(image.digest)
        )
        dockerd.docker("tag", name, theirs)
        dockerd.docker("push", theirs)
        dockerd.docker("rmi", name, theirs)
        run("pull", theirs)
        assert run("run", theirs, "echo", "back") == "back\n"
        converted = f"{peer.name}/whit/converted:1"
        run("copy", "-q", "--format", "docker", "--rewrite-timestamps", "--compression", "none", name, converted)
        assert dockerd.docker("run", "--rm", "--network", "none", converted, "echo", "so").stdout == "so\n"


@pytest.mark.root
@pytest.mark.peer("podman", "busybox-static")
def test_podman_runs_what_whit_pushed(registry: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    name = f"{registry.name}/podman/busybox:1"
    make_image(whit_root, name, (0,), program=find_peer("busybox-static"))
    assert run_whit("push", name).returncode == 0
    with tempfile.TemporaryDirectory(prefix="whit-") as short:  # podman wants it short
        places = ("--root", f"{short}/p", "--runroot", f"{short}/r", "--tmpdir", f"{short}/t")
        kind = (
            "--storage-driver",
            "vfs",
            "--cgroup-manager",
            "cgroupfs",
            "--events-backend",
            "none",
            "--runtime",
            "runc",
        )
        podman = ("podman", *places, *kind)
        _ran(*podman, "pull", "-q", "--tls-verify=false", name)
        limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none")
        assert _ran(*podman, "run", "--rm", *limits, name, "echo", "hello") == "hello\n"


def test_an_index_is_copied_with_all_that_it_has_between_all_places(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    images = [make_image(whit_root, f"x:{n}", (MB, n), seed=n, platform=(AMD64, ARM64)[n]) for n in range(2)]
    index = make_index(whit_root, "several:1", *images)
    there, layout = f"{registry.name}/copied/several:1", f"oci:{tmp_path}/layout:some/name:1"
    for source, target in (("store:several:1", there), (there, layout), (layout, "store:back:2")):
        done = run_whit("copy", "-q", source, target)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{index.digest}\n", "")
    assert is_whole(whit_root, "back:2", index.digest)
    one = run_whit("copy", "-q", "--platform", "linux/arm64", there, f"docker-archive:{tmp_path}/one.tar:one:1")
    assert one.stdout == f"{images[1].digest}\n"
    back = run_whit("copy", "-q", f"oci-archive:{tmp_path}/one.tar", "store:from/archive:1")
    assert (back.stdout, back.stderr) == (f"{images[1].digest}\n", "")
    whole = run_whit("copy", there, f"oci-archive:{tmp_path}/all.tar")
    assert "an archive holds the image of one platform" in whole.stderr
    assert not (tmp_path / "all.tar").exists()


def test_between_two_registries_bytes_pass_through_and_within_one_they_stay(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    first = f"{registry.name}/passing/through:1"
    image = make_image(whit_root, first, (40 * MB, 3))
    assert run_whit("push", first).returncode == 0
    empty = tmp_path / "empty"
    with memory_registry("ggcr", tmp_path) as other:
        document = json.loads(run_whit("copy", "--json", first, f"{other.name}/a/b:1", root=empty).stdout)
        assert (document["digest"], document["transferred"] > 40 * MB) == (image.digest, True)
        assert json.loads(asked(other, "/v2/a/b/tags/list"))["tags"] == ["1"]
        assert run_whit("copy", f"{other.name}/a/b:1", f"{other.name}/a/c:1", root=empty).returncode == 0
    document = json.loads(run_whit("copy", "--json", first, f"{registry.name}/other/name:1", root=empty).stdout)
    assert document["transferred"] == 0
    assert not list(empty.glob("images/blobs/sha256/*"))


def test_places_are_told_apart_in_words(run_whit: RunWhit) -> None:
    for words in (("copy", "./x", "y"), ("copy", "oci:", "y"), ("copy", "UPPER", "y"), ("copy", "store:", "y")):
        said = run_whit(*words)
        assert said.returncode == 2, words
        assert "hint: " in said.stderr
    assert "is not an OCI image layout: it has no oci-layout" in run_whit("copy", "oci:/etc", "store:x").stderr
    assert "an OCI image layout: there is no such folder" in run_whit("copy", "oci:/no/such", "store:x").stderr
    assert "there is no /no/such.tar" in run_whit("copy", "oci-archive:/no/such.tar", "store:x").stderr
