"""--since and --until as docker takes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.engine.ages import ago, log_time, parse_length, parse_moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND


@pytest.fixture
def east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine two hours east of Greenwich."""
    monkeypatch.setenv("TZ", "EAST-2")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", NOW // SECOND - 600),
        ("1h30m", NOW // SECOND - 5400),
        ("1.5s", NOW / SECOND - 1.5),
        ("-10s", NOW // SECOND + 10),
        ("0s", NOW // SECOND),
        ("0", 0),
        ("10", 10),
        ("1700000000", 1_700_000_000),
        ("1700000000.25", 1_700_000_000.25),
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T22:13:20.250000000Z", 1_700_000_000.25),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000),
        ("2023-11-14T20:13-02:00", 1_699_999_980),
        ("2023-11-14T22Z", 1_699_999_200),
        ("2023-11-14Z", 1_699_920_000),
    ],
)
def test_a_time_is_taken_in_all_of_docker_s_forms(text: str, seconds: float) -> None:
    assert parse_moment(text, NOW) == round(4 * seconds) * SECOND // 4


@pytest.mark.usefixtures("east")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2023-11-15T00:13:20", 1_700_000_000),
        ("2023-11-15T00:13:20.5", 1_700_000_000.5),
        ("2023-11-15T00:13", 1_699_999_980),
        ("2023-11-15", 1_699_999_200),
    ],
)
def test_a_time_without_its_zone_is_the_machine_s(text: str, seconds: float) -> None:
    assert parse_moment(text, NOW) == round(4 * seconds) * SECOND // 4


@pytest.mark.parametrize("text", ["", "yesterday", "2023-13-01", "2023-11-14T25:00:00Z", "10x", "h", ".s", "1h-2m"])
def test_what_is_no_time_is_told_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(UsageError, match="--until") as caught:
        parse_moment(text, NOW, "--until")
    assert "1h30m" in (caught.value.hint or "")


def test_a_length_of_time_is_go_s() -> None:
    assert parse_length("1h2m3s4ms5us6ns") == 3_723_004_005_006
    assert parse_length(".5s") == SECOND // 2
    assert parse_length("5") is None


def test_a_moment_is_written_with_the_digits_that_it_has() -> None:
    assert rfc3339(1_700_000_000 * SECOND) == "2023-11-14T22:13:20Z"
    assert rfc3339(1_700_000_000 * SECOND + 50) == "2023-11-14T22:13:20.00000005Z"
    assert log_time(1_700_000_000 * SECOND) == b"2023-11-14T22:13:20.000000000Z"
    assert log_time(-1) == b"1970-01-01T00:00:00.000000000Z"
    assert log_time(1 << 80) == b"9999-12-31T23:59:59.000000000Z"
    assert ago(NOW - 90 * SECOND, NOW) == "About a minute ago"
