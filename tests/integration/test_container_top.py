"""``whit top``: a container's processes, in docker's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import Engine, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(whit, tmp_path_factory.mktemp("top") / "root")
    made.box("sh", "-c", "/busybox sleep 1001 & exec /busybox sleep 1002")
    yield made
    made.clean()


def test_all_processes_are_shown_with_the_host_s_numbers(engine: Engine) -> None:
    head, *lines = engine("top", "box").splitlines()
    assert head.split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert head.index("PID") == 20
    assert sorted(int(line.split()[1]) for line in lines) == processes_of(engine("ps", "-q", "--no-trunc"))
    assert sorted(line.partition("/busybox ")[2] for line in lines) == ["sleep 1001", "sleep 1002"]


@pytest.mark.parametrize("options", [("-o", "pid,args"), ("aux",), ("-e", "-o", "user,pid,comm")])
def test_ps_has_its_own_options(engine: Engine, options: tuple[str, ...]) -> None:
    head, *lines = engine("top", "box", *options).splitlines()
    assert "PID" in head.split()
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("box", "-o", "args"), 2, "ps: there is no PID column"),
        (("box", "--nonsense"), 1, "ps: error: unknown gnu long option"),
        (("nobox",), 1, "there is no container nobox"),
    ],
)
def test_what_is_wrong_is_told(engine: Engine, words: tuple[str, ...], code: int, said: str) -> None:
    done = engine.run("top", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"whit: {said}")


def test_a_container_that_does_not_run_has_none(engine: Engine) -> None:
    engine("create", "--name", "still", "--network", "none", "/bin/busybox", "true")
    done = engine.run("top", "still")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "whit: container still is not running")
