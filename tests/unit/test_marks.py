"""A test whose peer is missing is skipped at home and fails where everything is meant to be installed."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.peers import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

TEST = """
import pytest

@pytest.mark.peer("no-such-program")
def test_with_a_missing_peer() -> None:
    raise AssertionError("was run")

@pytest.mark.peer("sh")
def test_with_a_peer() -> None:
    pass
"""


@pytest.mark.parametrize(("ci", "outcome", "code"), [("false", "1 skipped", 0), ("true", "1 error", 1)])
def test_a_missing_peer(tmp_path: Path, ci: str, outcome: str, code: int) -> None:
    file = tmp_path / "test_peers.py"
    file.write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "tests.conftest", "-p", "no:cacheprovider", str(file)]

    result = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )

    assert outcome in result.stdout
    assert "1 passed" in result.stdout
    assert "no-such-program isn't installed" in result.stdout
    assert result.returncode == code
