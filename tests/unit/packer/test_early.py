"""A layer that is begun before it is known to be wanted."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from whit.packer.image.early import EarlyLayer, early_layer
from whit.packer.image.layer import write_layer
from whit.packer.image.spec import Compression, Entry, EntryKind, HostFile, LayerSpec
from whit.packer.store.layout import Layout
from whit.packer.support.errors import InvalidFileError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "images")
    layout.create()
    return layout


def spec(path: Path, *, name: str = "/program") -> LayerSpec:
    status = path.stat()
    identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    content = HostFile(str(path), status.st_size, identity)
    return LayerSpec("a test", (Entry(name, EntryKind.FILE, 0o555, "a test", content=content),))


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(os.urandom(3 << 20))
    return path


def blobs(layout: Layout) -> list[str]:
    return [path.name for path in layout.blob_folder.iterdir()]


def test_a_layer_that_is_wanted_is_the_one_that_would_have_been_written(layout: Layout, program: Path) -> None:
    with early_layer(layout, spec(program), 7, Compression.GZIP) as early:
        layer = early.result(spec(program))
    assert layer == write_layer(layout, spec(program), 7)
    assert blobs(layout) == [layer.descriptor.digest.removeprefix("sha256:")]


def test_another_layer_is_not_taken_for_it_and_it_leaves_nothing(layout: Layout, program: Path) -> None:
    with early_layer(layout, spec(program), 7, Compression.GZIP) as early:
        assert early.result(spec(program, name="/other")) is None
    assert blobs(layout) == []


def test_a_layer_that_nobody_wants_leaves_nothing_even_when_it_is_complete(layout: Layout, program: Path) -> None:
    program.write_bytes(b"small")
    with pytest.raises(KeyboardInterrupt), early_layer(layout, spec(program), 7, Compression.GZIP):
        raise KeyboardInterrupt
    assert blobs(layout) == []


def test_what_goes_wrong_is_raised_where_it_is_wanted(layout: Layout, program: Path) -> None:
    wanted = spec(program)
    program.write_bytes(b"changed")
    with (
        pytest.raises(InvalidFileError, match="changed while"),
        early_layer(layout, wanted, 7, Compression.GZIP) as early,
    ):
        early.result(wanted)
    assert blobs(layout) == []


def test_a_layer_that_was_wanted_is_given_up_where_that_is_interrupted(layout: Layout, program: Path) -> None:
    def interrupted(early: EarlyLayer) -> None:
        early.fate.want()
        raise KeyboardInterrupt

    # given one that takes some time
    os.truncate(program, 4 << 30)
    with pytest.raises(KeyboardInterrupt), early_layer(layout, spec(program), 7, Compression.GZIP) as early:
        interrupted(early)
    assert isinstance(early.future.exception(), CancelledError)
    assert blobs(layout) == []
