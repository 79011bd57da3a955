"""``create``'s Python has a budget of milliseconds: modules whose import takes longer than the work aren't imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING

import pytest

from whit.runtime.oci.template import document

if TYPE_CHECKING:
    from pathlib import Path

DEAR = {
    "argparse", "click", "collections", "contextlib", "copy", "dataclasses", "difflib", "enum", "fnmatch", "functools",
    "importlib.metadata", "inspect", "json", "pathlib", "re", "shutil", "site", "subprocess", "tempfile", "typing",
    "urllib.parse",
}  # fmt: skip

PROBE = """
import os, sys
sys.path += {paths!r}

def become(program, words):
    print(*sorted(sys.modules))
    sys.stdout.flush()
    os._exit(0)

os.execv = become
sys.argv = ["whit-oci", *{words!r}]
from whit.runtime.oci import main
main()
"""
"""The launcher's way into Python (runtime/launcher/python.c), up to where Python becomes the launcher again."""

FILTER = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}],
}


def _imported(words: list[str]) -> set[str]:
    site = sysconfig.get_path("purelib")
    probe = PROBE.format(paths=[f"{site}/whit-source", site], words=words)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("seccomp", [None, FILTER], ids=["plain", "filtered"])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_nothing_dear_is_imported(tmp_path: Path, verb: str, seccomp: dict[str, object] | None) -> None:
    # Given a bundle as `spec` writes it
    user = os.geteuid()
    config = document() if user == 0 else document(user=user, group=os.getegid())
    config["process"]["terminal"] = False  # type: ignore[index]
    config["linux"]["seccomp"] = seccomp  # type: ignore[index]
    (tmp_path / "config.json").write_text(json.dumps(config))

    # When it is made a plan of
    imported = _imported(["--root", str(tmp_path / "run"), verb, "--bundle", str(tmp_path), "budget"])

    # Then Python stayed small
    assert "whit.runtime.oci.compile" in imported
    assert imported & DEAR == set()
