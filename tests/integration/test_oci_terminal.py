"""``process.terminal`` and ``exec --tty`` without a console socket: the container's terminal is passed on to the caller's."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.oci_bundle import Bundle

pytestmark = [pytest.mark.root, pytest.mark.peer("busybox-static")]

TERMINAL = {"process": {"terminal": True}}
STREAMS = ("stdin", "stdout", "stderr")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(our side, theirs) of a terminal that is nobody's controlling one."""
    sides = os.openpty()
    yield sides
    for side in sides:
        os.close(side)


def start(bundle: Bundle, *words: str, **streams: int) -> subprocess.Popen[bytes]:
    """The command in a session of its own, which has no /dev/tty."""
    stdin, stdout, stderr = (streams.get(name, subprocess.PIPE) for name in STREAMS)
    return subprocess.Popen(
        bundle.command(*words), cwd=bundle.folder, start_new_session=True, stdin=stdin, stdout=stdout, stderr=stderr
    )


@pytest.mark.ours("looks at standard input alone", "crun")
@pytest.mark.parametrize("stream", STREAMS)
def test_any_standard_stream_may_be_the_terminal(bundle: Bundle, terminal: tuple[int, int], stream: str) -> None:
    # given a program that reads a line, and prints it when it has told of its terminal
    ours, theirs = terminal
    bundle.write("tty; read -r line; echo got $line", TERMINAL)

    # when one stream is a terminal, and the others are pipes
    process = start(bundle, "run", "one", **{stream: theirs})

    # then input and output go where standard input and output are
    if stream == "stdin":
        os.write(ours, b"words\r")
        out, _ = process.communicate(timeout=60)
    elif stream == "stdout":
        assert process.stdin is not None
        process.stdin.write(b"words\r")
        process.stdin.flush()
        out = b""
        while b"got words" not in out:
            out += os.read(ours, 4096)
        process.communicate(timeout=60)
    else:
        out, _ = process.communicate(b"words\r", timeout=60)
    assert process.returncode == 0
    assert b"/dev/pts/0" in out or b"/dev/console" in out
    assert b"got words" in out


@pytest.mark.parametrize("times", [1, 2], ids=["first", "kept"])
def test_without_any_terminal_it_is_refused_and_nothing_is_left(bundle: Bundle, times: int) -> None:
    bundle.write("echo ran", TERMINAL)
    for _ in range(times):
        process = start(bundle, "run", "one")
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (1, b"")
        assert err
        assert not (bundle.folder / "state" / "one").exists()


def test_exec_without_any_terminal_is_refused(bundle: Bundle) -> None:
    bundle.write("sleep 600")
    assert bundle.create("one") == 0
    try:
        assert bundle.call("start", "one").code == 0
        process = start(bundle, "exec", "--tty", "one", "/bin/true")
        out, err = process.communicate(timeout=60)
        assert (process.returncode != 0, out) == (True, b"")
        assert err
        assert bundle.state("one")["status"] == "running"
    finally:
        bundle.call("delete", "--force", "one")
