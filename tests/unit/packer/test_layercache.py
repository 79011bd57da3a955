"""What is remembered of layers, and when it isn't trusted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from whit.packer.image.layer import write_layer
from whit.packer.image.layercache import LayerCache
from whit.packer.image.spec import Compression, Entry, EntryKind, HostFile, LayerSpec
from whit.packer.store.store import Store
from whit.packer.support.light import replace

if TYPE_CHECKING:
    from pathlib import Path

    from whit.packer.image.oci import Layer

LONG_AGO = 1_000_000_000
"""Seconds since 1970: what changed then lies still."""


def _spec(path: Path, mode: int = 0o555) -> LayerSpec:
    state = path.stat()
    content = HostFile(str(path), state.st_size, (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns))
    return LayerSpec("a test", (Entry("/program", EntryKind.FILE, mode, "a test", content=content),))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A large file that has settled."""
    monkeypatch.setattr("whit.packer.image.packcache._SETTLED_NS", 0)
    path = tmp_path / "program"
    path.write_bytes(os.urandom(2 << 20))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def _written(store: Store, spec: LayerSpec) -> Layer:
    with store.adding() as layout:
        layer = write_layer(layout, spec, 0)
        LayerCache(store, 0, Compression.GZIP).remember((spec,), (layer,))
    return layer


def test_a_layer_of_the_same_file_is_known(store: Store, program: Path) -> None:
    spec = _spec(program)
    assert LayerCache(store, 0, Compression.GZIP).recall(spec) is None
    layer = _written(store, spec)
    assert LayerCache(store, 0, Compression.GZIP).recall(spec) == layer


@pytest.mark.parametrize("change", ["content", "mode", "time", "compression", "blob", "record"])
def test_any_change_makes_it_another_one(store: Store, program: Path, change: str) -> None:
    spec = _spec(program)
    layer = _written(store, spec)
    cache = LayerCache(store, 0, Compression.GZIP)
    if change == "content":
        program.write_bytes(os.urandom(2 << 20))
    elif change == "mode":
        spec = _spec(program, 0o500)
    elif change == "time":
        cache = LayerCache(store, 1, Compression.GZIP)
    elif change == "compression":
        cache = LayerCache(store, 0, Compression.ZSTD)
    elif change == "blob":
        store.layout.blob_path(layer.descriptor.digest).unlink()
    else:
        next((store.cache_folder / "layers").iterdir()).write_bytes(b"{")
    assert cache.recall(spec) is None


def test_a_file_that_has_just_changed_or_is_small_is_not_remembered(
    store: Store, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whit.packer.image.packcache._SETTLED_NS", LONG_AGO * 1_000_000_000)
    _written(store, _spec(program))
    monkeypatch.setattr("whit.packer.image.packcache._SETTLED_NS", 0)
    small = program.with_name("small")
    small.write_bytes(b"small")
    _written(store, _spec(small))
    assert not (store.cache_folder / "layers").exists()


def test_many_small_files_are_worth_it_as_one_large_is(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whit.packer.image.packcache._SETTLED_NS", 0)
    entries = []
    for number in range(200):
        path = tmp_path / f"zone{number}"
        path.write_bytes(b"%d" % number)
        entries.append(replace(_spec(path).entries[0], path=f"/zones/{number}"))
    spec = LayerSpec("zones", tuple(entries))

    layer = _written(store, spec)

    assert LayerCache(store, 0, Compression.GZIP).recall(spec) == layer
    (tmp_path / "zone7").write_bytes(b"seven")
    assert LayerCache(store, 0, Compression.GZIP).recall(spec) is None
