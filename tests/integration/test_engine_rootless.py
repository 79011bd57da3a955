"""The everyday commands as a user without root: what they say to root, but for what is told here."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import USER
from tests.integration.everyday import STEPS, by_whit, make_everyday_image
from tests.integration.kept import Engine
from tests.integration.users import engine_of, machine_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import User
    from tests.integration.engines import Answer
    from tests.integration.users import Mine

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.peer("busybox-static", "slirp4netns", "newuidmap", "nft", "unshare", "setpriv"),
]

NO_CGROUP = "cgroup v1, which this machine has, can't be delegated to a user: tests/guests has v2"
NO_USERS = "without subordinate ids the container has one user"
NO_GROUPS = "one user of the container's is one of the host's, who may not set groups (user_namespaces(7))"
NO_BRIDGE = "networks are bridges of the host's, which only root may make"
NO_VETH = "its way out is tap0"
FREE_PORT = "the port is whichever is free"
DIFFERENT = {
    "run --rm -u 5:6": NO_GROUPS,
    "run --rm everyday ls /sys/class/net": NO_VETH,
    "port web": FREE_PORT,
    "exec -u 7": NO_USERS,
    "stats": NO_CGROUP,
    "pause web": NO_CGROUP,
    "ps --filter status=paused": NO_CGROUP,
    "unpause web": NO_CGROUP,
    "update --memory": NO_CGROUP,
    "inspect --format {{.HostConfig.Memory}}": NO_CGROUP,
    "network": NO_BRIDGE,
    "run -d --name peer --network inner": NO_BRIDGE,
    "run --rm --network inner": NO_BRIDGE,
    "rm -f peer": NO_BRIDGE,
    "run -d --name greedy -m 32m": NO_CGROUP,
    "wait greedy": NO_CGROUP,
    "rm greedy": NO_CGROUP,
}
"""How commands begin that say something else to a user, each with why."""


def _reasons(line: str) -> set[str]:
    return {reason for beginning, reason in DIFFERENT.items() if line.startswith(beginning)}


@pytest.fixture(scope="module")
def as_root(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Answer]:
    """What root is told."""
    engine = Engine(whit, tmp_path_factory.mktemp("everyday") / "root")
    make_everyday_image(engine.root)
    try:
        return [by_whit(engine, one) for one in STEPS]
    finally:
        engine.clean()


@pytest.fixture(params=[False, True], ids=["alone", "with subordinate ids"])
def has_ids(request: pytest.FixtureRequest) -> bool:
    """Whether the user has subordinate ids."""
    return bool(request.param)


@pytest.fixture
def engine(user: User, has_ids: bool) -> Iterator[Mine]:
    machine = machine_of(user)
    made = engine_of(user, machine)
    if has_ids:
        made.give_ids(machine)
    make_everyday_image(user.store)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", user.home / ".local"], check=True)
    yield made
    made.clean()


def test_everyday_commands_say_to_a_user_what_they_say_to_root(
    engine: Mine, as_root: list[Answer], has_ids: bool
) -> None:
    answers = [(" ".join(one.words), theirs, by_whit(engine, one)) for one, theirs in zip(STEPS, as_root, strict=True)]
    differing = [(line, theirs, ours) for line, theirs, ours in answers if ours != theirs]
    untold = [f"{line}\n  root {theirs}\n  user {ours}" for line, theirs, ours in differing if not _reasons(line)]
    assert not untold, "\n\n".join(untold)
    seen = {reason for line, *_ in differing for reason in _reasons(line)}
    assert seen >= {NO_CGROUP, NO_BRIDGE, NO_GROUPS}
    assert (NO_USERS in seen) is not has_ids
