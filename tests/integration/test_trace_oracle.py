"""whit trace beside strace, which sees the same calls by another way: the same paths, on real programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import lacking
from tests.integration.compiled import compiled
from tests.peers import PROJECT, find_peer
from tests.programs.build import build
from whit.runtime.trace.calls import PATHS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunWhit

pytestmark = [pytest.mark.root, pytest.mark.peer("strace")]

BOX = "busybox-static"


@dataclass(frozen=True)
class Case:
    """A program (a peer's name, or a test program and its language) and its words."""

    program: str
    language: str = ""
    words: tuple[str, ...] = ()


def box(*words: str) -> Case:
    return Case(BOX, words=words)


CASES = (
    box("ls", "-laR", "/etc", "/home"),
    box("cat", "/etc/passwd", "/etc/nowhere", "etc/group"),
    box(
        "sh",
        "-c",
        "cd /etc; cat passwd ../etc/group; for i in 1 2 3; do echo $i >/tmp/$i; done; rm /tmp/2; mv /tmp/1 /tmp/4",
    ),
    box(
        "sh", "-c", "git status; /usr/bin/make; cat <missing; ln -s /etc/passwd /tmp/l; cat /tmp/l; mkdir -p /tmp/a/b/c"
    ),
    box("find", "/", "-maxdepth", "2", "-newer", "/etc/passwd"),
    box("tar", "cf", "/tmp/x.tar", "/etc"),
    box("grep", "-r", "root", "/etc"),
    box("awk", 'BEGIN { while ((getline line < "/etc/passwd") > 0) print line }'),
    box("nslookup", "localhost"),
    box("mktemp", "/tmp/a.XXXXXX"),
    box("stat", "/", "/etc", "/proc/self/exe"),
    Case("bash-static", words=("-c", "source /etc/profile; shopt -s globstar; echo /etc/**; type git; exec 3>/tmp/x")),
    Case("trace-calls", "c-glibc"),
    Case("trace-calls", "c-musl"),
    Case("needs-users", "c-glibc"),
    Case("needs-locale", "c-glibc"),
    Case("needs-iconv", "c-glibc"),
    Case("needs-services", "c-musl"),
    Case("needs-system", "c-glibc"),
    Case("needs-spawn", "c-glibc"),
    Case("everything", "go"),
    Case("exec", "go"),
    Case("zones", "go"),
    Case("temp", "go"),
    Case("needs-localtime", "go"),
    Case("hello", "c-dynamic"),
    Case("needs-locale", "c-dynamic"),
    Case("hello", "rust"),
    Case("hello", "nim"),
    Case("hello", "zig"),
)

LINE = re.compile(r"^(?P<thread>\d+) +(?P<call>\w+)\((?P<rest>.*)$")
RESUMED = re.compile(r"^\d+ +<\.\.\. \w+ resumed>")
QUOTED = re.compile(r'(?:(?P<where>AT_FDCWD|\d+)<(?P<folder>[^>]*)>, )?"(?P<text>(?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all: each program is packed once."""
    return tmp_path_factory.mktemp("oracle") / "whit-root"


def found(case: Case) -> Path:
    if not case.language:
        peer = find_peer(case.program)
        if peer is None:
            lacking(f"{case.program} isn't installed")
            raise AssertionError
        return peer
    return compiled(lambda: build(case.program, case.language))


def strace_s(log: str, program: str) -> set[str]:
    """The absolute paths that strace saw, from the program's start on, in its own processes."""
    paths: set[str] = set()
    launchers: set[str] = set()
    main = ""
    for line in log.splitlines():
        match = LINE.match(line)
        if match is None:
            assert RESUMED.match(line) or " +++ " in line or " --- " in line or "exited" in line, line
            continue
        thread, call, rest = match["thread"], match["call"], match["rest"]
        if not main and call == "execve" and rest.startswith(f'"{program}"'):
            main = thread
        if not main:
            launchers.add(thread)
        if main and (thread == main or thread not in launchers):
            paths |= set(_paths(call, rest))
    assert main, "the program's start isn't in the log"
    return paths


def _paths(call: str, rest: str) -> list[str]:
    """The call's paths, made absolute; relative ones stand after the folder that they are relative to."""
    found_texts = list(QUOTED.finditer(rest))
    wanted: list[str] = []
    if call == "connect" and "AF_UNIX" in rest:
        path = re.search(r'sun_path="([^"]*)"', rest)
        return [path[1]] if path else []
    # The text of a symbolic link isn't a path that is looked up.
    which = slice(1, 2) if call in {"symlink", "symlinkat"} else slice(len(PATHS.get(call, ())))
    for match in found_texts[which]:
        text = match["text"].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "backslashreplace")
        if text and text.startswith("/"):
            wanted.append(text)
        elif text:
            wanted.append(f"{match['folder'] or '~'}/{text}")
    return wanted


def normal(path: str) -> str:
    """As whit tells a path: without empty parts and dots, but with ``..``, which links may be before."""
    if "/.." in path:
        return path
    return "/" + "/".join(part for part in path.split("/") if part not in {"", "."})


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join((case.program, case.language, *case.words))[:50])
def test_the_paths_are_the_same(run_whit: RunWhit, whit: Path, root: Path, tmp_path: Path, case: Case) -> None:
    program = found(case)
    report = json.loads(run_whit("trace", "--json", program, *case.words, root=root).stdout)
    # The second start needs no Python, which strace would slow down.
    assert run_whit("run", program, *case.words, root=root).returncode == report["status"]
    log = tmp_path / "log"
    calls = ",".join(f"?{name}" for name in (*PATHS, "connect"))
    subprocess.run(
        ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", f"trace={calls}", "-o", log, whit, "run", program, *case.words],
        env={**os.environ, "WHIT_ROOT": str(root)}, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip

    ours = {_anonymous(item["path"]) for item in report["paths"]}
    theirs = {_anonymous(normal(path)) for path in strace_s(log.read_text(), report["program"])}

    assert f"{report['program']}" in theirs
    assert {path for path in theirs if not path.startswith("~/")} <= ours, "a path that strace saw was missed"
    relative = {path[2:] for path in theirs if path.startswith("~/")}
    assert all(any(path.endswith(f"/{end}") for path in ours) for end in relative)
    assert {path for path in ours - theirs if not any(path.endswith(f"/{end}") for end in relative)} == set()


def _anonymous(path: str) -> str:
    """Numbers of processes and names that are made up differ from run to run."""
    path = re.sub(r"/proc/\d+", "/proc/N", path)
    path = re.sub(r"(/tmp/[a-zA-Z-]*[.-]?)[0-9a-zA-Z]{6,}", r"\1X", path)
    return re.sub(r"(/tmp/[a-z-]*)\d{5,}", r"\1X", path)
