"""A cached plan is used only while everything that it was made from is as it was; the launcher's C itself is asked."""

from __future__ import annotations

import ctypes
import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.peers import PROJECT
from tests.unit.runtime.plans import PROGRAM, ROOT_V1
from whit.runtime.encode import encode
from whit.runtime.host import own_v2_cgroup
from whit.runtime.landlocking import landlock_version
from whit.runtime.opcodes import c_header
from whit.runtime.options import Guards, RunOptions
from whit.runtime.plan import compile_plan
from whit.runtime.request import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from whit.runtime.options import FileIdentity

    Hold = Callable[..., bool]

pytestmark = pytest.mark.peer("gcc")

COMMAND = ("run", "-e", "A=", "", "server")
PLANS = str(PROJECT)
LAUNCHER = str(PROJECT / "pyproject.toml")
KERNEL = (os.uname().release, os.uname().version)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("guards")
    (folder / "ops.h").write_text(c_header())
    launcher = PROJECT / "runtime" / "launcher"
    sources = [str(launcher / name) for name in ("guards.c", "plan.c", "util.c")]
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", f"-I{folder}", f"-I{launcher}"]
    subprocess.run(["gcc", *flags, "-o", str(folder / "guards.so"), *sources], check=True)
    return ctypes.CDLL(str(folder / "guards.so"))


@pytest.fixture
def hold(library: ctypes.CDLL) -> Hold:
    """Whether the guards of a plan, found in a folder, hold for a command line."""

    def guards_hold(
        guards: Guards | None, arguments: tuple[str, ...] = COMMAND, found_in: str = PLANS, self: str = LAUNCHER
    ) -> bool:
        data = encode(compile_plan(PROGRAM, RunOptions(), ROOT_V1, guards=guards))
        buffer, plan = ctypes.create_string_buffer(data, len(data)), ctypes.create_string_buffer(64)
        assert library.plan_check(plan, buffer, ctypes.c_size_t(len(data))) == 0
        vector = (ctypes.c_char_p * (len(arguments) + 1))(*map(os.fsencode, arguments), None)
        folder = os.open(found_in, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return bool(library.guards_hold(plan, vector, folder, os.fsencode(self)))
        finally:
            os.close(folder)

    return guards_hold


def _guards(files: tuple[FileIdentity | None, ...] = (), **changes: Any) -> Guards:
    known = tuple(file for file in files if file)
    return dataclasses.replace(Guards(COMMAND, KERNEL, PLANS, LAUNCHER, known), **changes)


def test_a_plan_holds_for_its_own_command_line(hold: Hold) -> None:
    assert hold(_guards())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        COMMAND[:-1],
        (*COMMAND, ""),
        (*COMMAND, "x"),
        ("run", "-e", "A=", "server"),
        ("run", "-e", "A=", "server", ""),
        ("run-e", "A=", "", "server"),
        ("Run", *COMMAND[1:]),
        (*COMMAND[:-1], "serve"),
        (*COMMAND[:-1], "server2"),
    ],
)
def test_and_for_no_other(hold: Hold, arguments: tuple[str, ...]) -> None:
    assert not hold(_guards(), arguments)


def test_a_plan_without_a_command_belongs_to_none(hold: Hold) -> None:
    assert not hold(None)
    assert not hold(None, ())


@pytest.mark.parametrize("kernel", [("5.10.0", KERNEL[1]), (KERNEL[0], "#2")])
def test_another_kernel_is_noticed(hold: Hold, kernel: tuple[str, str]) -> None:
    assert not hold(_guards(kernel=kernel))


def test_a_plan_of_another_store_is_noticed_and_two_paths_to_one_are_not(hold: Hold, tmp_path: Path) -> None:
    for name in ("store", "copy"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("store")
    guards = _guards(plans=str(tmp_path / "store"))
    assert hold(guards, found_in=str(tmp_path / "store"))
    assert hold(guards, found_in=str(tmp_path / "link"))
    assert not hold(guards, found_in=str(tmp_path / "copy"))
    (tmp_path / "store").rename(tmp_path / "moved")
    assert not hold(guards, found_in=str(tmp_path / "moved"))


def test_another_cgroup_of_the_caller_is_noticed(hold: Hold) -> None:
    own = own_v2_cgroup()
    assert hold(_guards(cgroup=own))
    for other in (f"{own}x", own[:-1], f"{own}/below", "other"):
        if other != own:
            assert not hold(_guards(cgroup=other))


def test_a_kernel_that_has_less_of_landlock_is_noticed(hold: Hold) -> None:
    own = landlock_version()
    assert hold(_guards(landlock=own))
    for other in {0, 1, own + 1} - {own}:
        assert not hold(_guards(landlock=other))


def test_another_installation_of_whit_is_noticed_and_a_link_to_the_same_is_not(hold: Hold, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("one")
    guards = _guards(launcher=str(tmp_path / "link"))
    assert hold(guards, self=str(tmp_path / "one"))
    assert not hold(guards, self=str(tmp_path / "two"))
    assert not hold(guards, self="")


def _rewrite(path: Path) -> None:
    path.write_text("other")


def _grow(path: Path) -> None:
    path.write_text("text and more")


def _touch(path: Path) -> None:
    os.utime(path, ns=(0, 0))


def _replace(path: Path) -> None:
    status = path.stat()
    fresh = path.with_name("fresh")
    fresh.write_text("text")
    os.utime(fresh, ns=(status.st_atime_ns, status.st_mtime_ns))
    fresh.replace(path)


def _rewrite_and_set_back_the_clock(path: Path) -> None:
    status = path.stat()
    path.write_text("TEXT")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _remove(path: Path) -> None:
    path.unlink()


CHANGES = [_rewrite, _grow, _touch, _replace, _rewrite_and_set_back_the_clock, _remove]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_every_change_of_a_file_is_noticed(hold: Hold, tmp_path: Path, change: Callable[[Path], None]) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    os.utime(file, ns=(1, 999_999_999))
    guards = _guards((identity_of(str(file)),))
    assert hold(guards)
    change(file)
    assert not hold(guards)


@pytest.mark.parametrize("nanoseconds", [0, 1, 999_999_999, 1 << 60, -1, -1_500_000_000])
def test_times_of_any_age_are_told_as_python_tells_them(hold: Hold, tmp_path: Path, nanoseconds: int) -> None:
    file = tmp_path / "file"
    file.touch()
    os.utime(file, ns=(0, nanoseconds))
    assert hold(_guards((identity_of(str(file)),)))


def test_a_file_behind_a_link_is_the_one_that_counts(hold: Hold, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "link"
    link.symlink_to("one")
    guards = _guards((identity_of(str(link)),))
    assert hold(guards)
    link.unlink()
    link.symlink_to("two")
    assert not hold(guards)


def test_a_file_that_appears_is_noticed_and_a_folder_changes_nothing(hold: Hold, tmp_path: Path) -> None:
    guards = _guards(absent=(str(tmp_path / "server"),))
    assert hold(guards)
    (tmp_path / "server").mkdir()
    assert hold(guards)
    (tmp_path / "server").rmdir()
    (tmp_path / "server").touch()
    assert not hold(guards)


def test_another_working_directory_is_noticed(hold: Hold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert hold(_guards(directory=str(tmp_path)))
    assert not hold(_guards(directory=str(tmp_path.parent)))
    assert not hold(_guards(directory=f"{tmp_path}/"))


def test_another_value_of_a_variable_is_noticed(hold: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHIT_TEST", "x")
    assert hold(_guards(environment=(("WHIT_TEST", "x"),)))
    assert not hold(_guards(environment=(("WHIT_TEST", "y"),)))
    assert not hold(_guards(environment=(("WHIT_TEST", ""),)))
    assert not hold(_guards(environment=(("WHIT_TEST", None),)))
    monkeypatch.setenv("WHIT_TEST", "")
    assert hold(_guards(environment=(("WHIT_TEST", ""),)))
    monkeypatch.delenv("WHIT_TEST")
    assert hold(_guards(environment=(("WHIT_TEST", None),)))
    assert not hold(_guards(environment=(("WHIT_TEST", ""),)))
