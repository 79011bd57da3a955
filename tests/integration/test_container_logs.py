"""``whit logs`` of real containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunWhit

LINES = 20_000
FLOOD = f'i=0; while [ $i -lt {LINES} ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done'


@pytest.fixture
def name(run_whit: RunWhit) -> Iterator[str]:
    """A container's name; what has it is removed."""
    yield "talker"
    run_whit("rm", "--force", "talker")


def start(run_whit: RunWhit, name: str, script: str, *options: str) -> None:
    busybox = find_peer("busybox-static")
    assert busybox is not None
    result = run_whit("run", "-d", "--network", "none", "--name", name, *options, busybox, "sh", "-c", script)
    assert result.returncode == 0, result.stderr


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_a_log_that_is_followed_over_rotations_has_each_line_once(run_whit: RunWhit, name: str) -> None:
    # given a container that floods its log, which makes room for itself often
    start(run_whit, name, FLOOD, "--log-opt", "max-size=100k", "--log-opt", "max-file=500")
    # when it is followed to its end
    shown = run_whit("logs", "--follow", name)
    # then nothing is lost, and nothing is there twice
    assert shown.returncode == 0
    assert shown.stdout.splitlines() == [f"out {at}" for at in range(LINES)]
    assert shown.stderr.splitlines() == [f"err {at}" for at in range(LINES)]
    # and all that is kept is the same afterwards
    again = run_whit("logs", name)
    assert (again.stdout, again.stderr) == (shown.stdout, shown.stderr)


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_the_last_lines_with_their_times_and_those_between_times(run_whit: RunWhit, name: str) -> None:
    start(run_whit, name, "echo a; echo b; printf c")
    assert run_whit("wait", name).stdout == "0\n"
    assert run_whit("logs", "-n", "2", name).stdout == "b\nc"
    assert run_whit("logs", "--tail", "0", name).stdout == ""
    assert run_whit("logs", "--tail", "-1", name).stdout == "a\nb\nc"
    first, *_ = run_whit("logs", "--timestamps", name).stdout.splitlines()
    moment, text = first.split()
    assert text == "a"
    assert run_whit("logs", "--until", moment, name).stdout.startswith("a\n")
    assert run_whit("logs", "--since", "1h", "--details", name).stdout == " a\n b\n c", "as with docker"
    assert run_whit("logs", "--since", "2000-01-01", "--until", "2000-01-02", name).stdout == ""


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_a_container_that_keeps_no_log_says_so(run_whit: RunWhit, name: str) -> None:
    start(run_whit, name, "echo a", "--log-driver", "none")
    shown = run_whit("logs", name)
    assert shown.returncode == 1
    assert "keeps no log" in shown.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("logs", "--since", "yesterday", "x"), "--since 'yesterday' is no time"),
        (("logs", "--tail", "some", "x"), "--tail 'some' is no number of lines"),
        (("logs", "x"), "there is no container x"),
    ],
)
def test_what_is_wrong_is_told(run_whit: RunWhit, words: tuple[str, ...], message: str) -> None:
    result = run_whit(*words)
    assert result.returncode != 0
    assert message in result.stderr
    assert "hint:" in result.stderr


@pytest.mark.root
@pytest.mark.peer("busybox-static")
def test_details_are_what_the_log_s_options_ask_for_as_docker_tells_them(run_whit: RunWhit, name: str) -> None:
    words = ("--label", "x.y=z w", "--label", "k=", "-e", "A=b=c,d", "--log-opt", "labels=x.y,none", "--log-opt")
    start(run_whit, name, "echo out; echo err >&2; printf x", *words, "env-regex=^A$", "--log-opt", "labels-regex=^k")
    run_whit("wait", name)
    shown = run_whit("logs", "--details", name)
    prefix = "A=b%3Dc%2Cd,k=,x.y=z+w"
    assert shown.stdout == f"{prefix} out\n{prefix} x"
    assert shown.stderr == f"{prefix} err\n"
    assert run_whit("logs", "--details", "-t", "--tail", "1", name).stdout.partition(" ")[2] == f"{prefix} x"
    assert run_whit("create", "--log-opt", "env-regex=(", "x").returncode == 2
