"""Ten services of one team: what they have in common lies in the store once, goes to the registry once, and is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.peers.faults import lying_proxy
from tests.peers.registry import docker_registry
from tests.programs.build import build
from whit.packer.registry.pulling import partial_folder
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

SERVICES = tuple(f"service{number}" for number in range(10))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten Go programs that need certificates and zones: what follows an ELF file's last section makes them differ."""
    folder = tmp_path_factory.mktemp("programs")
    content = build("client", "go").read_bytes()
    made = []
    for name in SERVICES:
        (folder / name).write_bytes(content + name.encode())
        (folder / name).chmod(0o755)
        made.append(folder / name)
    return made


def packed(run_whit: RunWhit, programs: list[Path], prefix: str = "team") -> list[dict[str, Any]]:
    done = [run_whit("pack", "--json", "--needs", "+zones", path, "-t", f"{prefix}/{path.name}") for path in programs]
    assert [one.stderr for one in done if one.returncode] == []
    return [json.loads(one.stdout) for one in done]


def used(run_whit: RunWhit) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_whit("system", "df", "--json").stdout)
    return found


def test_ten_services_keep_their_stable_files_once_and_df_tells_what_that_saves(
    run_whit: RunWhit, programs: list[Path], whit_root: Path
) -> None:
    # given ten services that need the same certificates and zones
    packed(run_whit, programs)
    store = Store(whit_root)
    stable = {image.manifest.layers[0] for image in store.list()}
    assert len(stable) == 1
    # then it is told that their layer is there once
    (layer,) = stable
    found = used(run_whit)
    assert found["schema"] == "whit-df/1"
    assert found["sharing"] == {
        "saved": 9 * layer.size,
        "blobs": [{"digest": layer.digest, "size": layer.size, "images": 10}],
    }
    assert {image["shared"] for image in found["images"]} == {layer.size}
    assert all(image["size"] == image["shared"] + image["unique"] for image in found["images"])
    assert sum(image["unique"] for image in found["images"]) + layer.size == sum(
        path.stat().st_size for path in store.layout.blob_folder.iterdir()
    )
    # and people read it in a line, with docker's columns for each image
    *_, empty, line = run_whit("system", "df").stdout.splitlines()
    assert empty == ""
    assert line.startswith("Sharing saves ")
    assert line.endswith(": 1 blob is stored once for 10 images")
    verbose = run_whit("system", "df", "-v").stdout.splitlines()
    assert "SHARED SIZE   UNIQUE SIZE   CONTAINERS" in verbose[2]
    assert verbose[-1] == line


def test_ten_services_send_their_stable_files_to_a_registry_once(
    run_whit: RunWhit, programs: list[Path], whit_root: Path, tmp_path: Path
) -> None:
    with docker_registry(tmp_path / "registry") as peer, lying_proxy(peer.port) as proxy:
        # given ten services, each with a repository of its own
        packed(run_whit, programs, f"localhost:{proxy.port}/team")
        (layer,) = {image.manifest.layers[0] for image in Store(whit_root).list()}
        # when all are pushed
        for name in SERVICES:
            done = run_whit("push", f"localhost:{proxy.port}/team/{name}")
            assert (done.returncode, done.stderr) == (0, "")
        # then one upload had the layer, and nine repositories mounted it
        about = [one for one in proxy.seen if layer.digest.removeprefix("sha256:") in one.path and one.method != "HEAD"]
        sent = [one for one in about if one.method == "PUT"]
        mounted = [one for one in about if one.method == "POST" and "mount=" in one.path]
        assert (len(sent), len(mounted)) == (1, 9)
        assert {one.status for one in mounted} == {201}


def test_images_without_anything_in_common_save_nothing_and_nothing_is_said(
    run_whit: RunWhit, programs: list[Path]
) -> None:
    packed(run_whit, programs[:1])
    assert "Sharing" not in run_whit("system", "df").stdout
    assert used(run_whit)["sharing"] == {"saved": 0, "blobs": []}


def test_what_has_come_of_a_blob_that_is_not_whole_is_counted(
    run_whit: RunWhit, programs: list[Path], whit_root: Path
) -> None:
    # given a pull that broke
    packed(run_whit, programs[:1])
    folder = partial_folder(Store(whit_root))
    folder.mkdir(mode=0o700)
    (folder / ("a" * 64)).write_bytes(b"x" * 40_000)
    # then its bytes are part of the cache, and told of
    cache = used(run_whit)["cache"]
    assert cache["unfinished"]["blobs"] == 1
    assert 40_000 <= cache["unfinished"]["size"] <= cache["size"]
    assert "1 blob that hasn't come whole yet" in run_whit("system", "df", "-v").stdout


def test_two_ways_to_ask_contradict_each_other(run_whit: RunWhit) -> None:
    done = run_whit("system", "df", "--json", "--format", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json and --format contradict each other" in done.stderr
