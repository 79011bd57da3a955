"""Any module may be the first one that somebody imports: none takes part in a circle."""

from __future__ import annotations

import subprocess
import sys

from tests.peers import PROJECT

SCRIPT = """
import importlib, os, sys
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"{name}: {error!r}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
SCRIPTS = {"whit.runtime.launcher.build_backend", "whit.runtime.launcher.compile_native"}
"""What is started by its path, before whit is installed."""


def test_each_module_can_be_imported_first() -> None:
    names = {
        ".".join(("whit", *path.relative_to(PROJECT).with_suffix("").parts)).removesuffix(".__init__")
        for part in ("packer", "runtime", "toolchains")
        for path in (PROJECT / part).rglob("*.py")
    }
    command = [sys.executable, "-c", SCRIPT, *sorted(names - SCRIPTS)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert told.stdout == "", told.stdout
