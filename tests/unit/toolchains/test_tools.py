"""Tools of this machine: where they are, and which version they say they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.toolchains.tools import described

if TYPE_CHECKING:
    from pathlib import Path

SHIM = """#!/bin/sh
test -d "$RUSTUP_HOME" || { echo "rustup could not choose a version" >&2; exit 1; }
echo "$(basename "$0") 1.99.1 (of $RUSTUP_TOOLCHAIN)"
"""


@pytest.mark.parametrize("name", ["cargo", "rustc"])
def test_rustup_s_shims_are_asked_where_its_home_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Given RUSTUP_HOME, as in Docker's image of Rust, then the shim finds its toolchains."""
    shim = tmp_path / name
    shim.write_text(SHIM)
    shim.chmod(0o755)
    monkeypatch.setenv("RUSTUP_HOME", str(tmp_path))
    assert described(name, str(shim)).version == "1.99.1"
