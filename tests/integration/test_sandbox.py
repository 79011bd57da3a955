"""``whit run --sandbox strict``: real programs work in it, and what leads out of it is stopped, by each of its walls."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.breaking_out import WAYS_OUT, breakout
from tests.integration.compiled import compiled
from tests.integration.kept import until
from tests.integration.madeimage import entry, make_image
from tests.peers import PROJECT
from tests.programs.build import build
from whit.packer.image.spec import RunConfig

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit
    from tests.integration.conftest import User

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("landlock")]

LANDLOCK = "landlock_create_ruleset"


def _free_port() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        port: int = some.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("hello", "c-zig"),
        ("hello", "c-dynamic"),
        ("hello", "go"),
        ("net", "rust"),
        ("hello", "nim"),
        ("exec", "go"),
        ("hello", "zig"),
        ("hello", "c++-dynamic"),
        ("hello", "wasm-wat"),
    ],
)
@pytest.mark.parametrize("times", [2], ids=["planned-and-kept"])
def test_a_program_works_in_it(run_whit: RunWhit, name: str, language: str, times: int) -> None:
    program = compiled(lambda: build(name, language))
    usual = run_whit("run", "--network", "host", program)

    for _ in range(times):
        ran = run_whit("run", "--sandbox", "strict,bind=0", "--network", "host", program)
        assert (ran.stdout, ran.returncode) == (usual.stdout, usual.returncode), ran.stderr


def test_what_leads_out_of_a_program_whose_calls_are_known_is_stopped(run_whit: RunWhit) -> None:
    tries = [way for way, _ in WAYS_OUT]

    free = run_whit("run", "--network", "none", "--tmpfs", "/tmp:exec,mode=1777", breakout(), *tries).stdout
    held = run_whit(
        "run", "--sandbox", "strict", "--network", "none", "--tmpfs", "/tmp:exec,mode=1777", breakout(), *tries
    )

    assert "map done\ngenerate done\nmemfd done\n" in free
    assert held.stdout.splitlines() == [answer for _, answer in WAYS_OUT], held.stderr


def test_what_is_in_a_volume_is_written_and_not_executed(run_whit: RunWhit, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o777)
    tries = ("write=/given/a", "drop=/given/b", "map=/given/c")

    for language in ("c-glibc", "c-dynamic"):
        ran = run_whit("run", "--sandbox", "strict", "--volume", f"{given}:/given", breakout(language), *tries)
        assert ran.stdout == "write done\ndrop Permission denied\nmap Operation not permitted\n", ran.stderr


def test_the_loader_loads_nothing_that_the_image_has_not(run_whit: RunWhit, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    given.chmod(0o777)
    tries = ("load=/given/x", "load=/tmp/x", "load=/dev/shm/x", "nameless", "map-sealed")

    ran = run_whit("run", "--sandbox", "strict", "--volume", f"{given}:/given", breakout("c-dynamic"), *tries)

    failed, missing = "load Protocol error", "Function not implemented"
    assert ran.stdout.splitlines() == [failed] * 3 + [f"nameless {missing}", f"map-sealed {missing}"], ran.stderr


def test_it_listens_and_connects_only_where_it_is_said(run_whit: RunWhit) -> None:
    one, other = _free_port(), _free_port()
    tries = (f"bind={one}", f"bind={other}", f"mptcp={other}", f"connect={one}", f"connect={other}")

    def ran(sandbox: str) -> list[str]:
        words = ("--sandbox", sandbox, "--network", "host", breakout(), *tries)
        return [line.partition(" ")[2] for line in run_whit("run", *words).stdout.splitlines()]

    refused, unknown = "Permission denied", "Protocol not supported"
    assert ran("strict") == [refused, refused, unknown, "done", "done"]
    assert ran(f"strict,bind={one},connect={other}") == ["done", refused, unknown, refused, "done"]


def test_a_server_listens_where_its_words_and_its_code_say_and_it_is_told_where_nothing_does(run_whit: RunWhit) -> None:
    server = compiled(lambda: build("server", "go"))
    fixed = compiled(lambda: build("calls", "go"))
    strict = ("--sandbox", "strict", "--network", "host")

    planned = run_whit("plan", *strict, server, f":{_free_port()}").stdout
    seen = run_whit("plan", *strict, fixed).stdout
    deaf = run_whit("run", *strict, server, "127.0.0.1")
    client = run_whit("run", *strict, compiled(lambda: build("client", "go")))

    assert re.search(r"listens at \d+ \(:\d+\)", " ".join(planned.split())), planned
    assert "8080 (its code: :8080)" in " ".join(seen.split()), seen
    assert "it may listen at no TCP port: none is exposed, published, named or seen in its code" in deaf.stderr
    assert "--sandbox strict,bind=PORT" in deaf.stderr
    assert "it may listen" not in client.stderr


def test_a_server_is_reached_at_the_port_that_is_published(run_whit: RunWhit) -> None:
    server = compiled(lambda: build("server", "go"))

    run_whit("create", "--name", "reached", "--sandbox", "strict", "--publish", "127.0.0.1:0:8099", server, ":8099")
    named = "strict,bind=8098"
    run_whit("create", "--name", "shut", "--sandbox", named, "--publish", "127.0.0.1:0:8099", server, ":8100")
    shut = run_whit("start", "-a", "shut")
    run_whit("start", "reached")
    place = run_whit("port", "reached", "8099").stdout.strip()
    with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2])), timeout=10) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = client.recv(12)
    inspected = json.loads(run_whit("inspect", "reached").stdout)[0]
    run_whit("rm", "-f", "reached", "shut")

    assert "permission denied" in shut.stdout + shut.stderr
    assert answer == b"HTTP/1.0 200"
    assert inspected["HostConfig"]["ReadonlyRootfs"] is True


def test_what_is_done_with_containers_is_done_with_one_in_a_sandbox(run_whit: RunWhit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("copied")
    server, probe = compiled(lambda: build("server", "go")), "--health-http"
    options = ("--init", "--restart", "always", probe, ":8099/", "--health-interval", "1s")

    run_whit("run", "-d", "--name", "kept", "--sandbox", "strict", *options, server, ":8099")
    run_whit("cp", str(tmp_path / "file"), "kept:/tmp/file")
    run_whit("cp", "kept:/tmp/file", str(tmp_path / "back"))
    entered = run_whit("exec", "kept", "/server", "no address")
    committed = run_whit("commit", "kept", "made")
    for verb in ("restart", "pause", "unpause"):
        assert run_whit(verb, "kept").returncode == 0
    until(lambda: json.loads(run_whit("inspect", "kept").stdout)[0]["State"]["Health"]["Status"] == "healthy")
    said = run_whit("logs", "kept").stdout
    run_whit("rm", "-f", "kept")

    assert (tmp_path / "back").read_text() == "copied"
    assert "listen tcp: address no address" in entered.stderr
    assert committed.returncode == 0, committed.stderr
    assert said.count("listening on ") == 2


def test_without_root_and_whatever_is_known_of_the_program_nothing_else_is_executed_or_written(user: User) -> None:
    ran = user.run("run", "--sandbox", "strict", "--network", "none", breakout(), "drop=/tmp/x", "memfd", "write=/z")

    assert ran.stdout.splitlines() == [
        "drop Permission denied",
        "memfd Function not implemented",
        "write Read-only file system",
    ], ran.stderr


def test_without_landlock_the_other_walls_stand_and_it_is_said(whit: Path, whit_root: Path) -> None:
    older = (sys.executable, "-P", "-m", "tests.integration.without_calls", LANDLOCK)
    words = (
        "--sandbox",
        "strict",
        "--network",
        "none",
        breakout(),
        "drop=/tmp/x",
        "map=/tmp/y",
        "write=/z",
        "bind=1",
    )

    def run(*before: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*before, str(whit), "run", *map(str, words)],
            cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False, env={"WHIT_ROOT": str(whit_root), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT)},
        )  # fmt: skip

    # given that there was a plan for the same kernel with it, which was kept
    assert "Landlock" not in run().stderr
    done = run(*older)

    assert "this kernel has no Landlock (Linux 5.13)" in done.stderr
    assert done.stdout.splitlines() == [
        "drop Permission denied",
        "map Operation not permitted",
        "write Read-only file system",
        "bind Address family not supported by protocol",
    ], done.stderr


def test_a_script_and_what_it_names_are_executed_and_nothing_else(run_whit: RunWhit, whit_root: Path) -> None:
    script = (
        b"#!/bin/busybox sh\n/bin/busybox echo one\n/other\n/bin/busybox cp /bin/busybox /tmp/b\n/tmp/b true\n/named\n"
    )
    files = {entry(name): b"#!/bin/busybox echo\n" for name in ("other", "named")}
    image = make_image(whit_root, "scripted", {entry("start"): script, **files}, RunConfig(entrypoint=("/start",)))

    ran = run_whit("run", "--sandbox", "strict,exec=/named", "--network", "none", image)

    assert ran.stdout == "one\n/named\n"
    assert "/other: Permission denied" in ran.stderr
    assert "/tmp/b: Permission denied" in ran.stderr


def test_a_user_s_container_that_is_kept_is_in_it(user: User) -> None:
    script = "cp /busybox /tmp/b; /tmp/b true; echo x >/tmp/x && echo x >/z"
    words = ("--sandbox", "strict", "--network", "none", "/bin/busybox", "sh", "-c", script)

    made = user.run("create", "--name", "kept", *words)
    ran = user.run("start", "-a", "kept")

    assert made.returncode == 0, made.stderr
    assert ran.stderr == "sh: /tmp/b: Permission denied\nsh: can't create /z: Read-only file system\n"


def test_what_would_undo_it_is_refused(run_whit: RunWhit) -> None:
    for words in (
        ("--cap-add", "NET_ADMIN"),
        ("--privileged",),
        ("--writable",),
        ("--pid", "host"),
        ("--security-opt", "seccomp=unconfined"),
    ):
        done = run_whit("run", "--sandbox", "strict", *words, breakout())
        assert done.returncode != 0
        told, hint = done.stderr.splitlines()
        assert told.startswith("whit: ")
        assert words[0] in told
        assert hint.startswith("hint: "), "nothing is said of the ports of what isn't started"
    assert "there is no 'loose'" in run_whit("run", "--sandbox", "loose", breakout()).stderr


@pytest.mark.parametrize("verb", [("run",), ("run", "--rm", "-l", "a=b"), ("create",), ("plan",)], ids=" ".join)
def test_a_program_that_is_to_be_executed_has_to_be_in_the_image(run_whit: RunWhit, verb: tuple[str, ...]) -> None:
    program = breakout()

    absent = run_whit(*verb, "--sandbox", "strict,exec=/nonesuch", program)
    there = run_whit("plan", "--sandbox", f"strict,exec=/{program.name}", program)

    assert absent.returncode in {2, 125}
    told, hint = absent.stderr.splitlines()
    assert told == "whit: --sandbox strict,exec=/nonesuch: there is no such file in the image"
    assert hint.startswith("hint: ")
    assert there.returncode == 0, there.stderr
