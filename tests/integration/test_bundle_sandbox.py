"""Bundles whose program makes the calls of its own code alone, or is in a strict sandbox: as whoever starts them, by root and by a user."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.breaking_out import WAYS_OUT, breakout
from tests.integration.bundles import LIMIT_S, Bundle, bundle, folder
from tests.integration.compiled import compiled
from tests.integration.leftcgroups import nothing_is_left
from tests.integration.madeimage import entry, make_image
from tests.peers import PROJECT
from tests.programs.build import build
from whit.packer.image.spec import RunConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.originals import Originals

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]
__all__ = ["folder", "nothing_is_left"]
KILLED = 128 + 31


@pytest.fixture(params=["root", "user"])
def by(request: pytest.FixtureRequest) -> Callable[[Bundle], Bundle]:
    """Who starts it."""
    return lambda made: made if request.param == "root" else made.as_user


def hello(language: str = "c-zig") -> Path:
    return compiled(lambda: build("hello", language))


def listening_at() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        port: int = some.getsockname()[1]
        return port


# ---- the calls of its own code ----


@pytest.mark.parametrize(("name", "language"), [("hello", "c-zig"), ("everything", "go"), ("net", "rust")])
def test_a_program_works_with_the_calls_of_its_own_code(
    run_whit: RunWhit, folder: Path, name: str, language: str
) -> None:
    program = compiled(lambda: build(name, language))
    usual = bundle(run_whit, folder, program)(environment={})
    packed = run_whit("pack", "--seccomp", "auto:kill", program, "-t", "proven")
    assert packed.returncode == 0, packed.stderr
    # both ways: the image tells of them, or they are found as the bundle is made
    for words in (("proven",), (program, "--seccomp", "auto:kill")):
        made = bundle(run_whit, folder, *words)
        for by in (made, made.as_user):
            done = by()
            assert (done.returncode, done.stderr) == (usual.returncode, "")
        told = json.loads(made("--whit-inspect", "--whit-json").stdout)
        assert 5 < len(told["calls"]) < 150
        assert f"the {len(told['calls'])} calls of its own code" in made("--whit-inspect").stdout


def test_a_call_that_isn_t_the_program_s_ends_it(run_whit: RunWhit, folder: Path) -> None:
    told = {"dev.whit.syscalls": "read", "dev.whit.syscalls.program": "/hello", "dev.whit.syscalls.else": "kill"}
    words = [word for key, value in told.items() for word in ("--annotation", f"{key}={value}")]
    run_whit("pack", *words, hello(), "-t", "wrong")

    made = bundle(run_whit, folder, "wrong")
    for by in (made, made.as_user):
        assert by().returncode == KILLED


def test_where_words_name_the_program_it_has_the_usual_filter(
    run_whit: RunWhit, whit_root: Path, folder: Path, by: Callable[[Bundle], Bundle]
) -> None:
    image = make_image(
        whit_root, "words", {entry("bin/sh", b"1", linkname="bin/busybox"): b""}, RunConfig(cmd=("/bin/busybox",))
    )
    asked = run_whit("bundle", image, "--seccomp", "auto", "-o", folder / "x.run")
    assert asked.returncode != 0
    assert "--seccomp auto: words has no entrypoint" in asked.stderr
    made = bundle(run_whit, folder, image)
    assert json.loads(made("--whit-inspect", "--whit-json").stdout)["calls"] is None
    assert by(made)("/bin/busybox", "echo", "x").stdout == "x\n"


def test_a_program_whose_calls_can_t_be_told_is_refused(run_whit: RunWhit, folder: Path) -> None:
    done = run_whit("bundle", "--seccomp", "auto", hello("c-dynamic"), "-o", folder / "x.run")
    assert done.returncode == 1
    assert "linked dynamically" in done.stderr
    assert not list(folder.iterdir())


# ---- a strict sandbox ----


@pytest.mark.usefixtures("landlock")
def test_what_leads_out_is_stopped(originals: Originals, folder: Path, by: Callable[[Bundle], Bundle]) -> None:
    tries = [way for way, _ in WAYS_OUT]
    words = ("--sandbox", "strict", "--tmpfs", "/tmp:exec,mode=1777")
    made = by(Bundle(originals.copy(folder / "made.run", breakout(), *words)))
    done = made(*tries)
    assert done.stdout.splitlines() == [answer for _, answer in WAYS_OUT], done.stderr
    assert done.stderr == ""
    assert "sandbox     strict\n" in made("--whit-inspect").stdout


@pytest.mark.usefixtures("landlock")
@pytest.mark.parametrize("language", ["c-glibc", "c-dynamic"])
def test_volumes_that_are_given_as_it_starts_are_written_and_not_executed(
    originals: Originals, folder: Path, by: Callable[[Bundle], Bundle], language: str
) -> None:
    for name in ("given", "shown"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    made = by(Bundle(originals.copy(folder / "made.run", breakout(language), "--sandbox", "strict")))
    words = ("--whit-volume", f"{folder}/given:/given", "--whit-volume", f"{folder}/shown:/shown:ro")
    done = made(*words, "write=/given/a", "drop=/given/b", "map=/given/c", "write=/shown/a")
    assert done.stdout.splitlines() == [
        "write done",
        "drop Permission denied",
        "map Operation not permitted",
        "write Read-only file system",
    ], done.stderr


@pytest.mark.usefixtures("landlock")
def test_it_listens_and_connects_only_where_it_is_said(
    run_whit: RunWhit, folder: Path, by: Callable[[Bundle], Bundle]
) -> None:
    one, other = listening_at(), listening_at()
    made = by(bundle(run_whit, folder, breakout(), "--sandbox", f"strict,bind={one},connect={other}"))
    tries = (f"bind={one}", f"bind={other}", f"mptcp={other}", f"connect={one}", f"connect={other}")
    done = made("--whit-network", "host", *tries)
    said = [line.partition(" ")[2] for line in done.stdout.splitlines()]
    assert said == ["done", "Permission denied", "Protocol not supported", "Permission denied", "done"], done.stderr


def several_programs(root: Path) -> str:
    """An image without an entrypoint."""
    files = {entry("bin/other"): b"#!/bin/busybox echo\n"}
    return make_image(root, "several", files, RunConfig(cmd=("/bin/busybox",), env=("PATH=/bin",)))


@pytest.mark.usefixtures("landlock")
def test_where_words_name_the_program_that_one_is_executed_and_no_other(
    originals: Originals, folder: Path, by: Callable[[Bundle], Bundle]
) -> None:
    made = by(Bundle(originals.copy(folder / "made.run", several_programs, "--sandbox", "strict")))
    script = "busybox echo in; other"
    done = made("busybox", "sh", "-c", script)
    assert done.stdout == "in\n"
    assert "other: Permission denied" in done.stderr
    assert made("other").stdout == "/bin/other\n"


@pytest.mark.usefixtures("landlock")
def test_what_would_undo_it_is_refused(run_whit: RunWhit, originals: Originals, folder: Path) -> None:
    for words in (("--writable",), ("--cap-add", "NET_ADMIN")):
        done = run_whit("bundle", "--sandbox", "strict", *words, breakout(), "-o", folder / "x.run")
        assert done.returncode != 0
        assert words[0] in done.stderr
    made = Bundle(originals.copy(folder / "made.run", breakout(), "--sandbox", "strict"))
    done = made("--whit-writable", "memfd")
    assert (done.returncode, done.stdout) == (125, "")
    assert "is in a strict sandbox, and can't be --whit-writable" in done.stderr
    done = made("--whit-volume", f"{breakout()}:/{breakout().name}:ro", "memfd")
    assert (done.returncode, done.stdout) == (125, "")
    assert "of which nothing is executed" in done.stderr


def test_on_a_kernel_without_landlock_the_other_walls_stand_and_it_is_said(originals: Originals, folder: Path) -> None:
    made = Bundle(originals.copy(folder / "made.run", breakout(), "--sandbox", "strict"))
    older = (sys.executable, "-P", "-m", "tests.integration.without_calls", "landlock_create_ruleset")
    done = subprocess.run(
        [*older, made.path, "drop=/tmp/x", "map=/tmp/y", "write=/z", "bind=1"],
        cwd=PROJECT, capture_output=True, text=True, timeout=LIMIT_S, check=False, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert "whit: warning: the sandbox of this bundle: this kernel has no Landlock (Linux 5.13)" in done.stderr
    assert done.stdout.splitlines() == [
        "drop Permission denied",
        "map Operation not permitted",
        "write Read-only file system",
        "bind Address family not supported by protocol",
    ], done.stderr
