"""Looking into a container's root: no link of the container's is ever followed on this machine."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.peers import find_peer
from tests.unit.runtime.plans import PROGRAM, ROOT_V1, ROOTLESS
from whit.runtime.options import RunOptions
from whit.runtime.plan import compile_plan
from whit.runtime.trace.root import Root, User
from whit.runtime.trace.session import user_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

USER = User(1000, frozenset((1001, 1002)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    box = find_peer("busybox-static")
    assert box is not None
    shutil.copy(box, tmp_path / "busybox")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "inside").write_text("x")
    return tmp_path


@pytest.fixture
def view(folder: Path) -> Iterator[Callable[[User], Root]]:
    """Roots of a process that is shut into the folder."""
    roots: list[Root] = []
    process = subprocess.Popen(["/busybox", "sleep", "1000"], preexec_fn=lambda: os.chroot(folder))  # noqa: PLW1509 - one thread

    def enter(user: User) -> Root:
        roots.append(Root(process.pid, user))
        return roots[-1]

    try:
        yield enter
    finally:
        for root in roots:
            root.close()
        process.kill()
        process.wait()


@pytest.mark.parametrize("target", ["/etc/inside", "../../../../etc/inside", "etc/inside"])
def test_links_lead_to_what_is_inside(folder: Path, view: Callable[[User], Root], target: str) -> None:
    (folder / "link").symlink_to(target)
    found = view(USER).find("/link")
    assert found is not None
    assert found.mode & 0o170000 == 0o100000


def test_what_is_renamed_elsewhere_meanwhile_keeps_no_path_from_being_told(
    folder: Path, view: Callable[[User], Root]
) -> None:
    """The kernel asks to look again (EAGAIN, openat2(2)): the file was taken for one of which nothing can be told."""
    (folder / "link").symlink_to("../../../../etc/inside")
    busy = "import os\nprint('on', flush=True)\nwhile True:\n    os.rename('one', 'two')\n    os.rename('two', 'one')"
    (folder / "one").write_text("")
    process = subprocess.Popen([sys.executable, "-c", busy], cwd=folder, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        root = view(USER)
        modes = {found.mode for _ in range(3000) if (found := root.find("/link")) is not None}
    finally:
        process.kill()
        process.communicate()
    assert [stat.S_IFMT(mode) for mode in modes] == [stat.S_IFREG]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../etc/passwd", "/proc/1/root/etc/passwd"])
def test_no_link_leads_to_this_machine(folder: Path, view: Callable[[User], Root], target: str) -> None:
    (folder / "link").symlink_to(target)
    assert not view(USER).is_there("/link")
    assert view(USER).is_there("/link", follow=False)


def test_a_path_may_climb_no_higher_than_the_root(view: Callable[[User], Root]) -> None:
    assert view(USER).is_there("/../../../etc/inside")
    assert not view(USER).is_there("/../../../etc/passwd")


def test_endless_links_and_names_that_no_file_has_do_no_harm(folder: Path, view: Callable[[User], Root]) -> None:
    (folder / "loop").symlink_to("/loop")
    root = view(USER)
    assert root.is_there("/loop")
    for path in ("/" + "a" * 5000, "/a\0b", "/busybox/x", "/\udcff"):
        assert not root.is_there(path)


def test_what_a_process_has_open_is_always_there(view: Callable[[User], Root]) -> None:
    assert view(USER).is_there("/dev/stdin")
    assert view(USER).is_there("/proc/self/fd/3")


@pytest.mark.parametrize(
    ("mode", "owner", "group", "readable", "writable"),
    [
        (0o600, 1000, 0, True, True),
        (0o600, 0, 0, False, False),
        (0o640, 0, 1002, True, False),
        (0o066, 1000, 1001, False, False),
        (0o004, 0, 0, True, False),
        (0o002, 0, 0, False, True),
    ],
)
def test_a_file_s_mode_decides_for_the_program_s_user(
    folder: Path, view: Callable[[User], Root], mode: int, owner: int, group: int, readable: bool, writable: bool
) -> None:
    file = folder / "etc" / "inside"
    os.chown(file, owner, group)
    file.chmod(mode)

    found, free = view(USER).find("/etc/inside"), view(User(1, frozenset(), overrides=True)).find("/etc/inside")

    assert found is not None
    assert free is not None
    assert (found.readable, found.writable) == (readable, writable)
    assert (free.readable, free.writable) == (True, True)


def test_the_user_is_the_plan_s_for_root_and_the_caller_s_for_others() -> None:
    options = RunOptions(user="7:8", add_capabilities=frozenset(("DAC_OVERRIDE",)))
    assert user_of(compile_plan(PROGRAM, RunOptions(user="7:8"), ROOT_V1), ROOT_V1) == User(7, frozenset((8,)))
    assert user_of(compile_plan(PROGRAM, options, ROOT_V1), ROOT_V1).overrides
    rootless = user_of(compile_plan(PROGRAM, RunOptions(user="7:8"), ROOTLESS), ROOTLESS)
    assert (rootless.uid, 1001 in rootless.groups) == (1000, True)
