"""``whit debug``: tools beside a container that has none, which notices nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.at_terminal import AtTerminal
from tests.integration.kept import Engine, processes_of, until
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

NAMESPACES = ("pid", "net", "ipc", "uts", "cgroup")
TOOLS = "/.whit-debug"


@pytest.fixture(scope="module")
def engine(whit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store with a container of one program: no shell, no tools, a root that can't be written."""
    made = Engine(whit, tmp_path_factory.mktemp("debug") / "root")
    made.box("sleep", "100000", options=("--network", "none", "-e", "OWN=value"))
    yield made
    made.clean()


def pid_of(engine: Engine) -> int:
    found: int = engine.state()["Pid"]
    return found


def names_at_root(pid: int) -> list[str]:
    return sorted(path.name for path in Path(f"/proc/{pid}/root").iterdir())


@pytest.mark.parametrize("dynamic", [False, True], ids=["busybox", "dynamic"])
def test_tools_work_beside_a_program_in_a_strict_sandbox(engine: Engine, *, dynamic: bool) -> None:
    engine("run", "-d", "--name", "strict", "--sandbox", "strict", "--network", "none", build("wait", "go"))
    words = ["strict", "sh", "-c", "id -u; echo $(echo by another process)"]
    if dynamic:
        engine("pack", "-t", "tools", build("breakout", "c-dynamic"))
        words = ["--image", "tools", "strict", "/breakout", "generate", "memfd"]

    shown = engine("debug", *words)
    engine("rm", "-f", "strict")

    assert shown == ("generate done\nmemfd done" if dynamic else "65532\nby another process")


def test_the_container_notices_nothing(engine: Engine) -> None:
    # given what the container sees
    pid = pid_of(engine)
    before = Path(f"/proc/{pid}/mountinfo").read_text()
    root = names_at_root(pid)

    def files() -> list[tuple[str, int, int]]:
        found = []
        for place in ("", "dev", "etc", "tmp"):
            for path in sorted(Path(f"/proc/{pid}/root", place).iterdir()):
                status = path.lstat()
                found.append((str(path), status.st_ino, status.st_mtime_ns))
        return found

    there = files()
    # when somebody looks around, and writes wherever it can be written to for oneself
    shown = engine(
        "debug",
        "box",
        "sh",
        "-c",
        "ls / > /dev/null; ls -d /.whit-debug; mkdir /x 2>&1; touch /.whit-debug/x 2>&1; true",
    )
    # then it was the same all the time
    assert "Read-only file system" in shown
    assert Path(f"/proc/{pid}/mountinfo").read_text() == before
    assert names_at_root(pid) == root
    assert files() == there
    # and only the container's program is left
    until(lambda: processes_of(engine("ps", "-q", "--no-trunc")) == [pid])


def test_it_is_where_the_container_is_with_its_rights(engine: Engine) -> None:
    pid = pid_of(engine)
    script = f"for name in {' '.join(NAMESPACES)}; do readlink /proc/self/ns/$name; done; cat /proc/self/status"
    shown = engine("debug", "box", "sh", "-c", script)
    for name in NAMESPACES:
        assert str(Path(f"/proc/{pid}/ns/{name}").readlink()) in shown
    own = Path(f"/proc/{pid}/status").read_text()
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid"):
        (line,) = [line for line in own.splitlines() if line.startswith(f"{name}:")]
        assert line in shown.splitlines()


def test_processes_files_and_variables_are_the_container_s(engine: Engine) -> None:
    assert "/busybox sleep 100000" in engine("debug", "box", "ps")
    assert engine("debug", "box", "sh", "-c", "echo $OWN $PATH").startswith(f"value {TOOLS}/bin:")
    listed = engine("debug", "box", "ls", "-a", "/").split()
    assert {"busybox", "etc", "proc", TOOLS.removeprefix("/")} <= set(listed)
    # one can even execute its own program, at its own place
    assert engine("debug", "box", "/busybox", "echo", "its own") == "its own"
    assert engine("debug", "box", "cat", "/proc/1/comm") == "busybox"


def test_where_memory_is_short_the_tools_go_first(engine: Engine) -> None:
    assert engine("debug", "box", "cat", "/proc/self/oom_score_adj") == "1000"


def test_what_is_piped_in_comes_back_and_the_exit_code_is_the_command_s(engine: Engine) -> None:
    done = engine.run("debug", "box", "sh", "-c", "cat; exit 9", stdin="through it\n")
    assert (done.returncode, done.stdout) == (9, "through it\n")


def test_a_capability_that_is_asked_for_comes_with_the_calls_that_it_is_for(engine: Engine) -> None:
    # given that mounting takes a capability, and a filter that lets it through
    script = "mount -t tmpfs none /tmp && echo mounted"
    assert engine.run("debug", "-u", "0", "box", "sh", "-c", script).returncode != 0
    # then it can be had, for oneself
    assert engine("debug", "-u", "0", "--cap-add", "SYS_ADMIN", "box", "sh", "-c", script) == "mounted"
    shown = engine("debug", "--cap-add", "sys_ptrace", "box", "grep", "CapEff", "/proc/self/status")
    assert shown.split()[1] == f"{1 << 19:016x}"


def test_at_a_terminal_it_is_a_shell(engine: Engine) -> None:
    terminal = AtTerminal([engine.program, "debug", "box"], engine.environment, size=(31, 71))
    try:
        terminal.type("stty size; echo $((6*7))\r")
        assert "31 71" in terminal.wait_for("42\r\n")
        terminal.type("exit 3\r")
        assert terminal.end() == 3
    finally:
        terminal.close()


def test_an_image_s_tools_need_not_be_static(engine: Engine) -> None:
    # given an image whose program has libraries, and none of the container's
    engine("pack", "-t", "tools:1", "/bin/bash")
    script = 'echo /container/*; echo "$(</proc/1/comm)"; echo own > /tmp/file && echo "$(</tmp/file)"; echo "$(</etc/hosts)"'
    # when it looks around
    shown = engine("debug", "--image", "tools:1", "box", "/bash", "-c", script).splitlines()
    # then the container's files are all in one place, its processes are there, and files of one's own are nobody else's
    pid = pid_of(engine)
    assert set(shown[0].split()) == {f"/container/{name}" for name in names_at_root(pid)}
    assert shown[1:3] == ["busybox", "own"]
    assert "127.0.0.1" in "".join(shown[3:])
    assert not Path(f"/proc/{pid}/root/tmp/file").exists()


def test_a_root_that_is_full_of_traps_is_seen_as_it_is(engine: Engine) -> None:
    # given a container whose root has what leads nowhere, waits, or has no name that can be written
    script = (
        'b=/busybox; $b mkfifo /pipe; $b mkdir -m 0 /closed; $b touch "$(printf "/new\\nline")" "$(printf "/\\377byte")"; '
        "$b ln -s loop /loop; $b ln -s /proc/1/root/pipe /away; $b mkdir /.whit-debug; echo ready; exec $b sleep 100000"
    )
    engine.box("sh", "-c", script, options=("--network", "none", "--writable", "-u", "0"), name="traps")
    until(lambda: engine.log("traps") == "ready\n")
    # when it is looked at, then all of it is there, and the tools are in the place of what the container has put there
    shown = engine(
        "debug", "traps", "sh", "-c", "ls -a / | cat -v; readlink /away; ls /.whit-debug; ls -ld /closed /pipe"
    )
    assert {"new?line", "?byte", "loop", "away", "pipe", "closed", "/proc/1/root/pipe", "bin"} <= set(shown.split())
    assert "d---------" in shown
    assert "prw-r--r--" in shown
    # and what is written to its folders is the container's
    engine("debug", "traps", "sh", "-c", "echo there > /home/file")
    assert engine("exec", "traps", "/busybox", "cat", "/home/file") == "there"


def test_tools_are_kept_once(engine: Engine) -> None:
    engine("debug", "box", "true")
    (folder,) = (engine.root / "tools").iterdir()
    assert (folder / "bin" / "sh").readlink() == Path("busybox")
    before = (folder / "bin" / "busybox").stat()
    engine("debug", "box", "true")
    assert (folder / "bin" / "busybox").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nobox",), 1, "there is no container nobox"),
        (("--image", "nothing:1", "box"), 1, "there is no image nothing:1"),
        (("--cap-add", "EVERYTHING", "box"), 2, "--cap-add: 'EVERYTHING' is no capability"),
        (("box", "nothing"), 127, 'exec: "nothing": executable file not found in $PATH'),
        (("-t", "box"), 1, "the input device is not a TTY"),
        (("-w", "/nothing", "box"), 126, "can't change to the working directory: /nothing"),
    ],
)
def test_what_is_wrong_is_told(engine: Engine, words: tuple[str, ...], code: int, said: str) -> None:
    done = engine.run("debug", *words)
    assert done.returncode == code
    assert done.stderr.startswith(f"whit: {said}")


def test_a_container_that_does_not_run_has_nothing_to_debug(engine: Engine) -> None:
    engine("create", "--name", "still", "--network", "none", "/bin/busybox", "true")
    done = engine.run("debug", "still")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "whit: container still is not running")
