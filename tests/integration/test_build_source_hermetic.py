"""``whit build --hermetic``: the same program, from a step that sees no network and writes nothing to its sources."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.sources import done, module, write
from whit.toolchains.tools import locate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.peer("go")]


def test_it_gives_the_same_image_and_isn_t_taken_for_one_that_wasn_t_confined(
    run_whit: RunWhit, tmp_path: Path
) -> None:
    project = module(tmp_path / "svc", root="svc")
    plain = json.loads(done(run_whit, "build", "--json", project))
    confined = json.loads(done(run_whit, "build", "--json", "--hermetic", project))
    assert confined["source"]["built"] == [True]
    assert confined["digest"] == plain["digest"]
    again = json.loads(done(run_whit, "build", "--json", "--hermetic", project))
    assert again["source"]["built"] == [False]
    # and what fails is told as without
    write(project, {"main.go": "package main\n\nfunc main() { nothing() }\n"})
    result = run_whit("build", "--hermetic", project, timeout=300)
    assert result.returncode == 1
    assert "./main.go:3:15: undefined: nothing" in result.stderr
    assert "whit: go build failed with exit status 1\nhint: it sees no network" in result.stderr


TREES: dict[str, dict[str, str]] = {
    "make": {
        "Makefile": "X := $(shell touch MARK)\nsvc: a.c\n\t+touch MARK; true\n\t$(CC) -o $@ $<\n",
        "a.c": "int main(void) { return 0; }\n",
    },
    "cargo": {
        "Cargo.toml": '[package]\nname = "svc"\nversion = "1.0.0"\nedition = "2021"\n',
        "src/main.rs": "fn main() {}\n",
        ".cargo/config.toml": '[build]\nrustc-wrapper = "./rw.sh"\n',
        "rw.sh": '#!/bin/sh\ntouch MARK\nexec "$@"\n',
    },
}


@pytest.mark.parametrize("driver", [pytest.param("make", marks=[pytest.mark.slow]), "cargo"])
def test_nothing_of_the_tree_is_executed_outside_of_the_box(run_whit: RunWhit, tmp_path: Path, driver: str) -> None:
    """Given sources that leave a mark on whatever machine executes them, when they are built, then there is none here."""
    if locate(driver) is None or locate("zig") is None:
        lacking(f"{driver} or Zig isn't installed")
    mark = tmp_path / "mark"
    project = write(tmp_path / "svc", {name: text.replace("MARK", str(mark)) for name, text in TREES[driver].items()})
    for script in project.glob("*.sh"):
        script.chmod(0o755)
    # Of a tree's first confined build Zig's libc is part, too.
    result = run_whit("build", "-t", "svc", "--hermetic", project, timeout=900)
    assert not mark.exists()
    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_a_user_builds_so_as_root_does(user: User) -> None:
    project = module(user.home / "svc", root="svc")
    words = user.command("build", "--hermetic", "-q", project)
    built = subprocess.run(
        words, env=user.environment(), cwd=user.home, capture_output=True, text=True, check=False, timeout=500
    )
    assert (built.returncode, built.stderr) == (0, "")
    assert user.run("run", "svc").stdout.strip() == "hello from svc"
