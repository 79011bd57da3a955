"""Which toolchains the store has: by name, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whit.packer.store.fetched import fetched_in

if TYPE_CHECKING:
    from pathlib import Path


def test_versions_are_compared_as_numbers_and_what_is_unfinished_doesn_t_count(tmp_path: Path) -> None:
    for name in ("go-1.9.1", "go-1.27.3", "go-1.10", "zig-0.9.0", ".tmp-0123", "go"):
        (tmp_path / name).mkdir()
    (tmp_path / "lock").touch()
    assert [(one.name, one.version, one.is_newest) for one in fetched_in(tmp_path)] == [
        ("go", "1.27.3", True),
        ("go", "1.10", False),
        ("go", "1.9.1", False),
        ("zig", "0.9.0", True),
    ]
    assert fetched_in(tmp_path / "nothing") == ()
