"""What is mounted where: paths that are taken, tmpfs options, the order of nested mounts, and what of the host is hidden."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.plans import NONE, V1, V2
from whit.packer.support.errors import UsageError
from whit.runtime.mounts import (
    HARDENED,
    MASKED,
    NODEV,
    NOEXEC,
    NOSUID,
    RDONLY,
    READONLY,
    MountWish,
    Tmpfs,
    Volume,
    container_path,
    mount_ops,
    parse_tmpfs,
)

if TYPE_CHECKING:
    from whit.runtime.model import Op


def _ops(
    *,
    privileged: bool = True,
    own_network: bool = True,
    volumes: tuple[Volume, ...] = (),
    tmpfs: tuple[Tmpfs, ...] = (),
) -> tuple[Op, ...]:
    wish = MountWish("/rootfs", privileged, own_network, V1, volumes=volumes, tmpfs=tmpfs)
    return mount_ops(wish)


def _at(ops: tuple[Op, ...], target: str) -> list[Op]:
    return [op for op in ops if op.name.startswith("MOUNT_") and target in op.args[:2]]


@pytest.mark.parametrize(
    ("text", "path"),
    [("/data", "/data"), ("/data/", "/data"), ("//data", "/data"), ("/a//b/./c", "/a/b/c"), ("/procfs", "/procfs")],
)
def test_a_path_in_the_container_is_absolute_and_made_normal(text: str, path: str) -> None:
    assert container_path(text, text) == path


@pytest.mark.parametrize("text", ["", "data", "./data", "/a/../b", "/..", "/a/.."])
def test_a_path_that_depends_on_where_one_stands_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no absolute path in the container") as caught:
        container_path(text, text)
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    "text", ["/", "//", "/.", "/proc", "/proc/", "//proc/sys", "/./proc/1", "/sys", "/sys/fs/cgroup"]
)
def test_nothing_is_mounted_over_the_root_or_the_kernel_s_own_file_systems(text: str) -> None:
    with pytest.raises(UsageError, match="nothing may be mounted"):
        container_path(text, text)


@given(st.text(alphabet="/.ab", max_size=12))
def test_an_accepted_path_is_normal_and_never_the_root(text: str) -> None:
    try:
        path = container_path(text, text)
    except UsageError:
        return
    assert path.startswith("/")
    assert path == posixpath.normpath(path) != "/"
    assert not path.startswith("//")


def test_a_tmpfs_is_writable_by_all_and_holds_no_programs_unless_asked() -> None:
    assert parse_tmpfs("/run") == Tmpfs("/run", ("mode=1777",), HARDENED)
    assert parse_tmpfs("/run:exec") == Tmpfs("/run", ("mode=1777",), NOSUID | NODEV)
    assert parse_tmpfs("/run:exec,noexec") == Tmpfs("/run", ("mode=1777",), HARDENED)
    assert parse_tmpfs("/run:rw,noexec,nosuid,nodev") == Tmpfs("/run", ("mode=1777",), HARDENED)


def test_tmpfs_options_are_size_mode_and_read_only() -> None:
    assert parse_tmpfs("/run/:size=16m,mode=755,ro") == Tmpfs("/run", ("mode=755", "size=16777216"), HARDENED | RDONLY)


@pytest.mark.parametrize(
    "text",
    [
        "/run:size=", "/run:size=64x", "/run:mode=9", "/run:mode=", "/run:mode=77777", "/run:uid=0", "/run:SIZE=1m",
        "/run:size", "/run:bind", "run", "", ":size=1m", "/run:size=0", "/run:size=99999999999t",
    ],
)  # fmt: skip
def test_other_tmpfs_options_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_tmpfs(text)


def test_mounts_are_private_before_anything_else_and_the_root_changes_last() -> None:
    ops = _ops()
    assert ops[0].name == "MOUNTS_PRIVATE"
    assert ops[1].name == "ROOT_ATTACH"
    assert ops[-1].name == "ROOT_PIVOT"


def test_the_root_is_read_only_and_has_no_devices_or_set_user_id_programs() -> None:
    (root,) = (op for op in _ops() if op.name == "ROOT_ATTACH")
    assert root.args == ("/rootfs", RDONLY | NOSUID | NODEV)


def test_proc_is_its_own_and_what_changes_or_tells_of_the_host_is_shut_right_after() -> None:
    ops = _ops()
    at = next(index for index, op in enumerate(ops) if op.name == "MOUNT_NEW" and op.args[0] == "proc")
    assert ops[at].args == ("proc", "/proc", (), HARDENED)
    following = ops[at + 1 : at + 1 + len(READONLY) + len(MASKED)]
    assert {op.args[0] for op in following if op.name == "MOUNT_READONLY"} == set(READONLY)
    assert {op.args[0] for op in following if op.name == "MASK"} == set(MASKED)
    assert {"/proc/kcore", "/proc/keys", "/proc/timer_list"} <= set(MASKED)
    assert {"/proc/sys", "/proc/sysrq-trigger"} <= set(READONLY)


def test_root_makes_devices_and_anyone_else_borrows_the_host_s() -> None:
    made = {str(op.args[0]): op.args[2:] for op in _ops() if op.name == "MAKE_DEVICE"}
    assert made["/dev/null"] == (1, 3)
    assert made["/dev/tty"] == (5, 0)
    borrowed = _ops(privileged=False)
    assert {op.args[2:] for op in borrowed if op.name == "MAKE_DEVICE"} == {(0, 0)}
    binds = {op.args[:2]: op.args[2] for op in borrowed if op.name == "MOUNT_BIND"}
    assert {pair[0] for pair in binds} == set(made)
    assert all(source == target for source, target in binds)
    assert set(binds.values()) == {NOSUID | NOEXEC}


def test_only_harmless_devices_are_there() -> None:
    devices = {str(op.args[0]) for op in _ops() if op.name == "MAKE_DEVICE"}
    assert devices == {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}


def test_sys_is_read_only_whosever_the_network_is() -> None:
    (own,) = _at(_ops(own_network=True), "/sys")
    (host,) = _at(_ops(own_network=False), "/sys")
    assert own.args == ("sysfs", "/sys", (), RDONLY | HARDENED)
    assert host.args == ("/sys", "/sys", RDONLY | HARDENED, 1)


@pytest.mark.parametrize("layout", [V1, V2, NONE], ids=lambda layout: str(layout.version))
def test_cgroups_are_shown_only_where_there_is_a_limit_to_read_and_never_writable(layout: object) -> None:
    without = mount_ops(MountWish("/r", True, True, layout))  # type: ignore[arg-type]
    assert not [op for op in without if "/sys/fs/cgroup" in str(op.args)]
    shown = mount_ops(MountWish("/r", True, True, V1, ("memory",)))
    mounts = [op for op in shown if op.name == "MOUNT_NEW" and str(op.args[0]).startswith("cgroup")]
    assert [op.args for op in mounts] == [("cgroup", "/sys/fs/cgroup/memory", ("memory",), RDONLY | HARDENED)]


def test_outer_mounts_come_before_inner_ones_however_they_were_given() -> None:
    volumes = tuple(
        Volume(f"/h{target}", target, read_only=False, is_directory=True) for target in ("/a/b/c", "/a", "/z/y")
    )
    ops = _ops(volumes=volumes, tmpfs=(Tmpfs("/a/b", (), 0),))
    targets = [str(op.args[1]) for op in ops if op.name in {"MOUNT_BIND", "MOUNT_NEW"} and str(op.args[1])[1] in "az"]
    assert targets.index("/a") < targets.index("/a/b") < targets.index("/a/b/c")
    assert "/z/y" in targets


def test_a_volume_never_brings_devices_or_set_user_id_programs() -> None:
    volumes = (
        Volume("/h/w", "/w", read_only=False, is_directory=True),
        Volume("/h/r", "/r", read_only=True, is_directory=False),
    )
    ops = _ops(volumes=volumes)
    assert _at(ops, "/w")[0].args == ("/h/w", "/w", NOSUID | NODEV, 1)
    assert _at(ops, "/r")[0].args == ("/h/r", "/r", NOSUID | NODEV | RDONLY, 1)


def _before(ops: tuple[Op, ...], target: str) -> list[tuple[object, ...]]:
    """What is made between the last mount before ``target``'s and that."""
    at = next(index for index, op in enumerate(ops) if op.name == "MOUNT_BIND" and op.args[1] == target)
    made: list[tuple[object, ...]] = []
    while ops[at - 1].name in {"MAKE_DIRECTORY", "MAKE_DEVICE"}:
        at -= 1
        made.insert(0, (ops[at].name, *ops[at].args[:2]))
    return made


def test_a_place_below_an_empty_file_system_is_made_first() -> None:
    # The tmpfs hides the mount points that the root file system was given.
    ops = _ops(
        tmpfs=(Tmpfs("/tmp", (), 0),),
        volumes=(
            Volume("/h/f", "/tmp/a/f", read_only=False, is_directory=False),
            Volume("/h/d", "/tmp/a/d", read_only=False, is_directory=True),
            Volume("/dev/kvm", "/dev/kvm", read_only=False, is_directory=False),
        ),
    )
    assert _before(ops, "/tmp/a/f") == [("MAKE_DIRECTORY", "/tmp/a", 0o755), ("MAKE_DEVICE", "/tmp/a/f", 0o100644)]
    assert _before(ops, "/tmp/a/d") == [("MAKE_DIRECTORY", "/tmp/a/d", 0o755)]
    assert _before(ops, "/dev/kvm") == [("MAKE_DEVICE", "/dev/kvm", 0o100644)]


def test_a_place_below_a_volume_or_in_the_image_is_not_made_by_the_launch() -> None:
    ops = _ops(
        tmpfs=(Tmpfs("/t", (), 0),),
        volumes=(
            Volume("/h/d", "/t/d", read_only=False, is_directory=True),
            Volume("/h/e", "/t/d/e", read_only=False, is_directory=True),
            Volume("/h/i", "/image/x", read_only=False, is_directory=True),
        ),
    )
    assert _before(ops, "/t/d/e") == []
    assert _before(ops, "/image/x") == []


def test_two_mounts_on_one_place_are_an_error() -> None:
    volume = Volume("/h", "/data", read_only=False, is_directory=True)
    for mounts in ({"volumes": (volume, volume)}, {"volumes": (volume,), "tmpfs": (Tmpfs("/data", (), 0),)}):
        with pytest.raises(UsageError, match="/data is given twice") as caught:
            _ops(**mounts)
        assert caught.value.hint is not None
