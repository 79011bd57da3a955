"""Kernel parameters of a container's network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.kept import BUSYBOX, Engine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox")]

ASKED = ("--sysctl", "net.core.somaxconn=77")
FILE = "/proc/sys/net/core/somaxconn"


@pytest.fixture
def engine(whit: Path, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(whit, tmp_path / "root")
    yield made
    made.clean()


def test_a_network_of_its_own_has_them_at_each_start_and_the_host_s_stays_as_it_is(engine: Engine) -> None:
    before = Path(FILE).read_text()
    engine.box("cat", FILE, options=("--network", "none", *ASKED))
    engine("wait", "box")
    engine("start", "box")
    engine("wait", "box")
    assert engine.log() == "77\n77\n"
    assert Path(FILE).read_text() == before


def test_one_that_is_not_there_is_told_of_by_its_name(engine: Engine) -> None:
    done = engine.run("run", "--rm", "--network", "none", "--sysctl", "net.core.nothing=1", BUSYBOX, "true")
    assert done.returncode != 0
    assert "can't set the kernel parameter net/core/nothing: No such file or directory" in done.stderr


def test_another_container_s_network_that_is_the_host_s_is_refused(engine: Engine) -> None:
    engine.box("sleep", "1000", options=("--network", "host", "--init"), name="other")
    before = Path(FILE).read_text()
    done = engine.run("run", "--name", "box", "--network", "container:other", *ASKED, BUSYBOX, "true")
    assert done.returncode != 0
    assert "the network whose parameters are to be set is the host's" in done.stderr
    assert Path(FILE).read_text() == before
