"""``exec --cgroup`` on cgroup v1; on v2: tests/guests/test_oci_v2.py."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.oci_bundle import Bundle, Ran

pytestmark = [
    pytest.mark.root,
    pytest.mark.peer("busybox-static"),
    pytest.mark.skipif(not Path("/sys/fs/cgroup/memory").exists(), reason="cgroup v1 isn't mounted here"),
]

ROOT = Path("/sys/fs/cgroup")
SHARED = [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount")]


@contextmanager
def running(bundle: Bundle) -> Iterator[str]:
    """A container that sees the host's cgroup paths; the path of its own."""
    bundle.write("sleep 600", {"linux": {"namespaces": SHARED}})
    assert bundle.create("one") == 0
    try:
        assert bundle.call("start", "one").code == 0
        yield cgroups(bundle.call("exec", "one", "cat", "/proc/self/cgroup"))["pids"]
    finally:
        bundle.call("delete", "--force", "one")


def cgroups(ran: Ran) -> dict[str, str]:
    """Controllers → path, of v1."""
    assert ran.code == 0, ran.err
    lines = [line.split(":", 2) for line in ran.lines]
    return {controllers: path for _, controllers, path in lines if controllers}


def enter(bundle: Bundle, *options: str) -> Ran:
    """A process in the container's cgroups that tells where it is."""
    return bundle.call("exec", *options, "one", "cat", "/proc/self/cgroup")


def make(own: str, *controllers: str) -> None:
    """A cgroup ``sub`` below the container's own."""
    for name in controllers:
        (ROOT / name / own.strip("/") / "sub").mkdir()


def lend(own: str) -> None:
    """Give ``sub`` the container's processors: a new cpuset is empty."""
    above = ROOT / "cpuset" / own.strip("/")
    for file in ("cpuset.cpus", "cpuset.mems"):
        (above / "sub" / file).write_text((above / file).read_text())


def test_a_process_goes_into_the_sub_cgroups_that_it_is_told(bundle: Bundle) -> None:
    with running(bundle) as own:
        make(own, "memory", "pids", "freezer")
        found = cgroups(enter(bundle, "--cgroup", "memory,pids:sub", "--cgroup", "freezer:/sub/."))
        expected = {name: f"{own}/sub" if name in {"memory", "pids", "freezer"} else own for name in found}
        assert found == expected


@pytest.mark.ours("is in v2's hierarchy too, on a hybrid host", "runc")
def test_a_path_without_controllers_is_in_all_hierarchies(bundle: Bundle) -> None:
    with running(bundle) as own:
        hierarchies = [*cgroups(enter(bundle, "--cgroup", "/"))]
        make(own, *(name.removeprefix("name=") for name in hierarchies))
        empty = enter(bundle, "--cgroup", "sub")
        assert empty.code != 0
        lend(own)
        assert set(cgroups(enter(bundle, "--cgroup", "sub")).values()) == {f"{own}/sub"}


def test_delete_removes_the_sub_cgroups_too(bundle: Bundle) -> None:
    with running(bundle) as own:
        make(own, "memory")
        assert enter(bundle, "--detach", "--cgroup", "memory:sub").code == 0
    assert not (ROOT / "memory" / own.strip("/")).exists()


@pytest.mark.ours("say it in other words", "runc", "crun")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cgroup", "memory:nothing"), "there is no cgroup /sys/fs/cgroup/memory/"),
        (("--cgroup", "nothing"), "there is no cgroup /sys/fs/cgroup/"),
        (("--cgroup", ".."), "leads out of the container's cgroup"),
        (("--cgroup", "memory:sub/../.."), "leads out of the container's cgroup"),
        (("--cgroup", "whatever:/"), "no cgroup of a controller whatever"),
        (("--cgroup", "memory:a", "--cgroup", "memory:b"), "about what another one is about already"),
        (("--cgroup", "memory:a", "--cgroup", "b"), "about what another one is about already"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(bundle: Bundle, options: tuple[str, ...], said: str) -> None:
    with running(bundle):
        ran = enter(bundle, *options)
    assert ran.code == 1
    assert said in ran.err.splitlines()[0]
    assert ran.err.splitlines()[1].startswith("hint: ")
