"""``whit exec``: another process in a container that runs, as confined as that is, with docker's options and exit codes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.kept import BUSYBOX, Engine, processes_of, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NAMESPACES = ("pid", "mnt", "net", "ipc", "uts", "cgroup")
RIGHTS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups")


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with one container that does nothing, ``box``."""
    made = Engine(whit, tmp_path_factory.mktemp("exec") / "root")
    made.box("sleep", "100000", options=("--network", "none", "--tmpfs", "/tmp", "-e", "SET=by-the-container"))
    yield made
    made.clean()


@pytest.fixture
def at_terminal(engine: Engine) -> Iterator[Callable[..., AtTerminal]]:
    """Starts whit at a terminal."""
    made: list[AtTerminal] = []

    def start(*words: str, size: tuple[int, int] = (24, 80)) -> AtTerminal:
        made.append(AtTerminal([engine.program, *words], engine.environment, size))
        return made[-1]

    yield start
    for terminal in made:
        terminal.close()


def inside(engine: Engine, *words: str, options: tuple[str, ...] = ()) -> str:
    return engine("exec", *options, "box", "/busybox", *words)


def rights(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name: " ".join(value.split()) for name, _, value in lines if name in RIGHTS}


def test_it_is_where_the_container_is_with_its_rights_and_no_more(engine: Engine) -> None:
    # given the container's own process
    pid = engine.state()["Pid"]
    own = rights(Path(f"/proc/{pid}/status").read_text())
    places = [Path(f"/proc/{pid}/ns/{name}").readlink() for name in NAMESPACES]

    # when another one shows what it has and where it is
    script = f"for name in {' '.join(NAMESPACES)}; do /busybox readlink /proc/self/ns/$name; done"
    links = inside(engine, "sh", "-c", script)
    status = inside(engine, "cat", "/proc/self/status")
    cgroups = inside(engine, "cat", "/proc/self/cgroup")

    # then it is the same; in its cgroup namespace all cgroups are the root
    assert links.splitlines() == [str(place) for place in places]
    assert rights(status) == own
    assert own["CapBnd"] == "0000000000000000"
    assert {line.rpartition(":")[2] for line in cgroups.splitlines()} == {"/"}


def test_privileged_has_every_capability_and_still_the_filter(engine: Engine) -> None:
    own = rights(Path("/proc/self/status").read_text())
    got = rights(inside(engine, "cat", "/proc/self/status", options=("--privileged", "--user", "0")))
    assert got["CapEff"] == got["CapPrm"] == own["CapPrm"]
    assert got["Seccomp"] == "2"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("sh", "-c", "exit 7"), 7),
        (("sh", "-c", "kill -9 $$"), 137),
        (("sh", "-c", "kill -15 $$"), 143),
    ],
)
def test_its_exit_code_is_the_command_s(engine: Engine, words: tuple[str, ...], code: int) -> None:
    assert engine.run("exec", "box", "/busybox", *words).returncode == code


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("box", "nothing"), 127, 'exec: "nothing": executable file not found in $PATH'),
        (("box", "/nothing"), 127, 'exec: "/nothing": stat /nothing: no such file or directory'),
        (("box", "/etc"), 126, 'exec: "/etc": stat /etc: is a directory'),
        (("box", "/etc/passwd"), 126, 'exec: "/etc/passwd": stat /etc/passwd: permission denied'),
        (("-w", "/nothing", "box", "/busybox", "true"), 126, "can't change to the working directory: /nothing"),
        (("-w", "here", "box", "/busybox"), 126, "--workdir: 'here' is not an absolute path"),
        (("-u", "nobodyelse", "box", "/busybox"), 126, "the container has no user 'nobodyelse'"),
        (("nobox", "/busybox"), 1, "there is no container nobox"),
        (("-it", "box", "/busybox"), 1, "the input device is not a TTY"),
        (("-d", "box", "nothing"), 127, 'exec: "nothing": executable file not found in $PATH'),
    ],
)
def test_what_is_wrong_is_told_with_docker_s_exit_code(
    engine: Engine, words: tuple[str, ...], code: int, said: str
) -> None:
    done = engine.run("exec", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"whit: {said}")


@pytest.mark.parametrize("shell", ["sh", "/bin/sh"])
def test_a_shell_that_isn_t_in_its_image_is_had_from_whit_debug(engine: Engine, shell: str) -> None:
    """Given a container without a shell, when one is asked for, then the hint is a command that brings one."""
    hint = engine.run("exec", "-i", "box", shell).stderr.splitlines()[-1]
    words = hint.removeprefix("hint: ").split()[1:3]
    assert words[0] == "debug"
    assert engine.run(*words, "sh", "-c", "exit 7").returncode == 7


def test_input_is_given_with_i_alone(engine: Engine) -> None:
    assert engine.run("exec", "-i", "box", "/busybox", "cat", stdin="to cat\n").stdout == "to cat\n"
    assert engine.run("exec", "box", "/busybox", "cat", stdin="to cat\n").stdout == ""


def test_output_and_errors_stay_apart(engine: Engine) -> None:
    done = engine.run("exec", "box", "/busybox", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_variables_are_the_container_s_and_those_that_are_given(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "variables"
    file.write_text("# a comment\nFROM_FILE=a file\n")
    words = [
        "exec",
        "-e",
        "GIVEN=1=2",
        "-e",
        "PASSED",
        "-e",
        "ABSENT",
        "--env-file",
        str(file),
        "box",
        "/busybox",
        "env",
    ]
    shown = subprocess.run(
        [engine.program, *words], env={**engine.environment, "PASSED": "on"}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {"SET=by-the-container", "GIVEN=1=2", "PASSED=on", "FROM_FILE=a file"} <= set(shown)
    assert not [line for line in shown if line.startswith(("ABSENT", "WHIT_ROOT", "TERM="))]


@pytest.mark.parametrize(
    ("user", "who", "home"),
    [
        ("root", "uid=0(root) gid=0(root)", "/root"),
        ("0", "uid=0(root) gid=0(root)", "/root"),
        ("12345", "uid=12345 gid=0(root)", "/"),
        ("12345:54321", "uid=12345 gid=54321", "/"),
        ("nobody:0", "uid=65534(nobody) gid=0(root)", "/nonexistent"),
    ],
)
def test_users_are_the_container_s_with_a_home_of_their_own(engine: Engine, user: str, who: str, home: str) -> None:
    shown = inside(engine, "sh", "-c", "/busybox id; echo $HOME", options=("-u", user)).splitlines()
    assert shown[0].partition(" groups=")[0] == who
    assert shown[1] in {home, "/"}


def test_it_begins_in_the_folder_that_is_asked_for(engine: Engine) -> None:
    assert inside(engine, "pwd") == "/"
    assert inside(engine, "pwd", options=("-w", "/proc/sys")) == "/proc/sys"


def test_detached_it_runs_on_and_nothing_of_whit_stays(engine: Engine) -> None:
    before = set(processes_of(engine("ps", "-q", "--no-trunc")))
    # when it is started with a pipe for its output, which communicate() reads to its end
    done = engine.run("exec", "-d", "box", "/busybox", "sleep", "5000")
    # then the call has returned, and there is just the one process more
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (new,) = set(processes_of(engine("ps", "-q", "--no-trunc"))) - before
    assert Path(f"/proc/{new}/cmdline").read_bytes() == b"/busybox\0sleep\x005000\0"
    assert {Path(f"/proc/{new}/fd/{number}").readlink() for number in range(3)} == {Path("/dev/null")}
    os.kill(new, signal.SIGKILL)


def test_a_terminal_has_the_caller_s_size_and_follows_it(
    engine: Engine, at_terminal: Callable[..., AtTerminal]
) -> None:
    terminal = at_terminal("exec", "-it", "box", "/busybox", "sh", size=(33, 77))
    terminal.type("/busybox stty size; echo $TERM\r")
    assert "33 77" in terminal.wait_for("xterm\r\n")
    terminal.resize(11, 44)
    terminal.type("/busybox stty size; /busybox tty\r")
    terminal.wait_for("11 44\r\n/dev/pts/0\r\n")
    terminal.type("exit 9\r")
    assert terminal.end() == 9
    assert inside(engine, "true") == ""


def test_the_keys_let_go_of_it_and_it_goes_on(engine: Engine, at_terminal: Callable[..., AtTerminal]) -> None:
    # given a program at a terminal
    terminal = at_terminal("exec", "-it", "--detach-keys", "ctrl-x,y", "box", "/busybox", "sh")
    terminal.type(
        "echo $((6*7)) > /tmp/before; while ! [ -e /tmp/go ]; do /busybox sleep 0.05; done; echo heard; echo z > /tmp/after\r"
    )
    until(lambda: inside(engine, "sh", "-c", "[ -s /tmp/before ] && echo there || echo no") == "there")
    # when the keys are typed that let go of it
    terminal.type("\x18y")
    assert terminal.end() == 1
    assert terminal.shown.endswith("read escape sequence\r\n")
    # then it is still there, can write to its terminal, and no process of whit's is seen in the container
    processes = inside(engine, "ps", "-o", "args")
    assert "sh\n" in processes
    assert "whit" not in processes
    inside(engine, "touch", "/tmp/go")
    until(lambda: inside(engine, "sh", "-c", "[ -s /tmp/after ] && echo there || echo no") == "there")
    # and whoever holds its terminal ends with it
    end(engine, b"/busybox\0sh\0")
    until(lambda: not _running(b"exec-whit", bytes(engine.root)))


def _running(*parts: bytes) -> list[int]:
    """The processes that have all of these in their command lines."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            found += [int(entry.name)] if line and all(part in line for part in parts) else []
    return found


def end(engine: Engine, line: bytes) -> None:
    """Kill the processes of the container whose command lines are that."""
    for pid in processes_of(engine("ps", "-q", "--no-trunc")):
        if Path(f"/proc/{pid}/cmdline").read_bytes() == line:
            os.kill(pid, signal.SIGKILL)


def test_one_with_a_terminal_that_nobody_has_runs_detached(engine: Engine) -> None:
    engine("exec", "-dt", "box", "/busybox", "sh", "-c", "/busybox tty > /tmp/tty; exec /busybox sleep 4000")
    until(lambda: inside(engine, "sh", "-c", "/busybox cat /tmp/tty 2>/dev/null || true").startswith("/dev/pts/"))
    assert len(_running(b"exec-whit", bytes(engine.root))) == 1
    end(engine, b"/busybox\0sleep\x004000\0")
    until(lambda: not _running(b"exec-whit", bytes(engine.root)))


def test_with_t_alone_interrupting_ends_it(at_terminal: Callable[..., AtTerminal]) -> None:
    terminal = at_terminal("exec", "-t", "box", "/busybox", "sh", "-c", "echo ready; exec /busybox sleep 3000")
    terminal.wait_for("ready")
    terminal.type("\x03")
    assert terminal.end() == 130


def test_a_container_that_does_not_run_has_no_further_process(engine: Engine) -> None:
    engine("create", "--name", "still", "--network", "none", BUSYBOX, "true")
    done = engine.run("exec", "still", "/busybox", "true")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "whit: container still is not running")


def test_a_paused_container_is_left_alone(engine: Engine) -> None:
    engine("pause", "box")
    try:
        done = engine.run("exec", "box", "/busybox", "true")
        again = engine.run("pause", "box")
    finally:
        engine("unpause", "box")
    unpaused = engine.run("unpause", "box")
    assert (again.returncode, again.stderr) == (1, "whit: container box is paused already\nhint: whit unpause box\n")
    assert (unpaused.returncode, unpaused.stderr) == (1, "whit: container box is not paused\nhint: whit pause box\n")
    assert done.returncode == 1
    assert "container box is paused, unpause the container before exec" in done.stderr


def test_less_than_no_time_to_stop_in_is_for_ever(engine: Engine) -> None:
    engine.box("sleep", "1000", name="again")
    assert engine("restart", "-t", "-2", "again") == "again"
    assert engine("inspect", "--format", "{{.State.Running}}", "again") == "true"
