"""``whit build --hermetic``: the same program, from a step that sees no network and writes nothing to its sources."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.sources import done, module, write

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


@pytest.mark.slow
def test_a_user_builds_so_as_root_does(user: User) -> None:
    project = module(user.home / "svc", root="svc")
    words = user.command("build", "--hermetic", "-q", project)
    built = subprocess.run(
        words, env=user.environment(), cwd=user.home, capture_output=True, text=True, check=False, timeout=500
    )
    assert (built.returncode, built.stderr) == (0, "")
    assert user.run("run", "svc").stdout.strip() == "hello from svc"
