"""How long ago, how large: docker's words."""

from __future__ import annotations

import pytest

from whit.packer.showing.ages import human_duration
from whit.packer.showing.console import binary_size, human_size

HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "Less than a second"),
        (0.9, "Less than a second"),
        (1.9, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (HOUR, "About an hour"),
        (1.4 * HOUR, "About an hour"),
        (1.5 * HOUR, "2 hours"),
        (47 * HOUR, "47 hours"),
        (48 * HOUR, "2 days"),
        (13 * 24 * HOUR, "13 days"),
        (14 * 24 * HOUR, "2 weeks"),
        (59 * 24 * HOUR, "8 weeks"),
        (60 * 24 * HOUR, "2 months"),
        (729 * 24 * HOUR, "24 months"),
        (730 * 24 * HOUR, "2 years"),
    ],
)
def test_a_duration_is_rounded_as_docker_rounds_it(seconds: float, words: str) -> None:
    assert human_duration(seconds) == words


def test_sizes_have_docker_s_units_and_digits() -> None:
    assert [human_size(size) for size in (0, 999, 1000, 1234, 21_500_000, 5e18)] == [
        "0B", "999B", "1kB", "1.234kB", "21.5MB", "5EB",
    ]  # fmt: skip
    assert human_size(1_234_567, 3) == "1.23MB"
    assert [binary_size(size) for size in (0, 1023, 1024, 13_107_200, 24 << 30)] == [
        "0B", "1023B", "1KiB", "12.5MiB", "24GiB",
    ]  # fmt: skip
