"""The running kernel takes the filters and does what they say; real programs run under the default one."""

from __future__ import annotations

import errno as numbers
import platform
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.peers import find_peer
from tests.programs.build import build
from whit.runtime.seccomp.architecture import X32_BIT, syscall_numbers
from whit.runtime.seccomp.bpf import compile_filter
from whit.runtime.seccomp.model import ALLOW, KILL_PROCESS, Action, ActionKind, Condition, Filter, Operator, Rule, errno
from whit.runtime.seccomp.profile import default_filter

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}
HERE = MACHINES[platform.machine()]
LAUNCHER = Path(__file__).with_name("under_filter.py")
STDIN = subprocess.DEVNULL
AF_ALG, AF_VSOCK, TIOCSTI = 38, 40, 0x5412

only_on_amd64 = pytest.mark.skipif(HERE != "amd64", reason="x32 and int 0x80 are of x86-64")


def _under(filter_: Filter, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = folder / "filter"
    program.write_bytes(compile_filter(filter_, HERE))
    return subprocess.run(
        [sys.executable, "-S", "-E", str(LAUNCHER), str(program), *arguments],
        check=False,
        capture_output=True,
        text=True,
        stdin=STDIN,
        timeout=60,
    )


def _call(name: str, *arguments: int) -> str:
    return ",".join(map(str, (syscall_numbers(HERE)[name], *arguments)))


def _errnos(filter_: Filter, folder: Path, *calls: str) -> list[int]:
    done = _under(filter_, folder, "call", *calls)
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def test_the_kernel_takes_the_default_filter_and_refuses_what_it_says(tmp_path: Path) -> None:
    found = _errnos(
        default_filter(HERE),
        tmp_path,
        _call("getpid"),
        _call("unshare", 0x1000_0000),
        _call("clone3", 0, 0),
        _call("ptrace", 0),
        _call("socket", 2, 1, 0),
        _call("socket", AF_ALG, 5, 0),
        _call("socket", AF_VSOCK, 1, 0),
        _call("socket", 16, 3, 0),
        _call("socket", 16, 3, 12),
        _call("ioctl", 0, TIOCSTI, 0),
        _call("ioctl", 0, TIOCSTI | 1 << 32, 0),
        _call("io_uring_setup", 8, 0),
        "9999",
    )
    no_family = numbers.EAFNOSUPPORT
    assert found == [
        *(0, numbers.EPERM, numbers.ENOSYS, numbers.EPERM),
        *(0, no_family, no_family, 0, no_family),
        *(numbers.EPERM, numbers.EPERM, numbers.ENOSYS, numbers.ENOSYS),
    ]


@pytest.mark.parametrize("architecture", sorted({HERE, "386"} if HERE == "amd64" else {HERE}))
def test_the_kernel_takes_the_filter_for_each_architecture_that_it_runs(architecture: str, tmp_path: Path) -> None:
    assert _errnos(default_filter(architecture), tmp_path, _call("getpid")) == [0]


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("argument", [0, 5, 1 << 32 | 4, 1 << 32 | 5, 1 << 32 | 6, 2 << 32, (1 << 64) - 1])
def test_the_kernel_compares_64_bits_as_the_rules_say(operator: Operator, argument: int, tmp_path: Path) -> None:
    """Given getppid with an argument that it ignores, only the filter decides on it."""
    condition = Condition(0, operator, 1 << 32 | 5, mask=1 << 32 | 0xFF)
    filter_ = Filter(ALLOW, (HERE,), (Rule(("getppid",), errno(77), (condition,)),))
    wanted = 77 if condition.holds((argument, 0, 0, 0, 0, 0)) else 0
    assert _errnos(filter_, tmp_path, _call("getppid", argument)) == [wanted]


def test_kill_process_ends_the_process_by_sigsys(tmp_path: Path) -> None:
    filter_ = Filter(ALLOW, (HERE,), (Rule(("getppid",), KILL_PROCESS),))
    assert _under(filter_, tmp_path, "call", _call("getppid")).returncode == -signal.SIGSYS


def test_trap_is_a_signal_that_kills_whoever_does_not_handle_it(tmp_path: Path) -> None:
    filter_ = Filter(ALLOW, (HERE,), (Rule(("getppid",), Action(ActionKind.TRAP)),))
    assert _under(filter_, tmp_path, "call", _call("getppid")).returncode == -signal.SIGSYS


def test_a_long_filter_with_bridged_jumps_is_loaded(tmp_path: Path) -> None:
    rules = tuple(Rule(("getppid",), errno(1 + value), (Condition(0, Operator.EQ, value),)) for value in range(700))
    filter_ = Filter(ALLOW, (HERE,), (*rules, Rule(("getppid",), errno(99))))
    calls = [_call("getppid", value) for value in (0, 300, 699, 700)]
    assert _errnos(filter_, tmp_path, *calls) == [1, 301, 700, 99]


@only_on_amd64
def test_x32_calls_are_absent(tmp_path: Path) -> None:
    assert _errnos(default_filter(HERE), tmp_path, str(X32_BIT | 39)) == [numbers.ENOSYS]


@only_on_amd64
def test_a_32_bit_call_from_a_64_bit_program_kills_it(tmp_path: Path) -> None:
    """Given int 0x80 (getpid is 20 there, writev here), the filter for amd64 alone ends the process, one for 386 too doesn't."""
    assert _under(default_filter("amd64"), tmp_path, "int80", "20").returncode == -signal.SIGSYS
    assert _under(default_filter("386"), tmp_path, "int80", "20").returncode == 0


PYTHON = """
import asyncio, multiprocessing, socket, subprocess, threading
thread = threading.Thread(target=print, args=("thread",)); thread.start(); thread.join()
print(subprocess.run(["/bin/echo", "child"], capture_output=True, check=True).stdout)
server = socket.create_server(("127.0.0.1", 0)); client = socket.create_connection(server.getsockname())
with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, [-1]))
asyncio.run(asyncio.sleep(0.001))
print("well")
"""


def test_a_python_program_with_threads_children_sockets_and_semaphores_runs(tmp_path: Path) -> None:
    done = _under(default_filter(HERE), tmp_path, "exec", sys.executable, "-c", PYTHON)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("well\n")


BUSYBOX = """
set -e
mkdir d && cd d && echo text > a && ln a b && ln -s a c && mkfifo f && cp -a a e && chmod 600 e && touch e
tar cf - . | gzip | gunzip | tar tf - > /dev/null
find . -type f | sort | xargs cat | wc -l
(sleep 0.01; echo late) & wait
kill -0 $$ && nice true && env | head -n 1 > /dev/null && df . > /dev/null && ps > /dev/null
"""


@pytest.mark.peer("busybox-static")
def test_a_shell_and_its_tools_run(tmp_path: Path) -> None:
    shell = str(find_peer("busybox-static"))
    done = _under(default_filter(HERE), tmp_path, "exec", shell, "sh", "-c", f"cd {tmp_path}; {BUSYBOX}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\nlate\n", "")


@pytest.mark.peer("go")
def test_a_go_server_with_its_threads_and_poller_answers(tmp_path: Path) -> None:
    program = tmp_path / "filter"
    program.write_bytes(compile_filter(default_filter(HERE), HERE))
    line = [sys.executable, "-S", "-E", str(LAUNCHER), str(program), "exec", str(build("server", "go"))]
    with subprocess.Popen(line, stdin=STDIN, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        host, port = server.stdout.readline().removeprefix("listening on ").strip().split(":")
        connection = HTTPConnection(host, int(port), timeout=30)
        connection.request("GET", "/")
        answer = connection.getresponse().read()
        connection.close()
        server.terminate()
    assert answer == b"hello from go\n"
