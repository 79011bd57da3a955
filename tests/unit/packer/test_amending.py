"""An image whose added files have changed is what packing all of it again makes, and the program isn't looked at for that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.programs.build import build
from whit.packer import pipeline
from whit.packer.image import packcache
from whit.packer.image.reference import parse_reference
from whit.packer.image.spec import PackOptions
from whit.packer.pipeline import Order, pack
from whit.packer.resolution.choices import parse_choices
from whit.packer.store.store import Store
from whit.packer.support.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.packer.image.packcache import Record


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what is added, and with files that count as settled at once."""
    monkeypatch.setattr(packcache, "_SETTLED_NS", -60_000_000_000)
    folder = tmp_path / "added"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc" / "one").write_text("1")
    (folder / "etc" / "two").write_text("2")
    (folder / "alone").write_text("alone")
    return folder


def _packed(store: Store, place: Path) -> Record:
    words = (f"{place}/etc:/etc/app", f"{place}/alone:/opt/deep/alone", f"{place}/alone:/tmp/alone")
    choices = parse_choices("packages", None, ("+zones",), words)
    order = Order(str(build("exit", "c-musl")), PackOptions(labels=(("team", "core"),)), choices)
    return pack(order, store, (parse_reference("app"),))


def _unlink(place: Path) -> None:
    (place / "etc" / "two").unlink()


def _replaced(place: Path) -> None:
    (place / "new").write_text("of another file")
    (place / "new").rename(place / "alone")


KEPT: dict[str, Callable[[Path], object]] = {
    "larger": lambda place: (place / "alone").write_text("more than before"),
    "empty": lambda place: (place / "etc" / "one").write_text(""),
    "both": lambda place: [(place / "etc" / name).write_text("both") for name in ("one", "two")],
    "replaced": _replaced,
}
ANEW: dict[str, Callable[[Path], object]] = {
    "executable": lambda place: (place / "etc" / "one").chmod(0o755),
    "one more": lambda place: (place / "etc" / "three").write_text("3"),
    "one less": _unlink,
    "a program": lambda place: (place / "alone").write_bytes(build("exit", "c-musl").read_bytes()),
}


@pytest.mark.parametrize("change", [*KEPT, *ANEW])
def test_whatever_changes_the_image_is_the_one_that_a_new_store_gets(
    tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    store = Store(tmp_path / "store")
    before = _packed(store, place)
    {**KEPT, **ANEW}[change](place)

    # When it is packed again, where all else than other contents takes the whole way
    with monkeypatch.context() as patched:
        if change in KEPT:
            patched.setattr(pipeline, "write", None)
        record = _packed(store, place)

    # Then it is what another store makes of the same files, to the last number
    fresh = _packed(Store(tmp_path / "other"), place)
    assert record == fresh
    assert record.manifest != before.manifest
    assert store.entry("app").digest == record.manifest.digest
    # And it is known from now on
    monkeypatch.setattr(pipeline, "write", None)
    assert _packed(store, place) == record


def test_a_change_is_amended_again_and_again(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "store")
    first = _packed(store, place)
    monkeypatch.setattr(pipeline, "write", None)
    (place / "alone").write_text("second")
    second = _packed(store, place)
    (place / "alone").write_text("alone")
    assert _packed(store, place).manifest == first.manifest != second.manifest


@pytest.mark.parametrize("damage", ["entries", "loose", "layer", "config"])
def test_a_damaged_record_is_none(tmp_path: Path, place: Path, damage: str) -> None:
    store = Store(tmp_path / "store")
    record = _packed(store, place)
    path = next((store.cache_folder / "pack").iterdir())
    text = path.read_text()
    if damage == "config":
        store.layout.blob_path(store.image(record.manifest).image_id).unlink()
    else:
        path.write_text(text.replace(f'"{damage}":', f'"{damage}":[[7]],"x":'))
    (place / "alone").write_text("another")

    assert _packed(store, place) == _packed(Store(tmp_path / "other"), place)


def test_a_file_that_is_gone_is_told(tmp_path: Path, place: Path) -> None:
    store = Store(tmp_path / "store")
    _packed(store, place)
    os.unlink(place / "alone")  # noqa: PTH108 - a name less in the folder
    with pytest.raises(NotFoundError, match="alone"):
        _packed(store, place)
