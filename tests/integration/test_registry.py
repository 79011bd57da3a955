"""Images to registries and back: with docker-registry, and with registries of two other makes."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.registries import AMD64, ARM64, MB, is_whole, make_image, make_index
from tests.peers import find_peer
from tests.peers.faults import lying_proxy
from tests.peers.registry import asked, memory_registry, other_registry
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.faults import Exchange
    from tests.peers.registry import RegistryPeer

pytestmark = pytest.mark.peer("docker-registry")


@pytest.fixture(scope="module", params=["ggcr", "oci"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryPeer]:
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    with memory_registry(request.param, tmp_path_factory.mktemp("other")) as peer:
        yield peer


def test_what_is_pushed_is_pulled_with_the_same_bytes(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/first/image:1.0"
    image = make_image(whit_root, name, (3 * MB, 10, 0))
    pushed = run_whit("push", name)
    assert (pushed.returncode, pushed.stderr) == (0, "")
    lines = pushed.stdout.splitlines()
    assert lines[0] == f"The push refers to repository [{registry.name}/first/image]"
    assert sorted(line.partition(": ")[2] for line in lines[1:-1]) == ["Pushed"] * 4
    assert lines[-1] == f"1.0: digest: {image.digest} size: {image.size}"

    pulled = run_whit("pull", name, root=tmp_path / "other")
    assert (pulled.returncode, pulled.stderr) == (0, "")
    lines = pulled.stdout.splitlines()
    assert lines[0] == "1.0: Pulling from first/image"
    assert lines[-3:] == [f"Digest: {image.digest}", f"Status: Downloaded newer image for {name}", name]
    assert is_whole(tmp_path / "other", name, image.digest)

    again = run_whit("pull", name, root=tmp_path / "other")
    assert f"Status: Image is up to date for {name}" in again.stdout


def test_what_is_there_is_not_sent_again_and_a_blob_of_another_repository_is_mounted(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path
) -> None:
    first, second = f"{registry.name}/mount/from:1", f"{registry.name}/mount/to:1"
    make_image(whit_root, first, (MB,))
    assert run_whit("push", first).returncode == 0
    assert run_whit("push", first).stdout.count("Layer already exists") == 2
    assert run_whit("tag", first, second).returncode == 0
    assert run_whit("push", second).stdout.count("Mounted from mount/from") == 2
    document = json.loads(run_whit("push", "--json", second).stdout)
    assert document["images"][0]["transferred"] == 0


def test_a_local_name_is_never_told_to_a_registry(registry: RegistryPeer, run_whit: RunWhit, whit_root: Path) -> None:
    secret, public = f"{registry.name}/secret/project:1", f"{registry.name}/known:1"
    make_image(whit_root, secret, (MB // 2,), seed=9)
    assert run_whit("tag", secret, public).returncode == 0
    assert run_whit("push", public).stdout.count("Pushed") == 2


def test_all_tags_are_pushed_and_pulled(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    repository = f"{registry.name}/all/tags"
    for tag in ("a", "b"):
        make_image(whit_root, f"{repository}:{tag}", (1000,), seed=ord(tag))
    assert run_whit("push", "-a", "-q", repository).stdout == f"{repository}\n"
    assert run_whit("pull", "-a", repository, root=tmp_path / "other").returncode == 0
    names = run_whit("images", "--format", "{{.Tag}}", root=tmp_path / "other").stdout.split()
    assert sorted(names) == ["a", "b"]
    assert run_whit("push", "-a", f"{repository}:a").returncode == 2


def test_of_several_platforms_this_machine_s_is_taken_unless_another_is_asked_for(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/two/platforms:1"
    here, there = (
        make_image(whit_root, f"x:{platform.architecture}", (5000,), seed=seed, platform=platform)
        for seed, platform in enumerate((AMD64, ARM64))
    )
    index = make_index(whit_root, name, here, there)
    assert run_whit("push", name).stdout.endswith(f"digest: {index.digest} size: {index.size}\n")
    stored = {}
    for words in ((), ("--platform", "linux/arm64"), ("--all-platforms",)):
        pulled = run_whit("pull", *words, "--json", name, root=tmp_path / "other")
        assert pulled.returncode == 0, pulled.stderr
        document = json.loads(pulled.stdout)["images"][0]
        stored[words] = document["stored"]
        assert document["digest"] == index.digest
        assert is_whole(tmp_path / "other", name, document["stored"])
    assert list(stored.values()) == [here.digest, there.digest, index.digest]
    refused = run_whit("pull", "--platform", "linux/s390x", name)
    assert refused.returncode == 1
    assert "has nothing for linux/s390x\nhint: it is for linux/amd64, linux/arm64" in refused.stderr


@pytest.mark.root
def test_a_store_on_a_read_only_file_system_is_pushed_from(
    registry: RegistryPeer, run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/read/only:1"
    image = make_image(whit_root, name, (5000,))
    mounted = f"mount --bind {whit_root} {whit_root} && mount -o remount,bind,ro {whit_root}"
    words = f"{mounted}; export WHIT_ROOT={whit_root}; {whit} push -q {name}"
    subprocess.run(["unshare", "-m", "sh", "-ec", words], check=True)
    assert run_whit("pull", "-q", name, root=tmp_path / "other").returncode == 0
    assert is_whole(tmp_path / "other", name, image.digest)


@pytest.mark.parametrize("verb", ["pull", "copy"])
def test_an_image_of_one_platform_is_not_taken_for_another(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path, verb: str
) -> None:
    name = f"{registry.name}/{verb}/single:1"
    make_image(whit_root, name, (5000,), platform=AMD64)
    assert run_whit("push", name).returncode == 0
    target = (f"oci:{tmp_path}/out",) if verb == "copy" else ()

    for root in (whit_root, tmp_path / "other"):  # where it is already, and where it isn't
        refused = run_whit(verb, "--platform", "linux/arm64", name, *target, root=root)
        assert (refused.returncode, refused.stderr.splitlines()) == (
            1,
            [f"whit: {name} has nothing for linux/arm64", "hint: it is for linux/amd64"],
        )
    taken = run_whit(verb, "--platform", "linux/amd64", name, *target, root=tmp_path / "other")
    assert taken.returncode == 0, taken.stderr


def test_an_image_that_is_not_there_is_pulled_to_be_run(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/to/run:1"
    make_image(whit_root, name, (0,), program=find_peer("busybox-static"))
    assert run_whit("push", name).returncode == 0
    root = tmp_path / "other"
    never = run_whit("run", "--pull", "never", name, "echo", "hello", root=root)
    assert (never.returncode, never.stdout) == (125, "")
    done = run_whit("run", name, "echo", "hello", root=root)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr.startswith(f"Unable to find image '{name}' locally\n1: Pulling from to/run\n")
    assert run_whit("run", name, "echo", "again", root=root).stderr == ""
    assert "Image is up to date" in run_whit("run", "--pull", "always", name, "true", root=root).stderr
    missing = run_whit("run", f"{registry.name}/no/such", root=root)
    assert missing.returncode == 125
    assert f"whit: there is no image {registry.name}/no/such in the store, and it can't be pulled: " in missing.stderr


def test_other_makes_of_registries_take_and_give_images_whole(
    other: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{other.name}/some/image:1"
    image = make_image(whit_root, name, (40 * MB, 3 * MB, 1))  # more than one chunk
    pushed = run_whit("push", name)
    assert pushed.returncode == 0, pushed.stderr
    assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
    assert is_whole(tmp_path / "other", name, image.digest)
    again = f"{other.name}/mounted:1"
    assert run_whit("tag", name, again).returncode == 0
    assert run_whit("push", again).returncode == 0


@pytest.mark.peer("busybox-static")
def test_zstd_layers_go_and_come_as_they_are(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/zstd:1"
    packed = run_whit("pack", "/bin/busybox", "--compression", "zstd", "-t", name)
    assert packed.returncode == 0, packed.stderr
    assert run_whit("push", name).returncode == 0
    assert run_whit("run", name, "echo", "hello", root=tmp_path / "other").stdout == "hello\n"
    digest = Store(whit_root).entry(name).digest
    assert is_whole(tmp_path / "other", name, digest)


def test_two_pushes_and_a_prune_at_once_do_no_harm(
    registry: RegistryPeer, whit: Path, whit_root: Path, run_whit: RunWhit, tmp_path: Path
) -> None:
    names = [f"{registry.name}/at/once:{number}" for number in range(2)]
    digests = [make_image(whit_root, name, (8 * MB, 5), seed=7).digest for name in names]
    environment = {"WHIT_ROOT": str(whit_root), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    commands = [["push", name] for name in names] + [["image", "prune", "-f"]] * 2
    started = [
        subprocess.Popen([whit, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for words in commands
    ]
    assert [(process.wait(60), (process.communicate()[1] or b"").decode()) for process in started] == [(0, "")] * 4
    for name, digest in zip(names, digests, strict=True):
        assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, digest)


def test_a_registry_without_a_search_is_searched_by_its_catalog(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path
) -> None:
    name = f"{registry.name}/needle/in/haystack:7"
    make_image(whit_root, name, (10,))
    assert run_whit("push", name).returncode == 0
    found = run_whit("search", f"{registry.name}/needle", "--list-tags", "--format", "{{.Name}} {{.Description}}")
    assert found.stdout == f"{registry.name}/needle/in/haystack 7\n"
    assert run_whit("search", f"{registry.name}/nothing-like-that", "--json").stdout.count('"results": []') == 1
    assert "needle/in/haystack" in asked(registry, "/v2/_catalog").decode()


def test_a_registry_with_a_search_is_asked_by_it(registry: RegistryPeer, run_whit: RunWhit) -> None:
    found = [
        {"name": "library/alpine", "description": "A small\n\x1b[31mred one", "star_count": 9, "is_official": True},
        {"name": "me/alpine", "description": "x" * 60, "star_count": 1},
    ]

    def before(exchange: Exchange) -> None:
        if exchange.path.startswith("/v1/search?q=alpine&n=25"):
            exchange.status, exchange.headers = 200, {"Content-Type": "application/json"}
            exchange.body = json.dumps({"results": found}).encode()

    with lying_proxy(registry.port) as proxy:
        proxy.before = before
        table = run_whit("search", f"localhost:{proxy.port}/alpine")
        lines = [line.split() for line in table.stdout.splitlines()]
        host = f"localhost:{proxy.port}"
        assert lines[0] == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]
        assert lines[1] == [f"{host}/library/alpine", "A", "small", "[31mred", "one", "9", "[OK]"]
        assert lines[2] == [f"{host}/me/alpine", "x" * 44 + "…", "1"]
        filtered = run_whit("search", "--filter", "stars=5", "--format", "{{.Name}}", f"{host}/alpine")
        assert filtered.stdout == f"{host}/library/alpine\n"
        assert run_whit("search", "--filter", "colour=red", f"{host}/alpine").returncode == 2


def test_a_mistyped_name_is_told_in_words(registry: RegistryPeer, run_whit: RunWhit) -> None:
    for words in (("pull", f"{registry.name}/no/such:1"), ("push", f"{registry.name}/no/such:1")):
        said = run_whit(*words)
        assert said.returncode == 1
        assert said.stderr.startswith("whit: "), said.stderr
        assert "Traceback" not in said.stderr
    closed = run_whit("pull", "localhost:1/x:1")
    assert "localhost:1 can't be reached: connection refused" in closed.stderr


def test_the_store_s_containers_keep_what_a_newer_pull_replaces(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    name = f"{registry.name}/moving:1"
    old = make_image(whit_root, name, (10,), seed=1)
    assert run_whit("push", name).returncode == 0
    assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
    new = make_image(whit_root, name, (10,), seed=2)
    assert run_whit("push", name).returncode == 0
    assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
    store = Store(tmp_path / "other")
    assert [entry.digest for _, entry in store.entries()] == [new.digest]
    assert not store.layout.has(old)
