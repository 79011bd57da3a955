"""``--sandbox strict``: its text, what it takes from the image, and that its filter only narrows another one."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from whit.packer.image.callsclaim import Calls
from whit.packer.image.spec import RunConfig
from whit.packer.support.errors import UsageError
from whit.runtime.listening import Port
from whit.runtime.options import Program, RunOptions
from whit.runtime.sandbox import USER, Said, Sandbox, Walls, landlock_op, parse_sandbox, said_of, settled, user_of
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, ENOSYS, EPERM, EPROTONOSUPPORT, Filter, errno
from whit.runtime.seccomp.profile import default_filter
from whit.runtime.seccomp.proven import proven_filter
from whit.runtime.seccomp.simulate import run_named
from whit.runtime.seccomp.strict import strict_filter

EAFNOSUPPORT = 97
UNIX, INET, NETLINK, STREAM, MPTCP = 1, 2, 16, 1, 262
READ, EXECUTE = 1, 4


@pytest.mark.parametrize("text", ["strict", "strict,bind=80,bind=443,connect=5432,exec=/bin/tool,log"])
def test_a_sandbox_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_sandbox(text, "--sandbox")) == text


@pytest.mark.parametrize(
    "text", ["", "loose", "strict,", "strict,bind=", "strict,bind=65536", "strict,bind=-1", "strict,exec=tool"]
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_sandbox(text, "--sandbox")
    assert caught.value.hint


def _program(*calls: str, exposed: tuple[str, ...] = ()) -> Program:
    config = RunConfig(entrypoint=("/x",), exposed_ports=exposed)
    return Program("x", "/r", "/l", config, calls=Calls(frozenset(calls)), folders=("bin", "etc", "tmp", "usr"))


def test_it_listens_where_the_image_exposes_tcp_and_where_a_port_is_published() -> None:
    program = _program(exposed=("8080/tcp", "53/udp", "9000-9002", "x/tcp"))

    found = settled(Sandbox(bind=(1,)), program, "/x", Said(published=(443,)), mounted=())

    assert found.bind == (1, 443, 8080, 9000, 9001, 9002)


def test_it_listens_where_it_is_told_to_and_its_code_says_until_somebody_names_a_port() -> None:
    program = replace(_program(exposed=("80",)), listens=(Port(9090, "its code: :9090"),))
    said = Said(("--port", "8080"), (("METRICS_PORT", "9100"),))

    found = settled(Sandbox(), program, "/x", said, mounted=())

    assert found.bind == (80, 8080, 9090, 9100)
    assert found.where == "80 (EXPOSE 80), 8080 (--port 8080), 9090 (its code: :9090), 9100 (METRICS_PORT=9100)"
    assert str(found) == "strict,bind=80,bind=8080,bind=9090,bind=9100"
    assert settled(Sandbox(bind=(1,)), program, "/x", said, mounted=()).bind == (1, 80)


def test_a_variable_of_the_person_s_goes_before_the_image_s() -> None:
    program = replace(_program(), config=RunConfig(entrypoint=("/x",), env=("PORT=1", "HTTP_PORT=2")))

    said = said_of(program, RunOptions(env=(("PORT", "3"),)), ("/x", ":4"))

    assert settled(Sandbox(), program, "/x", said, mounted=()).bind == (2, 3, 4)


def test_a_program_that_executes_others_may_execute_what_the_image_has_and_nothing_that_is_mounted() -> None:
    assert settled(Sandbox(), _program("read"), "/x", Said(), mounted=()).programs == ()
    assert settled(Sandbox(), _program("execve"), "/x", Said(), mounted=("/etc/hosts",)).programs == ("/bin", "/usr")


@pytest.mark.parametrize("target", ["/opt", "/opt/tool"])
def test_a_program_that_somebody_mounts_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match=f"mounted on {target}"):
        settled(Sandbox(), _program("read"), "/opt/tool", Said(), mounted=(target,))


def test_the_image_s_and_the_person_s_user_go_before_the_sandbox_s() -> None:
    asked = RunOptions(sandbox=Sandbox())
    assert user_of(asked, RunConfig()) == USER
    assert user_of(asked, RunConfig(user="0")) == "0"
    assert user_of(RunOptions(sandbox=Sandbox(), user="root"), RunConfig()) == "root"
    assert user_of(RunOptions(), RunConfig()) == ""


def test_nothing_is_written_in_proc_by_which_one_writes_to_code() -> None:
    assert landlock_op(("/dev", "/proc", "/data"), Sandbox(), b"").args[0] == ("/dev", "/data")


def test_an_end_at_a_port_of_the_kernel_s_choice_is_anybody_s() -> None:
    """As a client has it that names its own address: vegeta couldn't connect."""
    rules = landlock_op((), Sandbox(bind=(80,)), b"").args[4]
    assert isinstance(rules, bytes)
    assert list(struct.iter_unpack("=QQ", rules)) == [(1, 0), (1, 80)]


def test_connecting_is_free_until_a_port_is_named() -> None:
    assert landlock_op((), Sandbox(bind=(80,)), b"").args[3] == 1
    assert landlock_op((), Sandbox(connect=(80,)), b"").args[3] == 3


def _answer(filter_: Filter, name: str, *arguments: int) -> int:
    return run_named(compile_filter(filter_, "amd64"), "amd64", name, arguments)


def test_without_a_network_there_are_local_sockets_only() -> None:
    held = strict_filter(default_filter("amd64"), Walls(has_network=False))

    assert _answer(held, "socket", UNIX, STREAM, 0) == ALLOW.return_value
    assert _answer(held, "socket", INET, STREAM, 0) == errno(EAFNOSUPPORT).return_value
    assert _answer(held, "socket", NETLINK, 3, 0) == errno(EAFNOSUPPORT).return_value


def test_with_a_network_there_is_no_way_around_tcp_s_ports() -> None:
    held = strict_filter(default_filter("amd64"), Walls(has_network=True))

    assert _answer(held, "socket", INET, STREAM, 0) == ALLOW.return_value
    assert _answer(held, "socket", INET, STREAM, MPTCP) == errno(EPROTONOSUPPORT).return_value


@pytest.mark.parametrize("name", ["mmap", "mprotect"])
def test_a_program_whose_code_is_all_in_its_file_makes_none(name: str) -> None:
    known = strict_filter(default_filter("amd64"), Walls(has_network=True, is_known=True))
    unknown = strict_filter(default_filter("amd64"), Walls(has_network=True))

    assert _answer(known, name, 0, 1, READ | EXECUTE) == errno(EPERM).return_value
    assert _answer(known, name, 0, 1, READ) == ALLOW.return_value
    assert _answer(unknown, name, 0, 1, READ | EXECUTE) == ALLOW.return_value


def test_no_file_without_a_name_which_landlock_would_let_be_executed() -> None:
    known = strict_filter(default_filter("amd64"), Walls(has_network=True, is_known=True))
    engine = strict_filter(default_filter("amd64"), Walls(has_network=True, is_wasm=True))

    assert _answer(known, "memfd_create") == errno(ENOSYS).return_value
    assert _answer(engine, "memfd_create") == ALLOW.return_value


def test_nothing_is_allowed_that_the_other_filter_refuses() -> None:
    whole = proven_filter(Calls(frozenset({"read", "mmap"})), "amd64")
    for walls in (Walls(has_network=False), Walls(has_network=True, is_known=True)):
        held = strict_filter(whole, walls)
        for name in ("socket", "write", "mprotect", "memfd_create", "mount", "execve"):
            if _answer(whole, name, UNIX) != ALLOW.return_value:
                assert _answer(held, name, UNIX) != ALLOW.return_value
