"""Commands of the engine start in the time that Python and click take: what is only of use for errors, other options or
other commands isn't imported on their way."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

DEAR = {
    "argparse", "asyncio", "capstone", "concurrent.futures", "csv", "decimal", "elftools", "email", "html", "http.client",
    "importlib.metadata", "jsonschema", "logging", "multiprocessing", "secrets", "site", "sqlite3", "ssl", "statistics",
    "tarfile", "tempfile", "tomllib", "unittest", "urllib.request", "xml", "zipfile",
}  # fmt: skip

PROBE = """
import atexit, os, sys
sys.path += {paths!r}
atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))
sys.argv = ["whit", *{words!r}]
for module in {modules!r}:
    __import__(module)
from whit.runtime.cli import main
main()
"""
"""The launcher's way into Python (runtime/launcher/python.c)."""


STARTS = ("whit.runtime.engine.creating", "whit.runtime.engine.lifecycle")
"""What ``run --detach`` imports once it has found its image."""


def _imported(root: Path, words: list[str], *modules: str) -> set[str]:
    site = sysconfig.get_path("purelib")
    probe = PROBE.format(paths=[f"{site}/whit-source", site], words=words, modules=modules)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", probe],
        env={"WHIT_ROOT": str(root)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (["ps", "--all"], "whit.packer.template.listing"),
        (["run", "--detach", "--publish", "8080:80", "no/such"], "whit.runtime.commands.create"),
        (["start", "nobody"], "whit.runtime.commands.start"),
        (["rm", "--force", "nobody"], "whit.runtime.commands.rm"),
        (["logs", "nobody"], "whit.runtime.commands.logs"),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_nothing_dear_is_imported(tmp_path: Path, words: list[str], module: str) -> None:
    # When a command of the engine runs as far as it gets in an empty store
    imported = _imported(tmp_path, words)

    # Then it was that command, and Python stayed as small as click lets it
    assert module in imported
    assert imported & DEAR == set()


def test_nothing_dear_is_imported_where_a_container_is_made_and_started(tmp_path: Path) -> None:
    imported = _imported(tmp_path, ["run", "--detach", "no/such"], *STARTS)

    assert {*STARTS, "whit.runtime.engine.connecting", "whit.runtime.engine.bundle"} <= imported
    assert imported & DEAR == set()
