"""How long ``events`` waits between two looks."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.oci.events import _interval


def test_an_interval_is_a_number_with_its_unit() -> None:
    assert [_interval(text) for text in ("100ms", "5s", "1.5m", "2h")] == [0.1, 5.0, 90.0, 7200.0]


@pytest.mark.parametrize("text", ["", "5", "0s", "-1s", "5d", "999999999999h"])
def test_what_is_no_duration_or_longer_than_can_be_waited_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"--interval: '{text}' is no duration"):
        _interval(text)
