"""Which files have changed: found by a look at all of them, taken when the kernel says that something happened."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from whit.runtime.compose.running.filewatch import Tree, Watch

if TYPE_CHECKING:
    from pathlib import Path


def _changed(watch: Watch) -> dict[str, bool]:
    return {path: is_gone for _, path, is_gone in watch.look()}


def test_what_is_made_changed_renamed_and_removed_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("1")
    with Watch((Tree(str(tmp_path), lambda _: False),)) as watch:
        assert _changed(watch) == {str(tmp_path / "old"): False}
        assert _changed(watch) == {}
        (tmp_path / "deep" / "er").mkdir(parents=True)
        (tmp_path / "deep" / "er" / "new").write_text("2")
        (tmp_path / "old").rename(tmp_path / "moved")
        assert _changed(watch) == {
            str(tmp_path / "deep"): False,
            str(tmp_path / "deep/er"): False,
            str(tmp_path / "deep/er/new"): False,
            str(tmp_path / "moved"): False,
            str(tmp_path / "old"): True,
        }


def test_the_kernel_says_when_to_look_also_in_folders_that_are_new(tmp_path: Path) -> None:
    left = threading.Event()
    with Watch((Tree(str(tmp_path), lambda _: False),)) as watch:
        watch.look()
        assert not watch.polls
        (tmp_path / "new").mkdir()
        assert watch.wait(left)
        watch.look()
        (tmp_path / "new" / "file").write_text("1")
        assert watch.wait(left)
        assert _changed(watch) == {str(tmp_path / "new" / "file"): False}
        left.set()
        assert not watch.wait(left)


def test_what_is_passed_over_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "big" / "x").mkdir(parents=True)
    (tmp_path / "kept").write_text("1")
    seen: list[str] = []

    def passes_over(path: str) -> bool:
        seen.append(path)
        return path.endswith("/big")

    with Watch((Tree(str(tmp_path), passes_over),)) as watch:
        assert _changed(watch) == {str(tmp_path / "kept"): False}
    assert str(tmp_path / "big" / "x") not in seen


def test_one_file_is_watched_also_where_it_is_replaced_or_comes_later(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    left = threading.Event()
    with Watch((Tree(str(file), lambda _: False),)) as watch:
        assert _changed(watch) == {}
        file.write_text("1")
        assert watch.wait(left)
        assert _changed(watch) == {str(file): False}
        (tmp_path / "next").write_text("2")
        os.replace(tmp_path / "next", file)  # noqa: PTH105 - as editors do
        assert watch.wait(left)
        assert _changed(watch) == {str(file): False}
        file.unlink()
        assert _changed(watch) == {str(file): True}


def test_links_are_told_of_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("1")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(outside)
    with Watch((Tree(str(tree), lambda _: False),)) as watch:
        assert _changed(watch) == {str(tree / "link"): False}
