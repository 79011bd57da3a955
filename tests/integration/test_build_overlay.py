"""Roots of many layers: one mount, by descriptor, on this kernel and as on those before 6.5."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from whit.packer.buildfile.build.steps import Layers
from whit.packer.support.errors import UnsupportedError
from whit.runtime.building import overlay

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.root


def layers(folder: Path, count: int) -> Layers:
    """Each has a file of its own, and one that all have."""
    lowers = []
    for number in range(count):
        place = folder / f"a rather long name of a folder, with a colon: {number}"
        place.mkdir()
        (place / str(number)).touch()
        (place / "all").write_text(str(number))
        lowers.append(str(place))
    for name in ("upper", "work"):
        (folder / name).mkdir()
    return Layers(tuple(lowers), str(folder / "upper"), str(folder / "work"))


def look(root: int) -> tuple[set[str], str]:
    """Names, and what the file that all have says; something is written, too."""
    with open("all", opener=lambda path, flags: os.open(path, flags, dir_fd=root)) as file:
        said = file.read()
    os.mkdir("made", dir_fd=root)
    names = set(os.listdir(f"/proc/self/fd/{root}"))  # noqa: PTH208 - a descriptor
    os.close(root)
    return names, said


def test_the_newest_layer_is_on_top_and_what_is_written_goes_to_the_upper_one(tmp_path: Path) -> None:
    names, said = look(overlay.open_root(layers(tmp_path, 60)))
    assert (len(names), said) == (62, "0")
    assert [path.name for path in (tmp_path / "upper").iterdir()] == ["made"]
    (tmp_path / "upper" / "made").rmdir()


def test_an_older_kernel_gets_all_of_them_in_one_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "_one_by_one", lambda layers: [f"no-such-option={len(layers.lowers)}"])
    names, said = look(overlay.open_root(layers(tmp_path, 10)))
    assert (len(names), said) == (12, "0")
    (tmp_path / "more").mkdir()
    with pytest.raises(UnsupportedError, match="too few layers"):
        overlay.open_root(layers(tmp_path / "more", 40))
