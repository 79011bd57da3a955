"""How a container is confined: what every plan has, and what changes only when someone asks."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.unit.runtime.plans import (
    CONFIG,
    GUARDS,
    HOSTS,
    PROGRAM,
    ROOT_V1,
    ROOT_V2,
    ROOTLESS,
    all_of,
    names,
    only,
    real_plans,
)
from whit.packer.image.accounts import Accounts
from whit.packer.image.callsclaim import Calls
from whit.packer.support.errors import LaunchError, UnsupportedError, UsageError
from whit.runtime.capabilities import NAMES
from whit.runtime.limits import Limits, Rlimit
from whit.runtime.mounts import HARDENED, NODEV, NOSUID, RDONLY, Tmpfs, Volume
from whit.runtime.opcodes import BY_NAME, Stage
from whit.runtime.options import Host, Network, Program, RunOptions
from whit.runtime.plan import NEW_NETWORK, NEW_USER, compile_plan

if TYPE_CHECKING:
    from whit.runtime.model import LaunchPlan

NEW_MOUNTS, NEW_HOST_NAME, NEW_IPC, NEW_PROCESSES = 0x20000, 0x4000000, 0x8000000, 0x20000000
ALWAYS = NEW_MOUNTS | NEW_HOST_NAME | NEW_IPC | NEW_PROCESSES

every_plan = pytest.mark.parametrize("plan", real_plans())
every_host = pytest.mark.parametrize("host", HOSTS, ids=["root-v1", "root-v2", "user", "user-v2"])


def _plan(options: RunOptions | None = None, host: Host = ROOT_V1, program: Program = PROGRAM) -> LaunchPlan:
    return compile_plan(program, options or RunOptions(), host)


def _image(**config: object) -> Program:
    return replace(PROGRAM, config=replace(CONFIG, **config))  # type: ignore[arg-type]


@every_plan
def test_stages_go_forward_from_guards_to_one_program(plan: LaunchPlan) -> None:
    stages = [BY_NAME[op.name].stage for op in plan.ops]
    assert stages == sorted(stages)
    assert stages.count(Stage.CLONE) == stages.count(Stage.EXEC) == 1


@every_plan
def test_every_operation_says_why_in_one_line(plan: LaunchPlan) -> None:
    for op in plan.ops:
        assert op.why
        assert "\n" not in op.why
        assert len(op.args) == len(BY_NAME[op.name].arguments)


@every_plan
def test_what_takes_rights_away_stands_in_the_one_order_that_works(plan: LaunchPlan) -> None:
    order = names(plan)
    rights = ["DROP_BOUNDING", "SET_IDS", "SET_CAPABILITIES", "NO_NEW_PRIVILEGES", "SECCOMP", "EXEC"]
    places = [order.index(name) for name in rights]
    assert places == sorted(places)
    assert order[-2:] == ["SECCOMP", "EXEC"]
    assert order.index("ROOT_PIVOT") < order.index("DROP_BOUNDING")
    assert order.index("SET_CAPABILITIES") < order.index("CHANGE_DIRECTORY")


@every_plan
def test_the_container_shares_no_session_keys_or_mounts(plan: LaunchPlan) -> None:
    order = names(plan)
    for name in ("NEW_SESSION", "NEW_KEYRING", "MOUNTS_PRIVATE", "SET_HOSTNAME", "CGROUP_UNSHARE", "HOLD_LOCK"):
        assert order.count(name) == 1


@every_plan
def test_the_root_is_read_only(plan: LaunchPlan) -> None:
    assert only(plan, "ROOT_ATTACH").args == (PROGRAM.rootfs, RDONLY | NOSUID | NODEV)


@every_host
def test_no_capability_is_kept_unless_one_is_asked_for(host: Host) -> None:
    for user in ("65532", "0"):
        plan = _plan(RunOptions(user=user), host)
        assert only(plan, "DROP_BOUNDING").args == (0,)
        assert only(plan, "SET_CAPABILITIES").args == (0, 0, 0, 0)


def test_a_capability_that_is_asked_for_reaches_a_program_of_any_user() -> None:
    bit = 1 << NAMES.index("NET_BIND_SERVICE")
    options = RunOptions(add_capabilities=frozenset({"NET_BIND_SERVICE"}))
    # Another user's program keeps only the ambient set across execve; root's takes its own from the bounding set.
    assert only(_plan(options), "SET_CAPABILITIES").args == (bit, bit, bit, bit)
    assert only(_plan(replace(options, user="0")), "SET_CAPABILITIES").args == (bit, bit, 0, 0)
    assert only(_plan(options), "DROP_BOUNDING").args == (bit,)


def test_a_capability_widens_the_filter_by_its_calls_only() -> None:
    def program(*capabilities: str) -> object:
        return only(_plan(RunOptions(add_capabilities=frozenset(capabilities))), "SECCOMP").args

    assert program("SYS_TIME") != program()
    assert program("CHOWN") == program()


@every_host
def test_a_user_namespace_is_made_only_where_root_is_lacking(host: Host) -> None:
    plan = _plan(host=host)
    flags = only(plan, "CLONE").args[0]
    assert isinstance(flags, int)
    assert flags & ALWAYS == ALWAYS
    assert bool(flags & NEW_USER) is not host.privileged
    assert (names(plan).count("MAP_IDS") == 1) is not host.privileged


def test_the_caller_is_the_only_user_that_a_user_namespace_maps() -> None:
    assert only(_plan(host=ROOTLESS), "MAP_IDS").args == (65532, 1000, 65532, 1001)
    assert only(_plan(RunOptions(user="0:0"), ROOTLESS), "MAP_IDS").args == (0, 1000, 0, 1001)


def test_ids_are_mapped_before_anything_that_needs_the_namespace_s_rights() -> None:
    order = names(_plan(host=ROOTLESS))
    assert order.index("MAP_IDS") == order.index("CLONE") + 1


def test_groups_with_the_user_s_own_among_them_are_set_by_root_alone() -> None:
    image = replace(PROGRAM, accounts=Accounts("web:x:7:8::/w:/s\n", "audio:x:29:web\n"))
    options = RunOptions(user="web")
    packed = struct.pack("=II", 8, 29)
    assert only(_plan(options, ROOT_V1, image), "SET_IDS").args == (7, 8, packed, 1)
    assert only(_plan(options, ROOTLESS, image), "SET_IDS").args == (7, 8, packed, 0)


def test_the_network_is_its_own_unless_the_host_s_is_asked_for() -> None:
    own, host = _plan(), _plan(RunOptions(network=Network.HOST))
    assert int(str(only(own, "CLONE").args[0])) & NEW_NETWORK
    assert not int(str(only(host, "CLONE").args[0])) & NEW_NETWORK
    assert "LOOPBACK_UP" in names(own)
    assert "LOOPBACK_UP" not in names(host)


@pytest.mark.parametrize(
    ("user", "host", "seals"),
    [
        ("0", ROOT_V1, 1),
        ("65532", ROOT_V1, 0),
        ("65532", replace(ROOT_V1, launcher_owner=65532), 1),
        ("65532", replace(ROOT_V1, launcher_shared=True), 1),
        ("0", ROOTLESS, 0),
        ("0", replace(ROOTLESS, launcher_owner=ROOTLESS.user), 1),
        ("65532", replace(ROOTLESS, launcher_owner=65532), 0),
        ("65532", replace(ROOTLESS, launcher_shared=True), 1),
    ],
)
def test_the_launcher_seals_itself_against_whoever_may_write_its_file(user: str, host: Host, seals: int) -> None:
    assert names(_plan(RunOptions(user=user), host)).count("SEAL_SELF") == seals


def test_guards_come_first_and_hold_what_they_were_given() -> None:
    plan = compile_plan(PROGRAM, RunOptions(), ROOT_V1, guards=GUARDS)
    count = sum(op.name.startswith("GUARD_") for op in plan.ops)
    assert all(op.name.startswith("GUARD_") for op in plan.ops[:count])
    assert only(plan, "GUARD_COMMAND").args == (GUARDS.command,)
    assert only(plan, "GUARD_KERNEL").args == GUARDS.kernel
    assert only(plan, "GUARD_STORE").args == ("/store/plans",)
    assert only(plan, "GUARD_LAUNCHER").args == ("/usr/bin/whit",)
    assert only(plan, "GUARD_DIRECTORY").args == ("/home/me",)
    assert [op.args for op in all_of(plan, "GUARD_FILE")] == list(GUARDS.files)
    assert [op.args for op in all_of(plan, "GUARD_ABSENT")] == [("server",)]
    assert [op.args for op in all_of(plan, "GUARD_ENVIRONMENT")] == [("A", 0, ""), ("B", 1, "x")]


def test_without_guards_a_plan_has_none_and_so_belongs_to_no_command() -> None:
    assert not [name for name in names(_plan()) if name.startswith("GUARD_")]


def _environment(options: RunOptions | None = None, program: Program = PROGRAM) -> list[str]:
    (_, _, variables) = only(_plan(options, program=program), "EXEC").args
    assert isinstance(variables, tuple)
    return list(variables)


def test_the_environment_is_the_image_s_and_what_was_asked_for_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "of the caller")
    assert _environment() == ["PATH=/bin", "HOSTNAME=server"]
    bare = _image(env=())
    assert _environment(program=bare)[0] == "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_what_was_asked_for_wins_over_the_image_and_each_variable_is_there_once() -> None:
    image = _image(env=("A=image", "B=image=with=equals", "C"))
    found = _environment(RunOptions(env=(("A", "asked"), ("D", "ä\n"))), image)
    assert found[2:] == ["A=asked", "B=image=with=equals", "C=", "D=ä\n"]
    assert len({item.partition("=")[0] for item in found}) == len(found)


def test_home_is_the_user_s_own_where_the_image_tells() -> None:
    image = replace(PROGRAM, accounts=Accounts("web:x:7:8::/srv/web:/s\n"))
    assert "HOME=/srv/web" in _environment(RunOptions(user="web"), image)
    assert "HOME=/root" in _environment(RunOptions(user="0"), image)
    assert not [item for item in _environment(RunOptions(user="9"), image) if item.startswith("HOME=")]
    assert "HOME=/x" in _environment(RunOptions(user="web", env=(("HOME", "/x"),)), image)


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("server", "server"),
        ("my_server.v2:1.0", "my-server-v2-1-0"),
        ("---", "whit"),
        ("", "whit"),
        ("sörver", "s-rver"),
        ("x" * 100, "x" * 63),
        ("a\nb\x1b[0m", "a-b-0m"),
        ("x" * 62 + "--y", "x" * 62),
    ],
)
def test_the_host_name_is_made_of_the_image_s_and_is_one(image: str, shown: str) -> None:
    assert only(_plan(program=replace(PROGRAM, name=image)), "SET_HOSTNAME").args == (shown,)


def test_a_host_name_that_was_asked_for_is_taken_as_it_is() -> None:
    plan = _plan(RunOptions(hostname="Db-1.example"))
    assert only(plan, "SET_HOSTNAME").args == ("Db-1.example",)
    assert "HOSTNAME=Db-1.example" in _environment(RunOptions(hostname="Db-1.example"))


@pytest.mark.parametrize("name", ["", "-x", "x-", ".x", "a b", "a\n", "ä", "x" * 65, "a/b", "a_b"])
def test_other_host_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no host name"):
        _plan(RunOptions(hostname=name))


# OCI image-spec, "Conversion to OCI Runtime Configuration", and docker's table of ENTRYPOINT and CMD.
COMMANDS = [
    # entrypoint, cmd of the image; --entrypoint, arguments; what is executed
    (("/e",), (), None, (), ("/e",)),
    (("/e", "a"), ("c",), None, (), ("/e", "a", "c")),
    (("/e", "a"), ("c",), None, ("x", "y"), ("/e", "a", "x", "y")),
    ((), ("/c", "a"), None, (), ("/c", "a")),
    ((), ("/c", "a"), None, ("/x",), ("/x",)),
    (("/e",), ("c",), "/o", (), ("/o",)),
    (("/e",), ("c",), "/o", ("x",), ("/o", "x")),
    (("/e",), ("c",), "", ("/x", "y"), ("/x", "y")),
    (("/e",), (), None, ("",), ("/e", "")),
]


@pytest.mark.parametrize(("entrypoint", "cmd", "override", "arguments", "expected"), COMMANDS)
def test_the_command_is_put_together_as_docker_does(
    entrypoint: tuple[str, ...],
    cmd: tuple[str, ...],
    override: str | None,
    arguments: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    plan = _plan(RunOptions(entrypoint=override, arguments=arguments), program=_image(entrypoint=entrypoint, cmd=cmd))
    path, words, _ = only(plan, "EXEC").args
    assert words == expected
    assert path == expected[0]


@pytest.mark.parametrize("override", [None, ""])
def test_an_image_without_a_program_needs_one_to_be_given(override: str | None) -> None:
    image = _image(entrypoint=() if override is None else ("/e",), cmd=() if override is None else ("c",))
    with pytest.raises(LaunchError, match="names no program to run") as caught:
        _plan(RunOptions(entrypoint=override), program=image)
    assert caught.value.hint is not None


def test_what_is_executed_may_differ_from_what_the_program_is_told_it_is_called() -> None:
    plan = compile_plan(_image(entrypoint=("server",)), RunOptions(), ROOT_V1, executable="/bin/server")
    assert only(plan, "EXEC").args[:2] == ("/bin/server", ("server",))


@pytest.mark.parametrize(
    ("asked", "image", "found"), [(None, "/app", "/app"), ("/w", "/app", "/w"), (None, "", "/"), ("", "", "/")]
)
def test_the_working_directory_is_what_was_asked_for_else_the_image_s(
    asked: str | None, image: str, found: str
) -> None:
    plan = _plan(RunOptions(working_dir=asked), program=_image(working_dir=image))
    assert only(plan, "CHANGE_DIRECTORY").args == (found,)


def test_a_relative_working_directory_is_refused() -> None:
    with pytest.raises(UsageError, match="isn't absolute"):
        _plan(RunOptions(working_dir="app"))


def test_the_user_is_what_was_asked_for_else_the_image_s() -> None:
    assert only(_plan(), "SET_IDS").args[:2] == (65532, 65532)
    assert only(_plan(RunOptions(user="7:8")), "SET_IDS").args[:2] == (7, 8)
    assert only(_plan(RunOptions(user="")), "SET_IDS").args[:2] == (0, 0)


def test_init_comes_before_the_filter_so_that_the_program_alone_is_under_it() -> None:
    order = names(_plan(RunOptions(init=True)))
    assert order[-3:] == ["INIT", "SECCOMP", "EXEC"]
    assert "INIT" not in names(_plan())


def test_resource_limits_are_set_while_they_still_can_be_raised() -> None:
    plan = _plan(RunOptions(rlimits=(Rlimit(7, 10, 20), Rlimit(4, 0, 0))))
    assert [op.args for op in all_of(plan, "SET_RLIMIT")] == [(7, 10, 20), (4, 0, 0)]
    assert names(plan).index("SET_RLIMIT") < names(plan).index("SET_IDS")


def test_an_image_s_tmp_is_writable_unless_something_else_is_put_there() -> None:
    def at_tmp(options: RunOptions, program: Program = PROGRAM) -> list[object]:
        return [op.args[0] for op in _plan(options, program=program).ops if "/tmp" in op.args[1:2]]

    assert at_tmp(RunOptions()) == ["tmpfs"]
    filled = _plan(RunOptions(), program=replace(PROGRAM, fills_tmp=True))
    assert only(filled, "MOUNT_FILLED").args == ("/tmp", "mode=1777", HARDENED)
    assert at_tmp(RunOptions(), replace(PROGRAM, has_tmp=False)) == []
    below = replace(PROGRAM, config=replace(CONFIG, entrypoint=("/tmp/server",)))
    assert at_tmp(RunOptions(), below) == []
    volume = Volume("/h", "/tmp", read_only=False, is_directory=True)
    assert at_tmp(RunOptions(volumes=(volume,))) == ["/h"]
    tmpfs = Tmpfs("/tmp", ("mode=700",), HARDENED)
    assert [op.args[2] for op in _plan(RunOptions(tmpfs=(tmpfs,))).ops if "/tmp" in op.args[1:2]] == [("mode=700",)]


def test_limits_are_shown_to_the_program_where_they_are_set() -> None:
    limits = Limits(memory=1 << 30)
    assert "/sys/fs/cgroup/memory" in [op.args[1] for op in all_of(_plan(RunOptions(limits=limits)), "MOUNT_NEW")]
    v2 = [op.args[:2] for op in all_of(_plan(RunOptions(limits=limits), ROOT_V2), "MOUNT_NEW")]
    assert ("cgroup2", "/sys/fs/cgroup") in v2


def test_clocks_are_set_ahead_before_the_clone_and_only_by_root() -> None:
    plan = _plan(RunOptions(time_offset=90))
    assert only(plan, "TIME_OFFSETS").args == ("monotonic 90 0\nboottime 90 0\n",)
    with pytest.raises(UnsupportedError, match="needs root"):
        _plan(RunOptions(time_offset=90), ROOTLESS)


def test_the_same_input_gives_the_same_plan() -> None:
    assert real_plans() == real_plans()


def test_a_program_whose_calls_are_known_is_opened_before_the_filter_of_these_is_loaded() -> None:
    """What the launcher does for the program's start is no call of the program's."""
    usual = compile_plan(PROGRAM, RunOptions(), ROOT_V2)
    known = compile_plan(replace(PROGRAM, calls=Calls(frozenset({"read", "write"}))), RunOptions(), ROOT_V2)

    assert names(known)[-3:] == ["OPEN_PROGRAM", "SECCOMP", "EXEC"]
    assert "OPEN_PROGRAM" not in names(usual)
    assert len(str(known.ops[-2].args[0])) < len(str(usual.ops[-2].args[0]))
