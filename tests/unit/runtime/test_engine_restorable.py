"""What comes back after the machine's restart, and the units that have it come back."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.peers import find_peer
from whit.runtime.engine.model import NO_LIMIT, Container, Policy, Restart, Root
from whit.runtime.engine.restorable import Found, comes_back, goes_away, turns
from whit.runtime.engine.status import State, Status
from whit.runtime.engine.units import Where, command_line, container_unit, quoted, restore_unit, unit_name

if TYPE_CHECKING:
    from pathlib import Path

ENDED = Status(State.EXITED, exit_code=137)


def container(name: str = "web", policy: Policy = Policy.ALWAYS, **more: Any) -> Container:
    return Container(
        id=name.encode().hex().ljust(64, "0"), name=name, created=0, image="i", image_id="sha256:0", image_digest="sha256:0",
        command=("/x",), root=Root("/r", "/l"), restart=Restart(policy), **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "stopped", "wanted"),
    [
        (Policy.NO, False, False),
        (Policy.ON_FAILURE, False, False),
        (Policy.UNLESS_STOPPED, False, True),
        (Policy.UNLESS_STOPPED, True, False),
        (Policy.ALWAYS, False, True),
        (Policy.ALWAYS, True, True),
    ],
)
def test_the_policy_says_whether_one_comes_back(policy: Policy, stopped: bool, wanted: bool) -> None:
    assert comes_back(container(policy=policy), Status(State.EXITED, stopped=stopped)) is wanted


def test_one_that_runs_or_never_ran_is_left_alone() -> None:
    assert not comes_back(container(), Status(State.RUNNING, supervised=True))
    assert not comes_back(container(), Status(State.CREATED))


def test_one_that_was_to_be_removed_at_its_end_is_removed() -> None:
    assert goes_away(container(policy=Policy.NO, remove=True), ENDED)
    assert not goes_away(container(policy=Policy.NO, remove=True), Status(State.CREATED))
    assert not goes_away(container(policy=Policy.NO), ENDED)


def test_one_that_shares_a_network_comes_after_the_one_that_has_it() -> None:
    found = {
        "c": Found(container("c"), ENDED, needs=("b",)),
        "b": Found(container("b"), ENDED, needs=("a",)),
        "a": Found(container("a"), ENDED),
        "x": Found(container("x"), ENDED, needs=("gone",)),
    }
    names = [sorted(one.container.name for one in turn) for turn in turns(found)]
    assert names == [["a", "x"], ["b"], ["c"]]


def test_a_ring_of_networks_doesn_t_keep_the_others_from_coming_back() -> None:
    found = {
        "a": Found(container("a"), ENDED, needs=("b",)),
        "b": Found(container("b"), ENDED, needs=("a",)),
        "c": Found(container("c"), ENDED),
    }
    names = [sorted(one.container.name for one in turn) for turn in turns(found)]
    assert names == [["c"], ["a", "b"]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/usr/bin/whit", "/usr/bin/whit"),
        ("/a b", '"/a b"'),
        ('/a"b', '"/a\\"b"'),
        ("/100%", '"/100%%"'),
        ("/a\\b", '"/a\\\\b"'),
        ("/ä", "/ä"),
        ("/a\nb", '"/a\\x0ab"'),
    ],
)
def test_a_word_is_quoted_as_systemd_reads_it(text: str, wanted: str) -> None:
    assert quoted(text) == wanted


def test_a_dollar_sign_is_no_variable() -> None:
    assert command_line("/a", "$HOME") == '/a "$$HOME"'


def test_a_program_that_systemd_can_t_name_is_started_by_env() -> None:
    assert command_line("/a $b", "c") == '/usr/bin/env "/a $$b" c'


def test_a_unit_waits_as_long_as_the_container_may_take_to_stop() -> None:
    where = Where("/usr/bin/whit", "/var/lib/whit", is_default_root=True, is_root=True)
    assert "TimeoutStopSec=40\n" in container_unit(where, container(stop_seconds=30), (), by_name=True, seconds=None)
    assert "TimeoutStopSec=15\n" in container_unit(where, container(stop_seconds=30), (), by_name=True, seconds=5)
    assert "TimeoutStopSec=infinity\n" in restore_unit(where, [container(), container(stop_seconds=NO_LIMIT)])


@pytest.mark.peer("systemd-analyze")
@pytest.mark.parametrize("is_root", [True, False])
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path, is_root: bool) -> None:
    analyse = find_peer("systemd-analyze")
    assert analyse is not None
    # given a program and a store whose names are as odd as names can be
    program = tmp_path / "a b$HOME%n'\"" / "whit"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    where = Where(str(program), str(tmp_path / "st%ore $x"), is_default_root=False, is_root=is_root)
    base, other = container("base"), container("other")
    units = {
        "whit-restore": restore_unit(where, [base]),
        unit_name(base, by_name=True): container_unit(where, base, (), by_name=True, seconds=None),
        unit_name(other, by_name=True): container_unit(where, other, ("container-base",), by_name=True, seconds=3),
    }
    paths = []
    for name, text in units.items():
        path = tmp_path / f"{name}.service"
        path.write_text(text)
        paths.append(path)
    # when systemd reads them
    words: list[str | Path] = [analyse, "verify", "--man=no", *([] if is_root else ["--user"]), *paths]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    # then it says nothing of ours
    said = [line for line in done.stderr.splitlines() if "whit-restore" in line or "container-" in line]
    assert said == []
    assert done.returncode == 0 or not said
