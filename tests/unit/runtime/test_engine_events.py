"""Events: appended by many, rotated, read and followed."""

from __future__ import annotations

import json
import multiprocessing
import time
from typing import TYPE_CHECKING

import pytest

from whit.packer.store import eventlog
from whit.packer.store.eventlog import made, record
from whit.packer.support.errors import UsageError
from whit.runtime.engine import events
from whit.runtime.engine.eventform import fields_of, line_of, matches, parse_filters, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ID = "a1" * 32
EVENT = made(
    "container", "start", ID, {"name": "web", "image": "me/server:1.0", "team": "blue"}, 1_700_000_000_000_000_001
)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def actions(root: Path, since: int | None = 0, until: int | None = None, **filters: list[str]) -> list[str]:
    return [event["Action"] for event in events.read_events(root, since, until, filters)]


def test_what_is_recorded_is_a_line_of_docker_s_json(tmp_path: Path) -> None:
    before = time.time_ns()
    record(tmp_path, "container", "die", ID, {"name": "web", "exitCode": "3"})
    document = json.loads((tmp_path / "events").read_text())
    assert before <= document.pop("timeNano") <= time.time_ns()
    assert before // 10**9 <= document.pop("time") <= time.time()
    assert document == {
        "Type": "container",
        "Action": "die",
        "Actor": {"ID": ID, "Attributes": {"exitCode": "3", "name": "web"}},
        "scope": "local",
    }


def test_where_nothing_can_be_written_nothing_is_said(tmp_path: Path) -> None:
    record(tmp_path / "absent", "container", "start", ID, {})
    assert actions(tmp_path / "absent") == []


def test_events_are_read_back_in_order_and_between_times(tmp_path: Path) -> None:
    for action in ("create", "start", "die"):
        record(tmp_path, "container", action, ID, {})
    times = [event["timeNano"] for event in events.read_events(tmp_path, 0, None, {})]
    assert actions(tmp_path) == ["create", "start", "die"]
    assert actions(tmp_path, since=times[1]) == ["start", "die"]
    assert actions(tmp_path, until=times[1]) == ["create", "start"]
    assert actions(tmp_path, since=None) == []


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    record(tmp_path, "container", "start", ID, {})
    with (tmp_path / "events").open("ab") as file:
        file.write(b'\0\0\0\n{"Type": 1}\n[]\n{"Type":"container","Act\n' + b"[" * 100_000 + b"\n")
    record(tmp_path, "container", "die", ID, {})
    with (tmp_path / "events").open("ab") as file:
        file.write(b'{"Type":"container","Action":"cut')
    assert actions(tmp_path) == ["start", "die"]


def _record_many(root: Path, writer: int, count: int) -> None:
    for at in range(count):
        record(root, "container", f"{writer}-{at}", ID, {"pad": "x" * 200})


def test_many_write_at_once_and_a_follower_sees_each_event_once_over_a_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "LARGEST", 1_000_000)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_record_many, args=(tmp_path, writer, 1000)) for writer in range(4)]

    def goes_on() -> bool:
        return any(writer.is_alive() for writer in writers)

    for writer in writers:
        writer.start()
    seen = [event["Action"] for event in events.read_events(tmp_path, 0, None, {}, goes_on)]
    for writer in writers:
        writer.join()
    assert sorted(seen) == sorted(f"{writer}-{at}" for writer in range(4) for at in range(1000))
    assert (tmp_path / "events.1").stat().st_size >= 1_000_000


def test_a_follower_begins_with_what_comes(tmp_path: Path) -> None:
    for at in range(2000):
        record(tmp_path, "container", f"old {at}", ID, {"pad": "x" * 100})
    steps = iter(["start", "die"])

    def goes_on() -> bool:
        step = next(steps, None)
        if step:
            record(tmp_path, "container", step, ID, {})
        return step is not None

    assert [event["Action"] for event in events.read_events(tmp_path, None, None, {}, goes_on)] == ["start", "die"]


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (["container=web"], True),
        (["container=a1a1"], True),
        (["container=db"], False),
        (["container=db", "container=web"], True),
        (["event=start"], True),
        (["event=star"], False),
        (["type=container", "event=die"], False),
        (["image=me/server:1.0"], True),
        (["image=me/server"], True),
        (["image=me"], False),
        (["label=team"], True),
        (["label=team=blue", "label=name"], True),
        (["label=team=red"], False),
        (["network=bridge"], False),
        (["scope=local"], True),
    ],
)
def test_filters_are_docker_s(filters: list[str], passes: bool) -> None:
    assert matches(EVENT, parse_filters(filters)) is passes


def test_an_event_with_a_colon_is_found_by_its_beginning() -> None:
    event = made("container", "health_status: healthy", ID, {}, 1)
    assert matches(event, parse_filters(["event=health_status"]))
    assert matches(event, parse_filters(["event=health_status: healthy"]))


@pytest.mark.parametrize("text", ["web", "container=", "colour=red"])
def test_what_is_no_filter_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="--filter"):
        parse_filters([text])


@pytest.mark.usefixtures("utc")
def test_the_text_is_docker_s() -> None:
    assert line_of(EVENT) == (
        f"2023-11-14T22:13:20.000000001Z container start {ID} (image=me/server:1.0, name=web, team=blue)"
    )


def test_a_template_sees_docker_s_names() -> None:
    fields = fields_of(EVENT)
    assert (fields["ID"], fields["Status"], fields["From"], fields["TimeNano"]) == (
        ID, "start", "me/server:1.0", 1_700_000_000_000_000_001,
    )  # fmt: skip
    assert parsed(json.dumps(EVENT).encode()) == EVENT
