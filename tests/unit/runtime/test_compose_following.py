"""``runtime/compose/running/following.py``: lines of several containers, and what becomes of an output that takes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import WhitError
from whit.runtime.compose.running.following import Lines, Look, show_logs
from whit.runtime.engine.loglines import Wish

if TYPE_CHECKING:
    from pathlib import Path


def _full(_stream: int, _data: bytes) -> None:
    raise WhitError("can't write to standard output: no space left on device")


def test_whole_lines_have_a_name_in_front() -> None:
    # given a container that writes half a line, and then the rest of it
    written: list[bytes] = []
    take, finish = Lines(Look(coloured=False, width=5), lambda _stream, data: written.append(data)).writer(
        "web-1", "web"
    )
    # when it ends without an end of its last line
    take(1, b"one\ntw")
    take(1, b"o\nthree")
    finish()
    # then no line is cut
    assert written == [b"web-1  | one\n", b"web-1  | two\n", b"web-1  | three\n"]


def test_an_output_that_is_full_is_kept_for_who_waits_and_raises_in_no_thread() -> None:
    # given lines that go to a full disk
    lines = Lines(Look(prefixed=False), _full)
    take, _ = lines.writer("web-1", "web")
    # when a container's thread brings one, and whit itself says something
    take(1, b"one\n")
    lines.say("web-1 exited with code 0")
    # then neither raises, and the one that waits for them finds why
    assert "no space left" in str(lines.broken)


def test_a_log_that_cannot_be_read_is_told_by_the_thread_that_waits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a container whose log can't be read
    def unreadable(*_words: object, **_more: object) -> None:
        raise WhitError("the log can't be read")

    following = "whit.runtime.compose.running.following"
    monkeypatch.setattr(f"{following}.show_log", unreadable)
    monkeypatch.setattr(f"{following}.is_supervised", lambda _folder: True)
    # when it is followed, in a thread of its own
    with pytest.raises(WhitError, match="the log can't be read"):
        show_logs([(_Container(tmp_path), "web-1", "web")], Lines(Look()), Wish(b"", b""), None, goes_on=True)  # type: ignore[list-item]


class _Log:
    driver = "json-file"


class _Made:
    log = _Log()


class _Container:
    container = _Made()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
