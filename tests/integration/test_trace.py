"""whit trace on real programs: what it sees, what it says, and that no program ever hangs or outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tests.peers import PROJECT, find_peer
from tests.programs.build import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunWhit

SCHEMA = json.loads((PROJECT / "docs" / "trace.schema.json").read_text())


@pytest.fixture
def trace(run_whit: RunWhit) -> Callable[..., dict[str, Any]]:
    """``trace("--for", "1s", program, …)``: the report, checked against its schema."""

    def run(*words: str | Path) -> dict[str, Any]:
        done = run_whit("trace", "--json", *words)
        assert done.returncode == 0, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        jsonschema.validate(report, SCHEMA)
        return report

    return run


def asked(report: dict[str, Any]) -> dict[str, str]:
    """Path → what was meant to be done there."""
    return {item["path"]: item["deed"] for item in report["paths"]}


def misses(report: dict[str, Any]) -> set[str]:
    return {item["path"] for item in report["missed"]}


@pytest.fixture(scope="module")
def box() -> Path:
    found = find_peer("busybox-static")
    if found is None:
        pytest.skip("busybox-static isn't installed")
    return found


def test_every_watched_call_is_seen_with_its_path(trace: Callable[..., dict[str, Any]]) -> None:
    report = trace(build("trace-calls", "c-glibc"))

    paths = asked(report)
    for name in ("openat", "openat2", "newfstatat", "statx", "faccessat", "faccessat2", "readlinkat", "statfs", "getxattr",
                 "inotify", "chdir", "open", "stat", "lstat", "access", "readlink"):  # fmt: skip
        assert paths.get(f"/{name}") in {"open", "look"}, name
    for name in ("mkdirat", "mknodat", "symlinkat", "linkat-to", "renameat2-to", "fchmodat", "fchownat", "utimensat", "truncate",
                 "setxattr", "mkdir", "rename-to", "chmod", "tmp/creat", "tmp/openat-creates", "tmp/openat2-creates"):  # fmt: skip
        assert paths.get(f"/{name}") == "write", name
    for name in ("unlinkat", "renameat2-from", "rename-from", "unlink", "rmdir"):
        assert paths.get(f"/{name}") == "remove", name
    assert report["calls"] >= 60


def test_executed_programs_are_told_with_two_words_of_their_commands(trace: Callable[..., dict[str, Any]]) -> None:
    report = trace(build("trace-calls", "c-glibc"))

    assert [(item["path"], item["found"], item["words"]) for item in report["executed"]] == [
        ("/trace-calls", True, ["/trace-calls"]),
        ("/execve", False, ["program", "word"]),
        ("/execveat", False, ["program", "word"]),
    ]
    assert {"/execve", "/execveat"} <= misses(report)


def test_addresses_are_told(trace: Callable[..., dict[str, Any]]) -> None:
    report = trace(build("trace-calls", "c-glibc"))

    assert report["listens"] == [{"kind": "tcp", "host": "127.0.0.1", "port": 8080}]
    assert report["binds"] == [{"kind": "udp", "host": "::", "port": 5353}]
    assert {(item["kind"], item["host"], item["port"]) for item in report["connects"]} == {
        ("tcp", "127.0.0.1", 8080), ("udp", "127.0.0.1", 53), ("unix", "/connect", None),
    }  # fmt: skip
    assert report["families"] == ["ipv4", "ipv6", "unix"]


def test_what_is_missed_is_brought_by_what_the_trace_proposes(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    config = Path("/usr/share/common-licenses/Apache-2.0")
    command = f"cat {config} /usr/share/zoneinfo/UTC /etc/mime.types"

    before = trace(box, "sh", "-c", command)
    after = trace(*before["pack"], box, "sh", "-c", command)

    assert misses(before) == {str(config), "/usr/share/zoneinfo/UTC", "/etc/mime.types"}
    assert misses(after) == set()
    assert after["status"] == 0
    assert {str(config), "/usr/share/zoneinfo/UTC", "/etc/mime.types"} <= {item["path"] for item in after["used"]}


def test_files_beside_a_program_are_found_where_it_is_started(run_whit: RunWhit, box: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("setting\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page").write_text("page\n")
    words = (box, "sh", "-c", "ls templates; cat config.yaml templates/page")

    before = json.loads(run_whit("trace", "--json", *words, cwd=tmp_path).stdout)
    after = run_whit("trace", *before["pack"], *words, cwd=tmp_path)

    assert before["pack"] == ["--add", "templates:/templates", "--add", "config.yaml:/config.yaml"]
    assert after.stdout == "page\nsetting\npage\n"


def test_a_missing_program_is_one_finding(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace(box, "sh", "-c", "git clone x")

    (miss,) = report["missed"]
    assert (miss["need"], miss["path"].rpartition("/")[2]) == ("exec", "git")
    assert len(miss["others"]) == 5


def test_files_that_are_never_touched_stay(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace(box, "cat", "/etc/passwd")

    assert {item["path"] for item in report["used"]} == {"/busybox", "/etc/passwd"}
    assert "/etc/group" in {item["path"] for item in report["untouched"]}
    assert report["pack"] == []
    assert {item["need"]: item["path"] for item in report["promotions"]}["users"] == "/etc/passwd"


def test_what_can_and_can_t_be_written(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace(
        "--tmpfs", "/run", box, "sh", "-c", "echo a >/tmp/a; echo b >/etc/b; mkdir /run/c; echo >/dev/null; rm /tmp/a"
    )

    assert {item["path"]: item["works"] for item in report["written"]} == {
        "/tmp/a": True,
        "/etc/b": False,
        "/run/c": True,
    }
    assert misses(report) == set()


def test_relative_paths_are_told_from_the_root_on(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace(box, "sh", "-c", "cd /etc; cat passwd ./nowhere ../etc/group")

    assert {"/etc/passwd": "open", "/etc/nowhere": "open", "/etc/../etc/group": "open"}.items() <= asked(report).items()
    assert "/etc/group" in {item["path"] for item in report["used"]}


def test_an_image_can_be_traced_by_its_name(run_whit: RunWhit, trace: Callable[..., dict[str, Any]], box: Path) -> None:
    assert run_whit("pack", box, "-t", "me/box:1").returncode == 0
    report = trace("me/box:1", "cat", "/etc/passwd")
    assert report["target"] == "me/box:1"
    assert "/etc/passwd" in {item["path"] for item in report["used"]}
    assert report["promotions"]


def test_the_page_goes_to_standard_error_and_the_program_keeps_its_own_streams(run_whit: RunWhit, box: Path) -> None:
    done = run_whit("trace", box, "cat", "-", "/etc/mime.types", stdin="hello\n")

    assert done.stdout == "hello\n"
    assert (done.returncode, "ended with status 1" in done.stderr) == (0, True)
    assert "--needs +mime" in done.stderr
    assert "whit pack" in done.stderr


def test_json_on_standard_output_is_alone_there(run_whit: RunWhit, box: Path, tmp_path: Path) -> None:
    done = run_whit("trace", "--json", "-o", tmp_path / "report.json", box, "echo", "hello")

    assert json.loads(done.stdout) == json.loads((tmp_path / "report.json").read_text())
    assert done.stderr == "hello\n"


def test_check_fails_on_a_miss(run_whit: RunWhit, box: Path) -> None:
    assert run_whit("trace", "--check", box, "cat", "/etc/mime.types").returncode == 1
    assert run_whit("trace", "--check", box, "cat", "/etc/passwd").returncode == 0


def test_it_ends_when_its_time_is_up(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace("--for", "300ms", box, "sleep", "1000")
    assert (report["stopped"], report["status"]) == (True, 128 + signal.SIGTERM)
    assert 0.3 <= report["seconds"] < 5


def test_a_program_that_catches_sigterm_ends_as_it_likes(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace(
        "--for", "300ms", box, "sh", "-c", 'trap "cat /etc/group; exit 7" TERM; while :; do sleep 0.05; done'
    )
    assert (report["stopped"], report["status"]) == (True, 7)
    assert "/etc/group" in {item["path"] for item in report["used"]}


def _start(whit: Path, root: Path, *words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [whit, "trace", *words], env={**os.environ, "WHIT_ROOT": str(root)}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def _until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_program_and_the_report_comes(
    whit: Path, whit_root: Path, box: Path, number: signal.Signals
) -> None:
    process = _start(whit, whit_root, box, "sh", "-c", "cat /etc/mime.types; echo ready; while :; do sleep 0.02; done")
    _until_ready(process)

    os.killpg(process.pid, number)
    _, page = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "--needs +mime" in page
    assert "was ended with status" in page


def test_the_second_interrupt_kills_at_once(whit: Path, whit_root: Path, box: Path) -> None:
    process = _start(whit, whit_root, box, "sh", "-c", 'trap "echo no" TERM; echo ready; while :; do sleep 0.02; done')
    _until_ready(process)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    assert process.stdout.readline() == "no\n"
    process.send_signal(signal.SIGINT)
    _, page = process.communicate(timeout=8)
    assert "was ended with status 137" in page


def _container_s(marker: str) -> list[int]:
    """The processes of any namespace that have a word in their command line."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                words = Path(f"/proc/{entry.name}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if marker.encode() in words and b"_launch" not in words and b"trace" not in words:
                found.append(int(entry.name))
    return found


def test_a_tracer_that_is_killed_takes_the_container_with_it(whit: Path, whit_root: Path, box: Path) -> None:
    marker = f"31.{os.getpid()}"
    process = _start(
        whit, whit_root, box, "sh", "-c", f"echo ready; sleep {marker} & while :; do cat /etc/passwd; done"
    )
    _until_ready(process)
    until = time.monotonic() + 10
    while not _container_s(marker) and time.monotonic() < until:
        time.sleep(0.01)
    assert _container_s(marker)

    process.kill()
    process.communicate(timeout=10)

    until = time.monotonic() + 10
    while _container_s(marker) and time.monotonic() < until:
        time.sleep(0.01)
    assert _container_s(marker) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--entrypoint", "/nowhere"), 127, "there is no /nowhere in the image"),
        (("--for", "soon"), 2, "is no time"),
        (("-w", "/nowhere"), 125, "can't change to the working directory"),
    ],
)
def test_what_can_t_be_started_is_said_as_by_run_and_there_is_no_report(
    run_whit: RunWhit, box: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run_whit("trace", *words, box)
    assert done.returncode == code
    assert said in done.stderr
    assert "calls watched" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_init_process_is_no_obstacle(trace: Callable[..., dict[str, Any]], box: Path) -> None:
    report = trace("--init", box, "cat", "/etc/passwd")
    assert report["status"] == 0
    assert "/etc/passwd" in {item["path"] for item in report["used"]}


@pytest.mark.peer("gcc")
def test_a_dynamic_program_s_libraries_and_loader_are_used(trace: Callable[..., dict[str, Any]]) -> None:
    report = trace(build("hello", "c-dynamic"))

    used = {item["path"].rpartition("/")[2] for item in report["used"] if item["need"] == "libraries"}
    assert {"libc.so.6", "ld-linux-x86-64.so.2"} <= used
    assert misses(report) == set()
    assert "dlopen" not in {item["need"] for item in report["promotions"]}
