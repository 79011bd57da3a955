"""How long a trace runs, as people write it."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.trace.duration import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("7", 7), ("1.5s", 1.5)]
)
def test_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "0", "0s", "1 s", "1d", "1e3", "999999999h", "٣s", "1s\n", "1.s", "nan"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_duration(text)
