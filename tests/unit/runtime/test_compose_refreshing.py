"""``pull_policy``: when an image that is there is pulled again."""

from __future__ import annotations

import pytest

from whit.packer.support.errors import UsageError
from whit.runtime.compose.refreshing import PullPolicy, When, parse_every, policy_of

DAY = 86400


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", PullPolicy(When.MISSING)),
        ("if_not_present", PullPolicy(When.MISSING)),
        ("always", PullPolicy(When.ALWAYS)),
        ("never", PullPolicy(When.NEVER)),
        ("build", PullPolicy(When.BUILD)),
        ("daily", PullPolicy(When.REFRESH, DAY)),
        ("weekly", PullPolicy(When.REFRESH, 7 * DAY)),
        ("every_12h", PullPolicy(When.REFRESH, DAY // 2)),
        ("every_1w2d3h4m5s", PullPolicy(When.REFRESH, 9 * DAY + 3 * 3600 + 4 * 60 + 5)),
    ],
)
def test_a_word_of_the_file_is_a_policy(text: str, policy: PullPolicy) -> None:
    assert policy_of({"pull_policy": text}) == policy


def test_refresh_says_elsewhere_after_which_time_and_a_person_s_word_counts_instead() -> None:
    values = {"pull_policy": "refresh", "pull_refresh_after": "90m"}
    assert policy_of(values) == PullPolicy(When.REFRESH, 5400)
    assert policy_of(values, "never") == PullPolicy(When.NEVER)


@pytest.mark.parametrize("text", ["", "12", "h", "-1h", "1h 2m", "1y", "9" * 40 + "d", "1.5h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_every(text)


def test_an_image_is_pulled_again_once_its_last_pull_is_old_or_nobody_knows_when_that_was() -> None:
    daily = PullPolicy(When.REFRESH, DAY)
    assert not daily.is_due(1000.0, 1000.0 + DAY - 1)
    assert daily.is_due(1000.0, 1000.0 + DAY)
    assert daily.is_due(None, 0.0)
    assert daily.is_due(2000.0, 1000.0), "a clock that was set back"
    assert PullPolicy(When.ALWAYS).is_due(1000.0, 1000.0)
    assert not PullPolicy(When.MISSING).is_due(None, 0.0)
