"""What is killed, or finds its disk full, is gone on with: not from the beginning, and never wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.registries import MB, is_whole, make_image
from tests.peers.faults import breaking_proxy
from tests.peers.registry import docker_registry, memory_registry, other_registry
from whit.packer.image.reference import parse_reference
from whit.packer.registry import pushing, sending
from whit.packer.registry.progress import Silent
from whit.packer.registry.registries import Registries
from whit.packer.registry.settings import Settings
from whit.packer.store.garbage import verify
from whit.packer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.peers.faults import Breaking
    from tests.peers.registry import RegistryPeer

pytestmark = pytest.mark.peer("docker-registry")
CHUNK = 32 * MB


def _killed_when_it_stalls(whit: Path, proxy: Breaking, root: Path, *words: str) -> None:
    """Start whit, and end it by SIGKILL when nothing goes through the proxy any more."""
    process = subprocess.Popen(
        [whit, *words], env={**os.environ, "WHIT_ROOT": str(root)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert proxy.stalled.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    proxy.stall_up = proxy.stall_down = None
    proxy.up = proxy.down = 0


def test_a_pull_that_was_killed_goes_on(
    registry: RegistryPeer, whit: Path, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    with breaking_proxy(registry.port) as proxy:
        name = f"localhost:{proxy.port}/killed/pull:1"
        made = make_image(whit_root, name, (20 * MB, 1000))
        assert run_whit("push", name).returncode == 0
        proxy.down, proxy.stall_down = 0, 12 * MB
        root = tmp_path / "other"
        _killed_when_it_stalls(whit, proxy, root, "pull", name)
        assert verify(Store(root)) == ()
        assert Store(root).entries() == ()
        arrived = sum(path.stat().st_size for path in (root / "cache/partial").iterdir())
        assert arrived > 4 * MB  # some of what went through was still in the kernel's buffers
        assert run_whit("image", "prune", "-f", root=root).returncode == 0
        assert run_whit("pull", name, root=root).returncode == 0
        assert is_whole(root, name, made.digest)
        assert proxy.down < 20 * MB - arrived + 100_000
        assert list((root / "cache/partial").iterdir()) == []


def test_a_push_that_was_killed_goes_on_where_the_registry_says(
    whit: Path, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    with memory_registry("oci", tmp_path) as peer, breaking_proxy(peer.port) as proxy:
        name = f"localhost:{proxy.port}/killed/push:1"
        made = make_image(whit_root, name, (40 * MB,))
        proxy.stall_up = CHUNK + 4 * MB
        _killed_when_it_stalls(whit, proxy, whit_root, "push", name)
        assert len(list((whit_root / "cache/uploads").glob("*.json"))) == 1
        proxy.left, proxy.most = 1000, 50  # a network on which nothing goes: it isn't forgotten because of that
        assert run_whit("push", name).returncode == 1
        proxy.left = proxy.up = 0
        assert run_whit("push", name).returncode == 0
        assert proxy.up < 9 * MB
        assert list((whit_root / "cache/uploads").glob("*.json")) == []
        assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, made.digest)


def test_docker_s_registry_goes_on_after_the_last_chunk_that_was_whole(
    registry: RegistryPeer, whit: Path, run_whit: RunWhit, whit_root: Path, tmp_path: Path
) -> None:
    with breaking_proxy(registry.port) as proxy:
        name = f"localhost:{proxy.port}/killed/push:1"
        made = make_image(whit_root, name, (40 * MB,))
        proxy.stall_up = CHUNK + 20_000  # of the second chunk nothing arrives but its headers
        _killed_when_it_stalls(whit, proxy, whit_root, "push", name)
        assert run_whit("push", name).returncode == 0
        assert proxy.up < 9 * MB
        assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, made.digest)


@pytest.mark.parametrize("kind", ["docker", "oci", "ggcr"])
def test_many_chunks_come_whole_whatever_breaks(
    kind: str,
    registry: RegistryPeer,
    whit_root: Path,
    run_whit: RunWhit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if other_registry() is None:
        lacking("there is no Go to build the registry with")
    monkeypatch.setattr(sending, "CHUNK", 64 << 10)
    monkeypatch.setattr(sending, "CHUNK_SECONDS", 0.0)
    with contextlib.ExitStack() as stack:
        peer = registry if kind == "docker" else stack.enter_context(memory_registry(kind, tmp_path))
        proxy = stack.enter_context(breaking_proxy(peer.port, left=3, most=MB))
        name = f"localhost:{proxy.port}/many/chunks:1"
        made = make_image(whit_root, name, (MB + 5,))
        pushing.push(Store(whit_root), Registries(Settings.read()), parse_reference(name), Silent())
        proxy.left = 0
        assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, made.digest)


def test_an_upload_that_the_registry_has_forgotten_begins_anew(
    run_whit: RunWhit, whit: Path, whit_root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "registry"
    with docker_registry(folder) as peer:
        port = peer.port
        name = f"{peer.name}/forgotten:1"
        made = make_image(whit_root, name, (40 * MB,))
        process = subprocess.Popen(
            [whit, "push", name], env={**os.environ, "WHIT_ROOT": str(whit_root)}, stdout=subprocess.DEVNULL
        )
        while process.poll() is None and not list((whit_root / "cache/uploads").glob("*.json")):
            pass
        process.kill()
        process.wait()
    with docker_registry(tmp_path / "empty", port=port):
        assert run_whit("push", name).returncode == 0
        assert run_whit("pull", name, root=tmp_path / "other").returncode == 0
        assert is_whole(tmp_path / "other", name, made.digest)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.root
def test_a_full_disk_is_told_and_what_has_arrived_is_of_use_when_there_is_room(
    registry: RegistryPeer, run_whit: RunWhit, whit_root: Path, small_disk: Path
) -> None:
    with breaking_proxy(registry.port) as proxy:
        name = f"localhost:{proxy.port}/large:1"
        made = make_image(whit_root, name, (14 * MB,))
        assert run_whit("push", name).returncode == 0
        full = run_whit("pull", name, root=small_disk)
        assert full.returncode == 1
        assert "no space left on the device" in full.stderr
        assert verify(Store(small_disk)) == ()
        assert Store(small_disk).entries() == ()
        subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
        proxy.down = 0
        assert run_whit("pull", name, root=small_disk).returncode == 0
        assert is_whole(small_disk, name, made.digest)
        assert proxy.down < 10 * MB
