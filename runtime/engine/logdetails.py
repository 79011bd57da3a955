"""``--log-opt labels=…, env=…`` and ``whit logs --details``: what of a container is told with every line of its log. Pure."""

from __future__ import annotations

import re

from whit.packer.support.errors import UsageError
from whit.packer.support.light import TYPE_CHECKING, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from whit.runtime.engine.model import LogOptions

_LONGEST = 1000
"""Characters of a pattern."""


def with_details(log: LogOptions, name: str, value: str) -> LogOptions | None:
    """The options with one more of docker's four, None for another. Raises :class:`UsageError` for no pattern."""
    names = tuple(part for part in value.split(",") if part)
    if name == "labels":
        return replace(log, labels=names)
    if name == "env":
        return replace(log, env=names)
    if name not in {"labels-regex", "env-regex"}:
        return None
    try:
        re.compile(value[:_LONGEST])
    except re.error as error:
        raise UsageError(f"--log-opt {name}={value[:60]}: {error}") from None
    if len(value) > _LONGEST:
        raise UsageError(f"--log-opt {name}: at most {_LONGEST} characters are taken")
    return replace(log, labels_regex=value) if name == "labels-regex" else replace(log, env_regex=value)


def details(log: LogOptions, labels: Mapping[str, str], environment: Iterable[str]) -> bytes:
    """What stands before each line, a space at its end: ``NAME=VALUE,…``, by name, escaped as in a URL's query."""
    variables = {name: value for name, _, value in (item.partition("=") for item in environment)}
    found = {
        **_chosen(labels, log.labels, log.labels_regex),
        **_chosen(variables, log.env, log.env_regex),
    }
    from urllib.parse import quote_plus  # noqa: PLC0415 - few logs have any

    pairs = (f"{quote_plus(name)}={quote_plus(value)}" for name, value in sorted(found.items()))
    return f"{','.join(pairs)} ".encode()


def _chosen(values: Mapping[str, str], names: Iterable[str], pattern: str) -> dict[str, str]:
    wanted, fits = set(names), re.compile(pattern) if pattern else None
    return {name: value for name, value in values.items() if name in wanted or (fits and fits.search(name))}
