"""``whit exec`` with the same words again: by a kept plan, without Python, as long as nothing that it was made from has changed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    made.box("sleep", "100000")
    yield made
    made.clean()


def starts(engine: Engine, *words: str, stdin: str = "") -> tuple[subprocess.CompletedProcess[str], bool]:
    """What came of ``whit exec``, and whether it took Python."""
    trace = engine.root / "trace"
    done = subprocess.run(
        ["strace", "-f", "-e", "trace=execve", "-o", trace, engine.program, "exec", *words],
        env=engine.environment, input=stdin, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done, "/python" in trace.read_text()


def both(engine: Engine, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The first and the second time, which must be the same and take no Python."""
    first, _ = starts(engine, *words, stdin=stdin)
    second, took_python = starts(engine, *words, stdin=stdin)
    assert (first.returncode, first.stdout, first.stderr) == (second.returncode, second.stdout, second.stderr)
    assert not took_python
    return second


@pytest.mark.peer("strace")
def test_the_second_time_is_the_same_without_python(engine: Engine) -> None:
    assert both(engine, "box", "/busybox", "id").stdout.startswith("uid=65532(nonroot)")
    assert both(engine, "box", "/busybox", "sh", "-c", "exit 7").returncode == 7
    assert both(engine, "-i", "-e", "A=b", "-w", "/proc", "box", "/busybox", "cat", stdin="in\n").stdout == "in\n"
    assert both(engine, "box", "/busybox", "cat", stdin="in\n").stdout == ""
    assert both(engine, "-d", "box", "/busybox", "true").returncode == 0


@pytest.mark.peer("strace")
@pytest.mark.parametrize(
    "options", [("-e", "HOME"), ("-u", "nobody"), ("--env-file", "/dev/null"), ("-dt",)], ids=" ".join
)
def test_what_depends_on_more_than_its_words_is_looked_at_each_time(engine: Engine, options: tuple[str, ...]) -> None:
    for _ in range(2):
        done, took_python = starts(engine, *options, "box", "/busybox", "true")
        assert (done.returncode, took_python) == (0, True)


def test_what_has_changed_meanwhile_is_seen(engine: Engine) -> None:
    # given a command that was executed twice
    def again(name: str = "box") -> tuple[int, str]:
        # The first process's start, in ticks: starting again takes less than a second.
        started = "set -- $(cat /proc/1/stat); echo ${22}"
        done = engine.run("exec", name, "/busybox", "sh", "-c", started)
        return done.returncode, done.stdout or done.stderr.splitlines()[0]

    first = again()
    assert again() == first
    # when the container is paused, then that is told, and it is executed afterwards
    engine("pause", "box")
    assert again() == (1, "whit: container box is paused, unpause the container before exec")
    engine("unpause", "box")
    assert again() == first
    # when it is started again, then it is in the new one
    engine("restart", "-t", "0", "box")
    assert again()[0] == 0
    assert again()[1] != first[1]
    # when another one has its name, then it is in that
    engine("rename", "box", "old")
    assert again() == (1, "whit: there is no container box")
    engine("run", "-d", "--name", "box", "--network", "none", BUSYBOX, "sleep", "1000")
    assert again() != again("old")
    # when it has ended, then that is told
    engine("stop", "-t", "0", "box")
    assert again() == (1, "whit: container box is not running")


def test_what_fails_is_told_each_time(engine: Engine) -> None:
    for _ in range(3):
        done = engine.run("exec", "box", "nothing")
        line, hint = done.stderr.splitlines()
        assert (done.returncode, line) == (127, 'whit: exec: "nothing": executable file not found in $PATH')
        assert hint.startswith("hint: whit debug ")
