"""``--push``: what is made goes to registries, its layers while they are being compressed; and what may come of that."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.registries import MB, is_whole
from tests.peers.faults import breaking_proxy
from tests.peers.registry import docker_registry, free_port, htpasswd
from whit.packer.registry.ahead import PIECE
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import RunWhit
    from tests.peers.faults import Exchange, Lying
    from tests.peers.registry import RegistryPeer

pytestmark = [pytest.mark.peer("docker-registry"), pytest.mark.peer("busybox-static")]
SIZE = 4 * PIECE


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program whose layer doesn't get small, and that no other test has."""
    return _program(tmp_path / "program", str(tmp_path))


def _program(path: Path, seed: str) -> Path:
    path.write_bytes(Path("/bin/busybox").read_bytes() + random.Random(seed).randbytes(SIZE))
    path.chmod(0o755)
    return path


def _sent(proxy: Lying, method: str) -> list[int]:
    return [int(one.request.get("Content-Length", "0")) for one in proxy.seen if one.method == method]


def _open_uploads(peer: RegistryPeer, repository: str) -> list[Path]:
    """Bytes that were sent and never became a blob; of one that is broken off docker-registry keeps the hash's state."""
    folder = peer.data / "docker/registry/v2/repositories" / repository / "_uploads"
    return list(folder.glob("*/data"))


def test_a_layer_goes_up_in_pieces_before_its_digest_is_known_and_every_byte_once(
    proxy: Lying, registry: RegistryPeer, program: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    name = f"localhost:{proxy.port}/ahead/new:1"

    packed = run_whit("pack", program, "-t", name, "--push")

    assert (packed.returncode, packed.stderr) == (0, "")
    assert f"The push refers to repository [localhost:{proxy.port}/ahead/new]" in packed.stdout
    digest = packed.stdout.rpartition("digest: ")[2].split()[0]
    pieces, whole = _sent(proxy, "PATCH"), (tmp_path / "whit-root/images/blobs/sha256").iterdir()
    assert set(pieces) == {PIECE}
    layer = max(path.stat().st_size for path in whole)
    assert layer <= sum(pieces) + sum(_sent(proxy, "PUT")) < layer + MB
    assert run_whit("pull", "-q", name, root=tmp_path / "there").returncode == 0
    assert is_whole(tmp_path / "there", name, digest)
    assert _open_uploads(registry, "ahead/new") == []


def test_what_the_registry_has_is_broken_off_and_what_nobody_wants_leaves_nothing(
    registry: RegistryPeer, program: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    # Given a registry that has the image, and a store that never had it
    name = f"{registry.name}/ahead/there"
    assert run_whit("pack", program, "-t", f"{name}:1", "--push", root=tmp_path / "a").returncode == 0

    # When it is packed again there, under the same tag and another
    again = run_whit("pack", program, "-t", f"{name}:1", "--push", root=tmp_path / "b")
    other = run_whit("pack", program, "-t", f"{name}:2", "--push", "--json", root=tmp_path / "c")

    # Then nothing was sent to its end
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count("Layer already exists") == 3
    (pushed,) = json.loads(other.stdout)["pushed"]
    assert (pushed["new"], pushed["transferred"]) == (True, 0)

    # And neither of that, nor of a program that turns out to be none, anything is left
    program.write_bytes(b"\x7fELF" + random.Random(1).randbytes(SIZE))
    refused = run_whit("pack", program, "-t", f"{name}:3", "--push")
    assert refused.returncode == 1
    assert _open_uploads(registry, "ahead/there") == []


def test_a_registry_without_chunks_gets_the_layer_whole(
    proxy: Lying, program: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    def before(exchange: Exchange) -> None:
        if exchange.method == "PATCH":
            exchange.status = 405

    proxy.before = before
    name = f"localhost:{proxy.port}/ahead/whole:1"

    packed = run_whit("pack", program, "-t", name, "--push", "--json")

    assert (packed.returncode, packed.stderr) == (0, "")
    assert max(_sent(proxy, "PUT")) > SIZE
    assert run_whit("pull", "-q", name, root=tmp_path / "there").returncode == 0
    assert is_whole(tmp_path / "there", name, json.loads(packed.stdout)["digest"])


@pytest.mark.parametrize("seed", range(4))
def test_connections_that_break_lose_nothing(
    seed: int, registry: RegistryPeer, program: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    with breaking_proxy(registry.port, seed=seed, left=3, most=SIZE) as proxy:
        name = f"localhost:{proxy.port}/ahead/broken:{seed}"
        packed = run_whit("pack", program, "-t", name, "--push", "--json")
        assert (packed.returncode, packed.stderr) == (0, "")
        assert run_whit("pull", "-q", name, root=tmp_path / "there").returncode == 0
    assert is_whole(tmp_path / "there", name, json.loads(packed.stdout)["digest"])


def test_a_push_that_fails_leaves_the_image_in_the_store_and_says_so(
    program: Path, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "refuses").mkdir()
    with docker_registry(tmp_path / "refuses", auth=htpasswd(tmp_path / "refuses")) as closed:
        for name in (f"{closed.name}/a/b:1", f"localhost:{free_port()}/a/b:1"):
            packed = run_whit("pack", program, "-t", name, "--push", environment={"DOCKER_CONFIG": str(tmp_path)})
            assert packed.returncode == 1
            assert packed.stderr.startswith("whit: ")
            assert f"hint: the image is in the store: 'whit push {name}' sends it" in packed.stderr
            assert Store(whit_root).entry(name).size > 0
    assert verify(Store(whit_root)) == ()


def test_each_build_can_push(registry: RegistryPeer, program: Path, run_whit: RunWhit, tmp_path: Path) -> None:
    names = [f"{registry.name}/built/{kind}:1" for kind in ("yaml", "docker", "second")]
    (tmp_path / "whit.yaml").write_text(f"binary: {program.name}\n")
    yaml = run_whit("build", tmp_path, "-f", tmp_path / "whit.yaml", "-t", names[0], "-t", names[2], "--push", "--json")
    assert (yaml.returncode, yaml.stderr) == (0, "")
    assert [one["name"] for one in json.loads(yaml.stdout)["pushed"]] == [names[0], names[2]]

    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nCOPY {program.name} /\n")
    docker = run_whit("build", tmp_path, "-f", tmp_path / "Dockerfile", "-t", names[1], "--push", "-q")
    assert docker.returncode == 0, docker.stderr

    for name in names:
        assert run_whit("pull", "-q", name, root=tmp_path / "there").returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["pack", "{program}", "--push"], "there is no name to push to"),
        (["pack", "{program}", "-t", "a/b:1", "--insecure"], "--insecure is for --push"),
        (["build", "{folder}", "--push"], "there is no name to push to"),
    ],
)
def test_what_cannot_be_pushed_is_told_before_anything_is_made(
    words: list[str], told: str, program: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY program /\n")
    done = run_whit(*(word.format(program=program, folder=tmp_path) for word in words))
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "whit-root/images/index.json").exists()
