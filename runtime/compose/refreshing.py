"""``pull_policy`` (compose-spec, 05-services.md): when a service's image is looked for at its registry. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, StrEnum, dataclass

if TYPE_CHECKING:
    from whit.runtime.compose.project import Values

_SECONDS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"([0-9]{1,9})([wdhms])")
_EVERY = "every_"
_WORDS = "always, missing, if_not_present, never, build, daily, weekly, every_12h, refresh"


class When(StrEnum):
    """When it is pulled: each time, when it isn't there, never, when it is old; or it is built each time."""

    ALWAYS = "always"
    MISSING = "missing"
    NEVER = "never"
    BUILD = "build"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """``seconds`` after the last pull an image is old, where that counts."""

    when: When
    seconds: int = 0

    def is_due(self, last: float | None, now: float) -> bool:
        """Whether an image that is there is pulled again; ``last`` is when it was pulled, None where nobody knows."""
        if self.when is not When.REFRESH:
            return self.when is When.ALWAYS
        # A clock that was set back would have it young for as long.
        return last is None or not 0 <= now - last < self.seconds


def policy_of(values: Values, instead: str = "") -> PullPolicy:
    """A service's policy, or that which a person gave ``instead``. Raises :class:`UsageError`."""
    text = instead or str(values.get("pull_policy") or "")
    after = str(values.get("pull_refresh_after") or "")
    if after and text != When.REFRESH and not instead:
        raise UsageError("pull_refresh_after is of use with pull_policy: refresh alone", hint="pull_policy: refresh")
    if text in {"", "if_not_present"}:
        return PullPolicy(When.MISSING)
    if text == When.REFRESH:
        if not after:
            raise UsageError(
                "pull_policy refresh doesn't say after which time",
                hint="pull_refresh_after: 12h, or daily, weekly, every_12h",
            )
        return PullPolicy(When.REFRESH, parse_every(after))
    if text in {"daily", "weekly"}:
        return PullPolicy(When.REFRESH, _SECONDS["d" if text == "daily" else "w"])
    if text.startswith(_EVERY):
        return PullPolicy(When.REFRESH, parse_every(text.removeprefix(_EVERY)))
    if text not in set(When):
        raise UsageError(f"there is no pull_policy {text[:60]}", hint=_WORDS)
    return PullPolicy(When(text))


def parse_every(text: str) -> int:
    """``1w2d``, ``90m`` → seconds. Raises :class:`UsageError`."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"'{text[:60]}' is no time", hint="numbers and units: 1w, 2d, 12h, 90m, 30s")
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
