"""A stack on three managers that are workers, too, while hosts crash and wires are cut: who answers, and what whit says."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

import pytest

from tests.integration.swarms import APPLICATION, Stacks, stacks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("dockerd", "docker", "docker-registry", "busybox-static"),
]


@pytest.fixture
def three(whit: Path, tmp_path: Path) -> Iterator[Stacks]:
    """The application on three nodes, with six tasks of ``work``; node 1 leads."""
    with stacks(whit, tmp_path, 3, managers=3) as made:
        made.write(APPLICATION)
        made.deploy("--push", "--insecure")
        made("scale", "shop", "work=6")
        made.counts()
        yield made


class Asking:
    """Asks the nodes' own ports all the time, as people from outside do."""

    def __init__(self, made: Stacks, numbers: tuple[int, ...]) -> None:
        self.made, self.numbers = made, numbers
        self.asked = self.lost = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._end.wait(0.05):
            for number in self.numbers:
                self.asked += 1
                self.lost += not self.made.ask(number)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def test_a_crashed_host_s_tasks_move_and_those_of_the_others_answer_all_the_while(three: Stacks) -> None:
    with Asking(three, (0, 1)) as asking:
        three.swarm.nodes[2].crash()
        three.until(lambda: three.running("shop_work") == ["node1"] * 3 + ["node2"] * 3)
    assert asking.asked > 50
    assert asking.lost == 0
    assert three.counts()["answered"] > 0
    three.counts()
    three.until(lambda: three.counts()["failed"] == 0)
    three.swarm.restart(three.swarm.nodes[2])
    three.until(lambda: len(three.running("shop_web")) == 3)
    assert three.ask(2)
    three.deploy("--insecure")


def test_a_crashed_leader_is_followed_by_another_one_that_goes_on(three: Stacks) -> None:
    with Asking(three, (1, 2)) as asking:
        three.swarm.nodes[0].crash()
        three.until(lambda: three.run("ls", node=1).returncode == 0)
        three("scale", "shop", "work=4", "--timeout", "90s", node=1)
    assert asking.lost == 0
    # Until the new leader has missed its heartbeats, node 1 is thought to run its tasks.
    three.until(lambda: set(three.running("shop_work", node=1)) == {"node2", "node3"})


def test_a_cut_off_host_goes_on_alone_and_is_taken_back(three: Stacks) -> None:
    far = three.swarm.nodes[2]
    three.swarm.cut(far)
    three.until(lambda: three.running("shop_work") == ["node1"] * 3 + ["node2"] * 3)
    assert "shop_work" in far.engine.docker("ps", "--format", "{{.Names}}").stdout, "nobody can tell it to stop"
    alone = three.run("ls", node=2)
    assert alone.returncode == 1
    assert "has no leader" in alone.stderr or "doesn't answer" in alone.stderr
    assert "more than half of" in alone.stderr.splitlines()[-1]
    three.swarm.heal(far)
    three.until(lambda: three.run("ls", node=2).returncode == 0)
    three.until(lambda: "shop_work" not in far.engine.docker("ps", "--format", "{{.Names}}").stdout)


def test_without_a_majority_nothing_can_be_changed_and_all_goes_on(three: Stacks) -> None:
    three.swarm.nodes[1].crash()
    three.swarm.nodes[2].crash()
    three.until(lambda: three.run("ls").returncode == 1)
    said = three.run("scale", "shop", "work=9")
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].startswith("hint: ")
    assert "more than half of" in said.stderr
    assert three.ask(0), "what runs runs on"
