"""A container's log as it is shown: which lines, whose stream, over rotations and damage."""

from __future__ import annotations

import itertools
import os
import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whit.runtime.engine.loglines import STDERR, STDOUT, Shown, Wish
from whit.runtime.engine.logs import show_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

OUT, ERR = "stdout", "stderr"


def stamp(second: int) -> str:
    return f"2026-11-29T12:{second // 60:02}:{second % 60:02}.000000000Z"


def line(second: int, text: str, stream: str = OUT, tag: str = "F") -> bytes:
    return f"{stamp(second)} {stream} {tag} {text}\n".encode()


def whole(folder: Path, *lines: bytes, name: str = "log") -> None:
    (folder / name).write_bytes(b"".join(lines))


@dataclass
class Seen:
    """What was written, in order and by stream."""

    pieces: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, stream: int, data: bytes) -> None:
        self.pieces.append((stream, data))

    def of(self, stream: int) -> str:
        return b"".join(data for to, data in self.pieces if to == stream).decode()

    @property
    def out(self) -> str:
        return self.of(STDOUT)

    @property
    def err(self) -> str:
        return self.of(STDERR)


def seen(
    folder: Path,
    wish: Wish | None = None,
    tail: int | None = None,
    alive: Callable[[], bool] | None = None,
    *,
    together: bool = False,
) -> Seen:
    made = Seen()
    show_log(folder, wish or Wish(), made.write, tail=tail, together=together, alive=alive)
    return made


def test_a_container_that_wrote_nothing_has_an_empty_log(tmp_path: Path) -> None:
    assert seen(tmp_path).pieces == []
    assert seen(tmp_path, tail=3).pieces == []
    whole(tmp_path)
    assert seen(tmp_path, tail=3).pieces == []


def test_each_stream_s_text_goes_to_it(tmp_path: Path) -> None:
    whole(tmp_path, line(1, "a"), line(2, "b", ERR), line(3, ""), line(4, "c"))
    assert sorted(seen(tmp_path).pieces) == [(STDOUT, b"a\n\nc\n"), (STDERR, b"b\n")]


@pytest.mark.parametrize("wish", [Wish(), Wish(since=b"2026")], ids=["quickly", "one by one"])
def test_for_one_place_all_is_in_the_order_in_which_it_was_written(tmp_path: Path, wish: Wish) -> None:
    whole(tmp_path, line(1, "a"), line(2, "b", ERR), line(3, "c"))
    assert seen(tmp_path, wish, together=True).pieces == [(STDOUT, b"a\nb\nc\n")]


def test_parts_of_a_line_are_joined_also_where_the_other_stream_came_between(tmp_path: Path) -> None:
    whole(
        tmp_path,
        line(1, "long", tag="P"),
        line(2, "e", ERR),
        line(3, "er", tag="P"),
        line(4, "!"),
        line(5, "$ ", tag="P"),
    )
    shown = seen(tmp_path)
    assert (shown.out, shown.err) == ("longer!\n$ ", "e\n")


def test_times_stand_before_lines_and_not_before_their_parts(tmp_path: Path) -> None:
    whole(tmp_path, line(1, "a", tag="P"), line(2, "b"), line(3, "c"))
    assert seen(tmp_path, Wish(timestamps=True)).out == f"{stamp(1)} ab\n{stamp(3)} c\n"


def test_rotated_files_are_shown_the_oldest_first(tmp_path: Path) -> None:
    for number in range(12):
        whole(tmp_path, line(20 - number, f"{20 - number}"), name=f"log.{number}" if number else "log")
    whole(tmp_path, line(1, "no"), name="log.old")
    assert seen(tmp_path).out.split() == [str(number) for number in range(9, 21)]


@pytest.mark.parametrize(("since", "until", "shown"), [(2, 0, "b c"), (0, 2, "a b"), (2, 2, "b"), (9, 0, "")])
def test_only_lines_between_two_times(tmp_path: Path, since: int, until: int, shown: str) -> None:
    whole(tmp_path, line(1, "a"), line(2, "b"), line(3, "c"))
    wish = Wish(stamp(since).encode() if since else b"", stamp(until).encode() if until else b"")
    assert seen(tmp_path, wish).out.split() == shown.split()


DAMAGE = {
    "cut in its text": line(3, "cu")[:-1],
    "cut in its head": line(3, "")[:17],
    "zeros": bytes(5000),
    "many zeros": bytes(3 << 20),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_last_line_keeps_no_other_from_being_shown(tmp_path: Path, damage: bytes) -> None:
    whole(tmp_path, line(1, "a"), line(2, "b"), damage)
    assert seen(tmp_path).out == "a\nb\n"
    assert seen(tmp_path, tail=1).out == "b\n"
    assert seen(tmp_path, Wish(timestamps=True)).out.count("\n") == 2


@pytest.mark.parametrize("damage", [DAMAGE["cut in its head"], DAMAGE["zeros"]], ids=["cut", "zeros"])
def test_what_a_supervisor_wrote_after_a_crash_is_shown_too(tmp_path: Path, damage: bytes) -> None:
    whole(tmp_path, line(1, "a"), damage, b"\n", line(4, "later"))
    assert seen(tmp_path).out == "a\nlater\n"
    assert seen(tmp_path, tail=2).out == "a\nlater\n"


def test_the_last_lines_are_those_of_both_streams_together(tmp_path: Path) -> None:
    whole(tmp_path, line(1, "a"), line(2, "b", ERR), line(3, "c"), line(4, "d", ERR))
    assert seen(tmp_path, tail=3, together=True).out == "b\nc\nd\n"
    assert (seen(tmp_path, tail=3).out, seen(tmp_path, tail=3).err) == ("c\n", "b\nd\n")
    assert seen(tmp_path, tail=0).pieces == []
    assert seen(tmp_path, tail=9).out == "a\nc\n"


def test_the_last_line_is_shown_with_all_of_its_parts(tmp_path: Path) -> None:
    whole(tmp_path, line(1, "old"), line(2, "be", tag="P"), line(3, "gin", tag="P"), name="log.1")
    whole(tmp_path, line(4, "between", ERR), line(5, "end"))
    assert seen(tmp_path, tail=1, together=True).out == "beginend\n"


def _reference(lines: Iterable[tuple[str, str, str]], tail: int) -> dict[str, str]:
    """The last lines by joining all of them first; a line stands where its last part is."""
    done: list[tuple[str, str]] = []
    pending: dict[str, str] = {}
    for stream, tag, text in lines:
        pending[stream] = pending.get(stream, "") + text
        if tag == "F":
            done.append((stream, pending.pop(stream) + "\n"))
    return {
        "done": "",
        **{name: "".join(text for stream, text in done[-tail:] if stream == name) for name in (OUT, ERR)},
    }


@pytest.mark.parametrize("seed", range(30))
def test_the_last_lines_of_any_log_are_the_end_of_all(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = [
        (chance.choice((OUT, OUT, ERR)), chance.choice("FFP"), chance.choice(("", "x", f"{at} ", "y" * 5000)))
        for at in range(chance.randrange(1, 300))
    ]
    lines += [(OUT, "F", ""), (ERR, "F", "")]
    written = [line(at % 3000, text, stream, tag) for at, (stream, tag, text) in enumerate(lines)]
    cuts = sorted(chance.randrange(len(lines)) for _ in range(3))
    for name, start, end in zip(("log.3", "log.2", "log.1", "log"), [0, *cuts], [*cuts, None], strict=True):
        whole(tmp_path, *written[start:end], name=name)
    for tail in (1, 2, 7, 50):
        expected = _reference(lines, tail)
        shown = seen(tmp_path, tail=tail)
        assert (shown.out, shown.err) == (expected[OUT], expected[ERR])


def test_little_is_read_for_the_last_lines_of_a_large_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a sparse log of 8 GB with some lines at its end
    with (tmp_path / "log").open("wb") as file:
        file.truncate(8 << 30)
        file.seek(0, 2)
        file.write(b"\n" + b"".join(line(at, f"{at}") for at in range(100)))
    read: list[int] = []
    pread = os.pread

    def counted(descriptor: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(descriptor, size, at)

    monkeypatch.setattr("os.pread", counted)
    assert seen(tmp_path, tail=3).out == "97\n98\n99\n"
    assert sum(read) < 16 << 20


class Writer:
    """Writes and rotates as the supervisor does: runtime/launcher/engine_log.c."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = (folder / "log").open("ab", buffering=0)

    def add(self, data: bytes) -> None:
        self.file.write(data)

    def rotate(self) -> None:
        names = ["log", *(f"log.{number}" for number in range(1, 1000))]
        for newer, older in reversed(list(itertools.pairwise(names))):
            if (self.folder / newer).exists():
                (self.folder / newer).rename(self.folder / older)
        self.file.close()
        self.file = (self.folder / "log").open("ab", buffering=0)

    def begin_anew(self) -> None:
        self.file.truncate(0)
        self.add(line(9, "new"))


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path)
    yield made
    made.file.close()


def while_steps(*steps: Callable[[], None]) -> Callable[[], bool]:
    """A container that does one step each time that it is looked at, and then has ended."""
    left = list(steps)

    def alive() -> bool:
        if not left:
            return False
        left.pop(0)()
        return True

    return alive


def test_following_shows_each_line_once_over_rotations_until_the_container_ends(tmp_path: Path, writer: Writer) -> None:
    ended, count = threading.Event(), 20_000

    def write() -> None:
        chance = random.Random(1)
        for at in range(count):
            data = line(at % 3000, f"{at}", chance.choice((OUT, ERR)))
            cut = chance.randrange(len(data)) if at % 50 == 0 else 0
            if cut:
                writer.add(data[:cut])
            writer.add(data[cut:])
            if at % 400 == 399:
                writer.rotate()
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    shown = seen(tmp_path, alive=lambda: not ended.is_set())
    thread.join()
    numbers = [*shown.out.split(), *shown.err.split()]
    assert sorted(map(int, numbers)) == list(range(count))


def test_following_begins_with_the_last_lines(tmp_path: Path, writer: Writer) -> None:
    writer.add(line(1, "old") + line(2, "last"))
    alive = while_steps(lambda: writer.add(line(3, "new")), writer.rotate, lambda: writer.add(line(4, "newer")))
    assert seen(tmp_path, tail=1, alive=alive).out == "last\nnew\nnewer\n"


def test_following_goes_on_where_the_files_were_renamed_more_than_once_meanwhile(
    tmp_path: Path, writer: Writer
) -> None:
    def much() -> None:
        for at in range(5):
            writer.add(line(at, f"{at}"))
            writer.rotate()

    assert seen(tmp_path, alive=while_steps(much)).out.split() == ["0", "1", "2", "3", "4"]


def test_following_a_log_that_begins_anew_in_its_place(tmp_path: Path, writer: Writer) -> None:
    writer.add(line(1, "a long first line, longer than the next"))
    assert seen(tmp_path, alive=while_steps(writer.begin_anew)).out.endswith("next\nnew\n")


def test_following_waits_for_a_log_that_isn_t_there_yet(tmp_path: Path) -> None:
    assert seen(tmp_path, alive=while_steps(lambda: whole(tmp_path, line(1, "a")))).out == "a\n"


def test_following_ends_at_until(tmp_path: Path) -> None:
    whole(tmp_path, line(1, "a"), line(5, "b"))
    assert seen(tmp_path, Wish(until=stamp(2).encode()), alive=lambda: True).out == "a\n"


@given(st.lists(st.binary(max_size=80) | st.sampled_from([line(1, "a"), line(2, "b", ERR), line(3, "c", tag="P")])))
def test_any_bytes_are_a_log_of_which_the_whole_lines_are_shown(pieces: list[bytes]) -> None:
    for wish in (Wish(), Wish(timestamps=True)):
        shown = Shown(wish)
        whole_lines = b"".join(piece if piece.endswith(b"\n") else piece + b"\n" for piece in pieces)
        out = b"".join(
            data for half in (whole_lines[:50], whole_lines[50:]) for to, data in shown.feed(half) if to == STDOUT
        )
        assert out.count(b"a\n") >= pieces.count(line(1, "a"))
